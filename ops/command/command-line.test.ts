import { expect, test } from "vitest";
import { COMMANDS } from "../registry.ts";
import { pathIn } from "./command-line.ts";
import { runWords } from "./run-words.ts";
import { silentShell } from "./silent-shell.fixture.ts";

test.each([
  ["unblock 203.0.113.7", "unblock"],
  ["--stack local backup create --full", "backup create"],
  ["keys create drill", "keys create"],
  ["block drill", "block"],
  ["backup", undefined],
  ["audit export vacuum", "audit export"],
])("of the words %j the first that name a command count", (line, path) => {
  expect(pathIn(line.split(" "))).toBe(path);
});

test.each([
  ["backup create --init --dry-run", "--init", "--dry-run"],
  ["backup list --key-file --repository vault", "--key-file", "--repository"],
  ["restore plan --at --json latest", "--at", "--json"],
])("an option is no value of the one before it: %s", async (line, option, next) => {
  const shell = silentShell(process.env);
  expect(await runWords(line.split(" "), shell)).toBe(2);
  expect(String(shell.stderr.read())).toMatch(new RegExp(`'${option} <[\\w-]+>' argument missing before ${next}\n`));
});

test.each([
  ["mode set emergency --reason", "", '--reason: "": must not be empty'],
  ["restore plan --at", "nope", "a time ago such as 90m, 6h or 2d"],
  ["keys create --name x --expires", "nope", "a time from now such as 90m, 6h or 2d"],
])("%s '%s' is refused in words that say what is taken", async (line, value, cause) => {
  const shell = silentShell(process.env);
  expect(await runWords([...line.split(" "), value], shell)).toBe(2);
  expect(String(shell.stderr.read())).toContain(cause);
});

test.each(Object.keys(COMMANDS))(
  "%s: the lines of its help are full, but for those that end a sentence",
  async (path) => {
    const shell = silentShell(process.env);
    await runWords([...path.split(" "), "--help"], shell);
    const [words = ""] = String(shell.stdout.read()).split(/\n(?:Arguments|Options):\n/);
    const [, ...paragraphs] = words.trim().split("\n\n");
    for (const lines of paragraphs.map((paragraph) => paragraph.split("\n")))
      for (const [index, line] of lines.slice(0, -1).entries()) {
        const [word = ""] = lines[index + 1]?.split(" ") ?? [];
        if (!/[.:]$/.test(line)) expect(`${line} ${word}`.length, line).toBeGreaterThan(80);
      }
  },
);
