/** Every example of every help text is typed at a desk: what it needs is there, and it ends with 0. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DAY_MS } from "../infra/limits.ts";
import { asOpsError } from "./command/errors.ts";
import type { Invocation } from "./command/invocation.ts";
import { typed } from "./command/typed.fixture.ts";
import { type Desk, openDesk } from "./examples.fixture.ts";
import { NEEDS, withPassphrase } from "./examples-needs.fixture.ts";
import { allCommands } from "./registry.ts";

/**
 * Minutes of moves and restores, which have slow tests of their own: `.ci/run slow` types them, a whole run on one machine does not.
 * A deployment needs a verified backup.
 */
const LASTING = /^(generation|restore|vacuum|index rebuild|drill|backup (?!create|verify))/;
const commands = (await allCommands())
  .filter(({ path }) => process.env.PRISM_SLOW !== "representative" || !LASTING.test(path))
  // Whoever has rotated the service's secret is not let in with the old one.
  .toSorted((a, b) => Number(a.path === "secrets rotate") - Number(b.path === "secrets rotate"));

/** What only the Pulumi engine does: without one it is refused, and `npm run infra:engine` goes through what these begin. */
const NEEDS_ENGINE: readonly string[] = [
  "deploy --stack production --dry-run",
  "rollback --stack production",
  "secrets rotate API_SECRET --stack production",
  "drift --stack production --json",
  "adopt --stack production --out import.json",
];

/** What another test types, for this reason. */
const ELSEWHERE: readonly { id: string; reason: string; test: string; typed: string }[] = [
  {
    id: "bootstrap --stack production --account 023e105f4ecef8ad9ca31a8372d0c353 --yes",
    reason: "it writes the stack's file of this checkout: that test has a project of its own, and an engine",
    test: "delivery/bootstrap-engine.test.ts",
    typed: 'bootstrap(["--yes"]',
  },
  ...[
    "bench http --json",
    "bench http --telemetry",
    "bench http --neighbour --chunks 10000,100000",
    "bench http --chunks 10000,100000,1000000 --json",
    "bench ingest --json",
    "bench ingest --formats --json",
    "bench ingest --formats --sections 2000",
    "bench backup --rows 100000 --json",
  ].map((id) => ({
    id,
    reason: "minutes of measuring, and goals that a loaded machine misses: that test measures less",
    test: id.includes("backup") ? "bench/backup-slow.test.ts" : "bench/bench-slow.test.ts",
    typed: `runCli(["${id.split(" ").slice(0, 2).join('", "')}"`,
  })),
  ...["gameday --fault poison-message", "gameday --json"].map((id) => ({
    id,
    reason: "a fault takes a platform of its own, all of them half an hour: that test plays two",
    test: "gameday/gameday-slow.test.ts",
    typed: 'runCli(["gameday", "--fault", "poison-message"',
  })),
];
const LEFT_OUT = new Set([...NEEDS_ENGINE, ...ELSEWHERE.map(({ id }) => id)]);

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk?.close());

/** A person who says yes to all that is asked; and who ends a tail once it watches, and a request was seen by it. */
function person(line: string): Partial<Invocation> {
  const ended = new AbortController();
  const note = (text: string) => {
    if (!text.startsWith("Watching")) return;
    void desk.service.call("GET", "/health").then(() => ended.abort());
  };
  // An old secret and an old generation are in use, or a way back, for some days.
  const now = () => Date.now() + (/--retire|^generation drop/.test(line) ? 8 * DAY_MS : 0);
  const env = line.includes("passphrase") ? withPassphrase() : process.env;
  return {
    env,
    now,
    signal: ended.signal,
    note,
    ask: async (question) => (question.includes("only for the situation") ? "" : "y"),
  };
}

/** What comes of an example, in a shell where it needs one. */
async function typedInShell(example: string): Promise<{ code: number; text: string }> {
  const [line = "", shell] = example.split(/ (?=>|&&)/, 2);
  const came = await typed(line, person(line)).catch((thrown: unknown) => {
    const { exit_code, message } = asOpsError(thrown);
    return { code: exit_code, text: message };
  });
  if (shell !== undefined) {
    writeFileSync("said", came.text);
    execFileSync("bash", ["-euc", `cat said ${example.slice(line.length)}`], { stdio: "ignore" });
  }
  return came;
}

test.each(commands)("$path: its examples can be typed as they stand", async ({ path, examples }) => {
  const wrong: string[] = [];
  const ofAll = await NEEDS[path]?.(desk);
  for (const example of examples) {
    if (LEFT_OUT.has(example)) continue;
    const stands = { ...ofAll, ...(example === path ? {} : await NEEDS[example]?.(desk)) };
    const line = Object.entries(stands).reduce((words, [known, own]) => words.replaceAll(known, own), example);
    const { code, text } = await typedInShell(line);
    if (code !== 0) wrong.push(`${line}\n  exit code ${code}: ${text}`);
  }
  expect(wrong).toEqual([]);
});

test("what is left out exists; it is refused for want of the engine, or another test types it", async () => {
  const all = new Set(commands.flatMap(({ examples }) => examples));
  expect([...LEFT_OUT].filter((example) => !all.has(example))).toEqual([]);
  vi.stubEnv("PATH", desk.folder);
  vi.stubEnv("XDG_CACHE_HOME", desk.folder);
  for (const example of NEEDS_ENGINE)
    expect(await typedInShell(example), example).toMatchObject({ text: expect.stringContaining("`pulumi`") });
  for (const { id, test, typed } of ELSEWHERE)
    expect(readFileSync(join(import.meta.dirname, test), "utf8"), id).toContain(typed);
});
