import { resolve } from "node:path";
import { expect, test } from "vitest";
import { allCommands, COMMANDS } from "../registry.ts";
import { addressed, addressedAdvice } from "./addressed.ts";
import { runCommand } from "./run-cli.fixture.ts";

const where = { stack: "production", data: undefined };

test("a command that is named acts where the one that names it does, unless it says where itself", () => {
  const told = [
    ["Undo: npm run ops -- restore undo", "Undo: npm run ops -- restore undo --stack production"],
    [
      "npm run ops -- generation list; npm run ops -- generation cancel gives it up",
      "npm run ops -- generation list --stack production; npm run ops -- generation cancel --stack production gives it up",
    ],
    [
      "npm run ops -- backup create and npm run ops -- backup verify first",
      "npm run ops -- backup create --stack production and npm run ops -- backup verify --stack production first",
    ],
    ["`npm run ops -- backup key list`", "`npm run ops -- backup key list --stack production`"],
    ["→ npm run ops -- runbook run slow-responses", "→ npm run ops -- runbook run --stack production slow-responses"],
    [
      "npm run ops -- generation undo database|vectors",
      "npm run ops -- generation undo --stack production database|vectors",
    ],
    ["npm run ops -- adopt --stack STACK writes it", "npm run ops -- adopt --stack STACK writes it"],
    ["npm run ops -- generation --help", "npm run ops -- generation --help"],
    ["npm run ops -- deployments", "npm run ops -- deployments"],
  ];
  for (const [said, printed] of told) expect(addressed(said ?? "", where)).toBe(printed);
  for (const [said] of told) expect(addressed(said ?? "", {})).toBe(said);
  expect(addressed("npm start (in another terminal)", { data: "/a" })).toBe(
    "npm start -- --data /a (in another terminal)",
  );
  expect(addressed("npm start -- --data DIR", { data: "/a" })).toBe("npm start -- --data DIR");
  expect(addressed("npm run ops -- health", { data: "/a b/it's" })).toBe(
    "npm run ops -- health --data '/a b/it'\\''s'",
  );
});

test("what a machine reads names commands in the same way, where it says what to do", () => {
  const data = { refusals: [{ reason: "npm run ops -- health", remedy: "npm run ops -- deploy" }], try: null, at: 1 };
  expect(JSON.parse(JSON.stringify(data, addressedAdvice(where)))).toEqual({
    refusals: [{ reason: "npm run ops -- health", remedy: "npm run ops -- deploy --stack production" }],
    try: null,
    at: 1,
  });
});

test("a repository that was named is named to what reads one, and to nothing else", () => {
  const repository = { repository: "s3://vault/prism?endpoint=https://host" };
  const told =
    "npm run ops -- backup verify, then npm run ops -- restore undo; npm run ops -- drill --repository PLACE";
  expect(addressed(told, repository)).toBe(
    "npm run ops -- backup verify --repository 's3://vault/prism?endpoint=https://host', then npm run ops -- restore undo; npm run ops -- drill --repository PLACE",
  );
});

test("every command that takes a repository is named with it, and no other", async () => {
  const takes = (await allCommands()).filter(({ options }) => "repository" in options.shape).map(({ path }) => path);
  const named = Object.keys(COMMANDS).filter((path) =>
    addressed(`npm run ops -- ${path}`, { repository: "/vault" }).includes("--repository"),
  );
  expect(named.sort()).toEqual(takes.sort());
});

test("the keys that opened it are named as well, unless the command names its own", () => {
  const repository = { repository: "/vault", key_files: ["/keys/a.json", "/keys/b c.json"] };
  expect(addressed("npm run ops -- restore apply --resume; npm run ops -- restore undo", repository)).toBe(
    "npm run ops -- restore apply --repository /vault --key-file /keys/a.json --key-file '/keys/b c.json' --resume; npm run ops -- restore undo",
  );
  expect(addressed("npm run ops -- backup verify --key-file /keys/c.json", repository)).toBe(
    "npm run ops -- backup verify --repository /vault --key-file /keys/c.json",
  );
});

test("what is printed says so of the command line; what the environment says is left to it", async () => {
  const environment = { CLOUDFLARE_API_TOKEN: "", CLOUDFLARE_ACCOUNT_ID: "" };
  const typed = await runCommand(["backup", "list", "--stack", "production", "--json"], environment);
  const hint = "npm run ops -- bootstrap --stack production makes one";
  expect(JSON.parse(typed.stdout).error.hint).toContain(hint);
  expect(typed.stderr).toContain(hint);
  const elsewhere = await runCommand(["schedule", "run", "--data", "else where"]);
  const mistyped = await runCommand(["backup", "list", "--repository", "no place", "--key-file", "none"]);
  expect(mistyped.stderr).toContain(`npm run ops -- backup create --repository '${resolve("no place")}' --init DIR`);
  expect(elsewhere.stderr).toContain("(npm run ops -- schedule list --data 'else where')");
});
