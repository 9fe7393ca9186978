import { describe, expect, test } from "vitest";
import { runCli as ops } from "./command/run-cli.fixture.ts";

describe("the command line", () => {
  test("help names every area, the global options and the exit codes", async () => {
    const { code, stdout } = await ops(["--help"]);
    expect(code).toBe(0);
    for (const word of ["bench", "eval", "index", "keys", "synthetic", "--stack", "--json", "Exit codes"]) {
      expect(stdout).toContain(word);
    }
  });

  test("every command's help has an example and the shape of its JSON", async () => {
    const commands = [
      ["synthetic"],
      ["keys", "create"],
      ["keys", "list"],
      ["keys", "revoke"],
      ["index", "update"],
      ["eval", "retrieval"],
      ["eval", "answers"],
      ["bench", "http"],
      ["bench", "ingest"],
    ];
    const helps = await Promise.all(commands.map((command) => ops([...command, "--help"])));
    for (const [index, { code, stdout }] of helps.entries()) {
      expect({ command: commands[index], code }).toMatchObject({ code: 0 });
      expect(stdout).toMatch(/Examples?:\n {2}npm run /);
      expect(stdout).toContain("JSON: {");
      expect(stdout).toContain("--stack");
    }
  });

  test("wrong usage exits with 2 and says what is right", async () => {
    const unknown = await ops(["keys", "crate"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain("unknown command 'crate' (Did you mean create?)");
    expect(unknown.stderr).toContain("Try: npm run ops -- keys --help");

    const stack = await ops(["synthetic", "--stack", "moon"]);
    expect(stack.code).toBe(2);
    expect(stack.stderr).toContain("Allowed choices are local, staging, production");

    expect((await ops(["bench", "http", "--chunks", "many"])).code).toBe(2);
    expect((await ops(["keys", "create", "--name", "x", "--scopes", "read,rule"])).stderr).toContain("rule");
    expect((await ops(["keys"])).stderr).toContain("a command is missing");
  });

  test("with --json a failure is one JSON document on stdout, wherever the option stands", async () => {
    for (const args of [
      ["--json", "keys", "crate"],
      ["keys", "list", "--json", "--data", "no-such-folder"],
    ]) {
      const { code, stdout } = await ops(args);
      expect(code).toBeGreaterThan(0);
      expect(Object.keys(JSON.parse(stdout).error)).toEqual(["op", "subject", "cause", "hint"]);
    }
  });

  test("a platform that does not run is an error with a way out and without a stack trace", async () => {
    const { code, stdout, stderr } = await ops(["synthetic", "--data", "no-such-folder"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^Error: .*not running.*\nTry: npm start .*\n$/);
    expect((await ops(["synthetic", "--data", "no-such-folder", "--verbose"])).stderr).toMatch(/\n {4}at /);
  });

  test("nothing destructive happens unconfirmed: exit code 3", async () => {
    const { code, stderr } = await ops(["keys", "revoke", "0w2e8kqz4m1c", "--stack", "staging"], {
      PRISM_URL: "http://127.0.0.1:1",
      PRISM_API_SECRET: "secret",
    });
    expect(code).toBe(3);
    expect(stderr).toContain("--yes");
    expect(stderr).not.toContain("secret");
  });

  test("a dry run shows the request and sends nothing", async () => {
    const args = ["keys", "create", "--name", "ci", "--scopes", "write", "--quota", "5", "--dry-run", "--json"];
    const { code, stdout } = await ops(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      dry_run: true,
      request: { name: "ci", tenant: "default", scopes: ["write"], rate_tier: "standard", daily_quota: 5 },
    });
  });

  test("--timeout ends a command that would wait", async () => {
    const env = { PRISM_URL: "http://127.0.0.1:1", PRISM_API_SECRET: "s" };
    const { code } = await ops(["keys", "list", "--stack", "staging", "--timeout", "1ms"], env);
    expect(code).toBe(1);
  });
});
