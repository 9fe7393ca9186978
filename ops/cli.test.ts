import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { REASONS } from "./command/errors.ts";
import { runCommand as ops, runCli } from "./command/run-cli.fixture.ts";
import { COMMANDS } from "./registry.ts";

describe("the command line", () => {
  test("help names every area, the global options and the exit codes", async () => {
    const { code, stdout } = await runCli(["--help"]);
    expect(code).toBe(0);
    for (const word of ["bench", "eval", "index", "keys", "synthetic", "--stack", "--json", "Exit codes"]) {
      expect(stdout).toContain(word);
    }
  });

  test("help lists every command with its area's words, in groups", async () => {
    const { stdout } = await ops(["--help"]);
    for (const path of Object.keys(COMMANDS)) expect(stdout).toMatch(new RegExp(`^  ${path} `, "m"));
    expect(stdout).toMatch(/\nSecurity:\n {2}keys create /);
    const area = await ops(["keys", "--help"]);
    expect(area.stdout).toMatch(/Security:\n {2}keys create /);
    expect(area.stdout).not.toContain("bench http");
  });

  test("a command's help has its options, its examples and what is safe", async () => {
    const { code, stdout } = await ops(["keys", "revoke", "--help"]);
    expect(code).toBe(0);
    for (const part of ["--dry-run", "--yes", "--stack", "Examples:\n  npm run ops -- keys revoke "])
      expect(stdout).toContain(part);
  });

  test("the schema of --json is printed without running the command or asking for its arguments", async () => {
    const { code, stdout } = await ops(["keys", "revoke", "--json-schema"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).anyOf[0].properties.revoked).toEqual({ type: "boolean", const: true });
  });

  test.each(["bash", "zsh"])("%s completes commands, their options and choices", async (shell) => {
    const { stdout } = await ops(["completion", shell]);
    const typed = (...words: string[]) => {
      const line = ["ops", ...words].map((word) => `"${word}"`).join(" ");
      const script = `${stdout.replace(/^autoload.*\n/, "")}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _ops; echo "\${COMPREPLY[@]}"`;
      return execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim().split(" ");
    };
    expect(typed("key")).toEqual(["keys"]);
    expect(typed("keys", "")).toEqual(["create", "list", "revoke"]);
    expect(typed("--json", "keys", "create", "--na")).toEqual(["--name"]);
    expect(typed("completion", "z")).toEqual(["zsh"]);
    expect(JSON.parse((await ops(["completion", shell, "--json"])).stdout)).toEqual({
      shell,
      script: stdout.trimEnd(),
    });
  });

  test("wrong usage exits with 2 and says what is right", async () => {
    const unknown = await ops(["keys", "crate"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain("unknown command 'crate' (Did you mean create?)");
    expect(unknown.stderr).toContain("Try: npm run ops -- keys --help");

    const old = await ops(["daily-health-check.sh"]);
    expect(old.stderr).toContain("Try: npm run ops -- --help; what became of an old script: docs/old-procedures.md");

    const stack = await ops(["synthetic", "--stack", "moon"]);
    expect(stack.code).toBe(2);
    expect(stack.stderr).toContain("Allowed choices are local, staging, production");

    expect((await ops(["bench", "http", "--chunks", "many"])).code).toBe(2);
    expect((await ops(["keys", "create", "--name", "x", "--scopes", "read,rule"])).stderr).toContain("rule");
    expect((await ops(["keys"])).stderr).toContain("a command is missing");
  });

  test("with --json a failure is one JSON document on stdout, wherever the option stands", async () => {
    const words = { op: z.string(), subject: z.string(), cause: z.string(), hint: z.string() };
    const document = z.strictObject({ error: z.strictObject({ ...words, reason: z.enum(REASONS).nullable() }) });
    for (const [reason, args] of [
      [null, ["--json", "keys", "crate"]],
      ["not-running", ["keys", "list", "--json", "--data", "no-such-folder"]],
    ] as const) {
      const { code, stdout } = await ops(args);
      expect(code).toBeGreaterThan(0);
      expect(document.parse(JSON.parse(stdout)).error.reason).toBe(reason);
    }
  });

  test("a platform that does not run is an error with a way out and without a stack trace", async () => {
    const { code, stdout, stderr } = await runCli(["synthetic", "--data", "no-such-folder"]);
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

  test("a reader that goes away takes nothing with it: the command goes on, and its result is printed", () => {
    const list = `"${process.execPath}" ops/cli.ts keys create --name ci --scopes write --dry-run`;
    const run = (line: string) =>
      execFileSync("bash", ["-c", line], { encoding: "utf8", cwd: join(import.meta.dirname, "..") });
    expect(run(`${list} --json 2> >(true); echo " ended with $?"`)).toMatch(/"dry_run":true.*\n ended with 0\n$/);
    expect(run(`${list} --stack moon 2> >(true); echo "ended with $?"`)).toBe("ended with 2\n");
    expect(run(`${list} > >(true); echo "ended with $?"`)).toBe("ended with 0\n");
  });

  test.skipIf(!existsSync("/dev/full"))(
    "a result that finds no room is told, and the exit code says that something was done",
    () => {
      const line = `"${process.execPath}" ops/cli.ts keys create --name ci --scopes write --dry-run 2>&1 >/dev/full; echo "ended with $?"`;
      const told = execFileSync("bash", ["-c", line], { encoding: "utf8", cwd: join(import.meta.dirname, "..") });
      expect(told).toMatch(/^Error: print .*ENOSPC.*\nTry: .*\nended with 4\n$/);
    },
  );

  test("--timeout ends a command that would wait", async () => {
    const env = { PRISM_URL: "http://127.0.0.1:1", PRISM_API_SECRET: "s" };
    const { code } = await ops(["keys", "list", "--stack", "staging", "--timeout", "1ms"], env);
    expect(code).toBe(1);
  });
});
