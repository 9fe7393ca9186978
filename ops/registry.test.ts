/** What holds for every command, because it derives from the declaration: shown over the registry, not over a list. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { buildProgram } from "./command/command-line.ts";
import { type Command, ownFlags } from "./command/define.ts";
import { EXIT, OpsError } from "./command/errors.ts";
import { flagsOf } from "./command/flags.ts";
import { perform } from "./command/perform.ts";
import { silentShell } from "./command/silent-shell.fixture.ts";
import { withCommandTable } from "./command-table.ts";
import { AREAS, allCommands } from "./registry.ts";

const commands = await allCommands();
const { program } = await buildProgram([], process, async () => {});
const changing = commands.filter(({ risk }) => risk !== "read");

describe("every command", () => {
  test("is in the README's table, which is fresh (npm run generate)", () => {
    const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
    expect(withCommandTable(readme, commands)).toBe(readme);
    expect(() => withCommandTable("# PRISM", commands)).toThrow(/README.md lacks/);
  });

  test("has a path that no other command's path begins with, in an area that is described", () => {
    for (const { path } of commands) {
      expect(commands.filter((other) => other.path.startsWith(`${path} `))).toEqual([]);
      for (const [index] of path.split(" ").slice(1).entries())
        expect(Object.keys(AREAS)).toContain(
          path
            .split(" ")
            .slice(0, index + 1)
            .join(" "),
        );
    }
  });

  test.each(commands)("$path: its examples name it, and only options that it has", (command) => {
    const known = new Set([...program.options.map(({ long }) => long), ...ownFlags(command)]);
    for (const example of command.examples) {
      expect(example.startsWith(command.path)).toBe(true);
      const flags = example.split(/\s+/).filter((word) => word.startsWith("--"));
      expect(flags.filter((flag) => !known.has(flag))).toEqual([]);
    }
  });

  test.each(commands)(
    "$path: what it takes and prints can be said as JSON Schema, closed against more",
    ({ args, options, output }) => {
      for (const flag of [...flagsOf(args), ...flagsOf(options)]) expect(flag.description, flag.key).not.toBe("");
      const schema = z.toJSONSchema(output, { io: "input" });
      const objects = "anyOf" in schema ? schema.anyOf : "oneOf" in schema ? schema.oneOf : [schema];
      for (const object of objects ?? []) expect(object).toMatchObject({ type: "object", additionalProperties: false });
    },
  );
});

describe("every command that changes something", () => {
  const folder = mkdtempSync(join(tmpdir(), "prism-registry-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Carries the command out with other work in place of its own, and returns what the journal then holds of it. */
  async function recorded(command: Command, run: Command["run"], dryRun = false): Promise<unknown[]> {
    const data = mkdtempSync(join(folder, "data-"));
    const options = { json: true, stack: "local", data, verbose: false, dryRun, yes: true } as const;
    await perform({ ...command, run }, options, {}, silentShell(process.env), {}).catch(() => {});
    try {
      return readFileSync(join(data, "journal.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    } catch {
      return [];
    }
  }

  test.each(changing)(
    "$path: leaves an audit record when it is done, and when it fails after it was confirmed",
    async (command) => {
      const done = await recorded(command, async () => ({ data: {}, text: "", audit: { detail: { count: 1 } } }));
      expect(done).toMatchObject([{ action: command.path, stack: "local", outcome: "done", detail: { count: 1 } }]);
      const error = new OpsError({ op: "do", subject: "it", cause: "refused", hint: "" }, { exit_code: EXIT.refused });
      const failed = await recorded(command, async ({ confirm }) => {
        await confirm({ op: "do", subject: "it" });
        throw error;
      });
      expect(failed).toMatchObject([{ action: command.path, outcome: "refused", detail: { cause: "do it: refused" } }]);
    },
  );

  test.each(changing)("$path: a dry run leaves none, and it offers one", async (command) => {
    expect(await recorded(command, async () => ({ data: {}, text: "" }), true)).toEqual([]);
    expect(ownFlags(command)).toContain("--dry-run");
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s ends what it has begun in order, and it is written down: a closed terminal leaves no step behind that nobody watches",
    async (sent) => {
      const [command] = changing;
      const stopped = await recorded(command as Command, async ({ confirm, signal }) => {
        await confirm({ op: "do", subject: "it" });
        process.emit(sent);
        signal.throwIfAborted();
        return { data: {}, text: "" };
      });
      expect(stopped).toMatchObject([{ detail: { cause: expect.stringContaining("interrupted") } }]);
    },
  );

  test("what takes something away can be confirmed by a machine", () => {
    for (const command of commands) if (command.risk === "destructive") expect(ownFlags(command)).toContain("--yes");
  });
});
