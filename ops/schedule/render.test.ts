import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cron } from "croner";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { which } from "zx/core";
import { ownFlags } from "../command/define.ts";
import { flagName, flagsOf, inputOf } from "../command/flags.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { COMMANDS, commandAt } from "../registry.ts";
import { credentialsOf, environmentOf } from "./credentials.ts";
import { waitsFor } from "./job.ts";
import { JOBS } from "./jobs.ts";

const WORKFLOW = join(import.meta.dirname, "../../.github/workflows/ops-schedule.yml");
const render = async (target: string, stack = "production") => {
  const { stdout } = await runCommand(["schedule", "render", target, "--stack", stack, "--json"]);
  return JSON.parse(stdout);
};

interface Workflow {
  on: { schedule: { cron: string }[] };
  permissions: object;
  concurrency: object;
  jobs: Record<
    string,
    {
      needs?: string[];
      if: string;
      steps: { uses?: string; with?: object; run?: string; env?: Record<string, string> }[];
    }
  >;
}

describe("the workflow in the repository", () => {
  const text = readFileSync(WORKFLOW, "utf8");
  const { jobs, permissions, on: triggers }: Workflow = parse(text);

  test("is fresh (npm run generate), and cannot be one for the platform on this machine", async () => {
    expect((await render("github")).files).toEqual([{ name: "ops-schedule.yml", content: text }]);
    expect((await render("github", "local")).error.cause).toContain("GitHub's runners do not reach");
    expect(triggers.schedule).toEqual([{ cron: "0 2 * * *" }]);
  });

  test("has every job once, behind what it waits for, and not where what it needs has failed", () => {
    expect(Object.keys(jobs)).toEqual(["due", ...JOBS.map(({ id }) => id)]);
    for (const job of JOBS) {
      const { needs, if: condition, steps } = jobs[job.id] ?? {};
      expect(needs).toEqual(["due", ...waitsFor(job)]);
      for (const need of job.needs) expect(condition).toContain(`needs.${need}.result != 'failure'`);
      const commands = steps?.flatMap(({ run }) => run ?? []) ?? [];
      expect(commands).toContain(`npm run --silent ops -- schedule run ${job.id} --due --stack production`);
    }
  });

  test("gives a job the credentials of its kind in the one step that uses them, and none of Pulumi, state or the repository", () => {
    expect(permissions).toEqual({ contents: "read" });
    expect(text).not.toMatch(/PULUMI|AWS_|GITHUB_TOKEN|PRISM_TOKEN_DEPLOY/);
    for (const job of JOBS) {
      const steps = jobs[job.id]?.steps ?? [];
      const secrets = Object.entries(credentialsOf(job)).map(([name, kept]) => [name, `\${{ secrets.${kept} }}`]);
      expect(steps.flatMap(({ env, run }) => (env === undefined ? [] : [[run, env]]))).toEqual([
        [expect.stringContaining(`schedule run ${job.id}`), Object.fromEntries(secrets)],
      ]);
    }
    for (const { uses, with: given } of Object.values(jobs).flatMap(({ steps }) => steps)) {
      if (uses !== undefined) expect(uses).toMatch(/@[0-9a-f]{40}$/);
      if (uses?.startsWith("actions/checkout")) expect(given).toEqual({ "persist-credentials": false });
    }
  });

  test("is what actionlint, where there is one, accepts", async () => {
    const actionlint = await which("actionlint", { nothrow: true });
    if (actionlint !== null) execFileSync(actionlint, [WORKFLOW]);
  });
});

test("the units are what systemd, where there is one, accepts, and start at the dates of the jobs", async () => {
  const { files } = await render("systemd");
  const dir = mkdtempSync(join(tmpdir(), "prism-units-"));
  for (const { name, content } of files) writeFileSync(join(dir, name), content);
  const systemd = await which("systemd-analyze", { nothrow: true });
  if (systemd !== null) execFileSync(systemd, ["verify", join(dir, "prism-schedule.timer")]);
  rmSync(dir, { recursive: true });
  const [service, timer] = files.map(({ content }: { content: string }) => content);
  expect(service).toContain("ops -- schedule run --due --stack production\n");
  expect(timer).toContain("OnCalendar=*-*-* 02:00:00 UTC\nPersistent=true\n");
});

test("the crontab starts within the hour of every date, in whatever zone cron is", async () => {
  const [{ content }] = (await render("crontab")).files;
  const [line] = content.split("\n").filter((one: string) => one !== "" && !one.startsWith("#"));
  const cron = line.split(" ").slice(0, 5).join(" ");
  for (const timezone of ["UTC", "Asia/Kathmandu", "America/St_Johns", "Europe/Berlin"]) {
    const starts = new Cron(cron, { timezone, mode: "5-part" });
    const date_ms = Date.parse("2026-03-29T02:00:00Z");
    const start = starts.nextRun(new Date(date_ms - 1));
    expect((start?.getTime() ?? Number.NaN) - date_ms).toBeLessThan(3_600_000);
  }
});

test("a job's commands get its own credentials and no other secret, whatever the environment holds", () => {
  const names = [
    ...[
      "CLOUDFLARE_API_TOKEN",
      "PRISM_API_SECRET",
      "PRISM_DEPLOY_TOKEN",
      "PULUMI_CONFIG_PASSPHRASE",
      "AWS_SECRET_ACCESS_KEY",
    ],
    ...[
      "PRISM_BACKUP_KEY",
      "PRISM_BACKUP_KEY_FILE",
      "PRISM_BACKUP_SECRET_ACCESS_KEY",
      "GITHUB_TOKEN",
      "PRISM_AI_API_KEY",
    ],
    ...[
      "PRISM_TOKEN_BACKUP",
      "PRISM_TOKEN_RESTORE",
      "PRISM_TOKEN_REPORTS",
      "PRISM_KEY_OPS",
      "PRISM_KEY_ADMIN",
      "PRISM_BACKUP_KEY_WRITER",
    ],
  ];
  fc.assert(
    fc.property(fc.subarray(names), fc.constantFrom(...JOBS), (set, job) => {
      const env = Object.fromEntries([...set, "PATH", "PRISM_URL"].map((name) => [name, `of ${name}`]));
      const given = environmentOf(job, env);
      expect(given).toMatchObject({ PATH: "of PATH", PRISM_URL: "of PRISM_URL" });
      const own = credentialsOf(job);
      for (const [name, value] of Object.entries(given)) {
        if (name in own) expect([`of ${own[name]}`, `of ${name}`]).toContain(value);
        else
          expect(name).toMatch(
            job.repository_key === null
              ? /^(PATH|PRISM_URL)$/
              : /^(PATH|PRISM_URL|PRISM_BACKUP_(KEY_FILE|SECRET_ACCESS_KEY))$/,
          );
      }
    }),
  );
});

const lines = JOBS.flatMap(({ id, commands }) => commands.map((words) => ({ id, line: words.join(" "), words })));
test.each(lines)("$id: `ops $line` is a command, with arguments and options that it takes", async ({ words }) => {
  const path =
    words.map((_, index) => words.slice(0, words.length - index).join(" ")).find((one) => one in COMMANDS) ?? "";
  const command = await commandAt(path);
  const flags = flagsOf(command.options);
  const { values, positionals }: { values: Record<string, unknown>; positionals: string[] } = parseArgs({
    args: words.slice(path.split(" ").length),
    allowPositionals: true,
    options: Object.fromEntries([
      ...ownFlags(command).map((flag) => [flag.slice(2), { type: "boolean" as const }]),
      ...flags
        .filter(({ kind }) => kind !== "switch")
        .map(({ key }) => [flagName(key).slice(2), { type: "string" as const }]),
    ]),
  });
  const named = Object.fromEntries(flags.map(({ key }) => [key, values[flagName(key).slice(2)]]));
  const given = Object.fromEntries(flagsOf(command.args).map(({ key }, index) => [key, positionals[index]]));
  const input = z.strictObject({ ...command.args.shape, ...command.options.shape });
  const typed = { ...inputOf(command.options, named), ...inputOf(command.args, given) };
  expect(input.safeParse(typed).error).toBeUndefined();
  expect(words.includes("--yes") || command.risk !== "destructive").toBe(true);
});
