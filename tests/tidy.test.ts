/** House style as a test. Rules and their messages are in tidy-code.ts and tidy-markdown.ts; exceptions are here. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  bans,
  type Exception,
  lengths,
  lockfile,
  namedFiles,
  names,
  pins,
  processes,
  reasons,
  type Tree,
} from "./tidy-code.ts";
import { rooms } from "./tidy-imports.ts";
import {
  changelog,
  constants,
  indexes,
  lineNumbers,
  links,
  maps,
  runbooks,
  titles,
  variables,
} from "./tidy-markdown.ts";

const ROOT = join(import.meta.dirname, "..");

const LONG_FILES: readonly Exception[] = [
  { id: "ops/limits.ts", reason: "every limit of the room in one place" },
  { id: "local/vectorize/store.ts", reason: "one class: the operations of an index and what they share" },
  { id: "worker/limits.ts", reason: "one list: every number of the room, with its reason" },
];

const BANNED_TEXT: readonly Exception[] = [
  { id: "worker/service.fixture.ts", reason: "tests index into answers whose shape is what they check" },
  { id: "local/rest/rest-server.fixture.ts", reason: "as worker/service.fixture.ts" },
  { id: "tests/tidy.test.ts", reason: "holds the offenders that the rules are tried on" },
  { id: "tests/tidy-code.ts", reason: "holds the patterns" },
];

const FOREIGN_WORDS: readonly Exception[] = [
  { id: "ops/logs/log-line.ts", reason: "Logpush marks with words alone what it cut out of a record" },
  { id: "local/rest/d1-export.ts", reason: "miniflare's client answers a failed dump with its words alone" },
  { id: "ops/stack/pulumi-driver.ts", reason: "the engine's warnings for people, of which some are left out" },
  { id: "ops/stack/pulumi-events.ts", reason: "the engine fails with words alone; here they become a reason" },
  {
    id: "ops/migrate/ledger.ts",
    reason: "D1 gives every statement that fails the same code; SQLite's words tell which",
  },
];

/** Files of infra, worker and ops that import the platform on this machine. */
const KNOWS_LOCAL: readonly Exception[] = [
  { id: "ops/bench/backup.ts", reason: "starts one to measure on" },
  { id: "ops/bench/http-setup.ts", reason: "starts bare Workers to measure beside" },
  { id: "ops/bench/cold-start.ts", reason: "starts workerd anew, to measure its first answer" },
  { id: "ops/service/rig.ts", reason: "starts one for `eval`, `bench` and drills of files" },
  { id: "ops/gameday/arena.ts", reason: "starts one for game days" },
  { id: "ops/stack/open-driver.ts", reason: "stack `local` is driven without an engine" },
  {
    id: "ops/stack/adoptable.ts",
    reason: "ids to import by stand with the nouns of the stand-in provider, which imports by them, too",
  },
];

const OWN_PROCESSES: readonly Exception[] = [
  {
    id: "infra/engine/language-host/main.ts",
    reason: "Node.js with the environment and the ends that the engine tells",
  },
  { id: "local/watchdog.ts", reason: "a shell in a session of its own, which must outlive this process" },
  { id: "infra/policy/main.ts", reason: "a server that is ended in an exit hook, where nothing can be awaited" },
  { id: "ops/bench/measured-child.ts", reason: "measures the process by its id; a shell around it would be measured" },
  { id: "local/pulumi/local-driver.ts", reason: "the program is told and heard over Node.js' own channel" },
];

const NOT_THE_USERS: readonly Exception[] = [
  { id: "PULUMI_CONFIG_SECRET_KEYS", reason: "the engine tells the program by it" },
];

/** Everything a clone has: what .gitignore names is not read. */
function readTree(): Tree {
  const ignored = new Set([".git", ...readFileSync(join(ROOT, ".gitignore"), "utf8").split(/\/?\n/)]);
  const tree = new Map<string, string>();
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (ignored.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else tree.set(path, readFileSync(join(ROOT, path), "utf8"));
    }
  };
  walk("");
  return tree;
}

const RULES: Record<string, (tree: Tree) => string[]> = {
  "names say what is inside": names,
  "a file has one concern": (tree) => lengths(tree, LONG_FILES),
  "nothing is in the repository that must not be": (tree) => bans(tree, BANNED_TEXT),
  "errors are told apart by their reason": (tree) => reasons(tree, FOREIGN_WORDS),
  "imports lead down, and not into the local platform": (tree) => rooms(tree, KNOWS_LOCAL),
  "foreign programs run through zx": (tree) => processes(tree, OWN_PROCESSES),
  "files that comments and documents name exist": namedFiles,
  "constants that documents name exist": constants,
  "dependencies are pinned exactly": pins,
  "npm ci accepts the lockfile": lockfile,
  "a document has one title": titles,
  "links and anchors lead somewhere": links,
  "documents name symbols, not lines": lineNumbers,
  "indexes are complete": indexes,
  "the map of a room names its folders": maps,
  "the changelog names the version": changelog,
  "the README names the variables that are read": (tree) => variables(tree, NOT_THE_USERS),
  "runbooks can be executed": runbooks,
};

describe("the repository keeps the house rules", () => {
  const tree = readTree();
  test.each(Object.entries(RULES))("%s", (_, rule) => {
    expect(rule(tree)).toEqual([]);
  });
});

const RUNBOOK = `---
id: a
alerts: []
severity: SEV-2
services: [x]
last_drilled: never
---
# A
## Meaning
## Impact
## Do not
## Steps
\`\`\`sh step=look risk=read
true
\`\`\`
## Verify
## If it fails
## Last drilled
`;

describe("each rule notices its offender and says what to do", () => {
  const banned = (tree: Tree) => bans(tree, []);
  const told = (tree: Tree) => reasons(tree, []);
  const offenders: [rule: (tree: Tree) => string[], path: string, text: string, message: string][] = [
    [names, "worker/utils/text.ts", "", "name the file for the concept"],
    [names, "worker/VectorPack.ts", "", "kebab-case"],
    [(tree) => lengths(tree, []), "worker/long.ts", "x\n".repeat(301), "Split off"],
    [(tree) => lengths(tree, [{ id: "worker/short.ts", reason: "was long" }]), "worker/short.ts", "x\n", "remove it"],
    [banned, "worker/a.ts", "// @ts-ignore", "correct the type"],
    [banned, "a.ts", "// biome-ignore lint/suspicious/noExplicitAny: lazy", "`unknown`"],
    [banned, "a.test.ts", "test.only('x')", "hides every other test"],
    [banned, "a.test.ts", "describe.skip('x')", "repair or delete"],
    [banned, "a.test.ts", "vi.mock('./b.ts')", "start the real thing"],
    [banned, "a.test.ts", "await new Promise((go) => setTimeout(go, 9))", "wait for the state"],
    [banned, "a.md", "TODO: later", "open an issue"],
    [banned, "a.md", "see ../shared/x", "stands alone"],
    [banned, "a.ts", 'open("/home/me/x")', "no path of one machine"],
    [banned, "package-lock.json", '"resolved": "https://host/x.tgz"', "no registry's host"],
    [banned, "a.ts", "<<<<<<< ours\n", "finish the merge"],
    [(tree) => bans(tree, [{ id: "a.ts", reason: "once" }]), "a.ts", "fine", "remove it"],
    [told, "ops/a.ts", 'if (error.parts.cause.includes("never deployed")) return null;', "isReason"],
    [told, "ops/a.ts", 'if (asOpsError(error).parts.op === "find") return null;', "isReason"],
    [told, "ops/a.ts", "const isMissing = error.exit_code === EXIT.usage;", "isReason"],
    [told, "infra/a.ts", "if (/in use/.test(error.message)) retry();", "isReason"],
    [(tree) => reasons(tree, [{ id: "ops/a.ts", reason: "once" }]), "ops/a.ts", "fine", "remove it"],
    [(tree) => rooms(tree, []), "infra/a.ts", 'import type { A } from "../worker/a.ts";', "a floor up"],
    [(tree) => rooms(tree, []), "worker/b/a.ts", 'await import("../../ops/a.ts")', "a floor up"],
    [(tree) => rooms(tree, []), "ops/a.ts", 'import "../local/a.ts";', "move what both need to infra/"],
    [(tree) => rooms(tree, [{ id: "ops/a.ts", reason: "once" }]), "ops/a.ts", "", "remove it from KNOWS_LOCAL"],
    [(tree) => processes(tree, []), "ops/a.ts", 'import { spawn } from "node:child_process";', "run it through `$`"],
    [(tree) => processes(tree, [{ id: "ops/a.ts", reason: "once" }]), "ops/a.ts", "fine", "remove it"],
    [namedFiles, "a.ts", "/** See `gone.test.ts`. */", "does not exist"],
    [namedFiles, "a.md", "In `worker/gone/` there is nothing.", "does not exist"],
    [constants, "docs/a.md", "See `GONE_MS_MAX`.", "no code has"],
    [pins, "package.json", '{"devDependencies":{"x":"^1.0.0"}}', "npm install -E x"],
    [
      lockfile,
      "package-lock.json",
      '{"packages":{"node_modules/a":{"optionalDependencies":{"a-darwin":"1.0.0"}}}}',
      'add "node_modules/a-darwin" with version 1.0.0',
    ],
    [titles, "a.md", "# One\n\n# Two\n", "has 2 titles"],
    [titles, "a.md", "```\n# no title\n```\n", "has 0 titles"],
    [links, "docs/a.md", "[x](b.md)", "no docs/b.md"],
    [links, "a.md", "# A b\n[x](#a-c)", "names no heading"],
    [lineNumbers, "a.md", "see app.ts:12", "name the function"],
    [indexes, "runbooks/new.md", RUNBOOK, "does not link new.md"],
    [maps, "ops/new/verb.ts", "", "does not say what new/ holds"],
    [changelog, "package.json", '{"version":"1.2.3"}', "newest release is none, package.json says 1.2.3"],
    [(tree) => variables(tree, []), "ops/a.ts", "process.env.PRISM_NEW", "add it to the table"],
    [(tree) => variables(tree, []), "ops/a.ts", 'const { PRISM_NEW = "" } = env;', "add it to the table"],
    [(tree) => variables(tree, []), "ops/a.ts", "({ PRISM_NEW }: NodeJS.ProcessEnv) => 1", "add it to the table"],
    [(tree) => variables(tree, []), "README.md", "| `PRISM_OLD` | nobody | gone |", "remove its row"],
    [(tree) => variables(tree, [{ id: "PULUMI_OLD", reason: "once" }]), "a.ts", "fine", "remove it from"],
    [runbooks, "runbooks/b.md", RUNBOOK, "id is not b"],
    [runbooks, "runbooks/a.md", RUNBOOK.replace(" risk=read", ""), 'line 13: "sh step=look": risk is one of'],
    [
      runbooks,
      "runbooks/a.md",
      RUNBOOK.replace("```sh step=look risk=read\n", '$&curl -d "{\\"text\\":\\"$NEWS\\"}"\n'),
      "breaks its JSON",
    ],
  ];
  test.each(offenders.map(([rule, path, text, message]) => ({ rule, path, text, message })))(
    "$path: $message",
    ({ rule, path, text, message }) => {
      expect(rule(new Map([[path, text]])).join("\n")).toContain(message);
    },
  );

  test("tests start the local platform, which itself imports every room", () => {
    const tree = new Map([
      ["ops/a.test.ts", 'import { startPlatform } from "../local/platform.ts";'],
      ["local/a.ts", 'import { a } from "../../ops/a.ts";'],
    ]);
    expect(rooms(tree, [])).toEqual([]);
  });

  test("a well-formed runbook is no offender", () => {
    expect(runbooks(new Map([["runbooks/a.md", RUNBOOK]]))).toEqual([]);
  });
});
