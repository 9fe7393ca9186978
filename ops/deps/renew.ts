/**
 * Renewing dependencies on a branch of its own, in a checkout of its own: whoever's working tree the command was started in is never touched,
 * whatever fails or is cut off.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { ProcessPromise } from "zx/core";
import { jsonIn } from "../../worker/ground/json.ts";
import { OpsError, refusal } from "../command/errors.ts";
import type { Environment } from "../command/invocation.ts";
import { DEPS_STEP_MAX_MS, NPM_ASK_MAX_MS } from "../limits.ts";
import { shellWith } from "../programs.ts";
import { type Group, groupsOf, outdatedPackages, renovateRules } from "./groups.ts";

export interface Renewal {
  /** The repository. */
  folder: string;
  env: Environment;
  signal: AbortSignal;
  note(text: string): void;
}

export const renewed = z.strictObject({
  group: z.string(),
  result: z.enum(["renewed", "unchanged", "failed"]),
  changes: z.array(z.string()).describe("of package.json: `package from → to`"),
  because: z.string().nullable().describe("what failed, in the program's last words"),
});
export type Renewed = z.infer<typeof renewed>;

const ran = ({ env, signal }: Renewal, cwd: string, timeout_ms: number) =>
  shellWith({ cwd, env: { ...env }, signal, timeout: timeout_ms });

/** What is out of date, in groups. @throws OpsError where the registry cannot be asked. */
export async function planRenewal(
  renewal: Renewal,
  take_major: boolean,
  now_ms: number,
): Promise<{ groups: Group[]; before: string }> {
  const { folder } = renewal;
  const rules = renovateRules.parse(JSON.parse(await readFile(join(folder, "renovate.json"), "utf8")));
  const age_ms = Number.parseInt(rules.minimumReleaseAge, 10) * 86_400_000;
  // What was published since may be taken back, or be somebody else's.
  const before = new Date(now_ms - age_ms).toISOString();
  const { stdout, stderr } = await ran(renewal, folder, NPM_ASK_MAX_MS)`npm outdated --json --before ${before}`;
  renewal.signal.throwIfAborted();
  const answer = outdatedPackages.safeParse(jsonIn(stdout));
  if (answer.success) return { groups: groupsOf(answer.data, rules, take_major), before };
  const cause = lastLine(stderr) || "npm gave no answer";
  throw new OpsError({
    op: "ask",
    subject: "npm outdated",
    cause,
    hint: "npm ping tells whether the registry answers; repeat it then",
  });
}

interface RenewalPlan {
  branch: string;
  /** Only what was published before it, in ISO 8601. */
  before: string;
  groups: readonly Group[];
  /** Commands that each group must pass. */
  checks: readonly (readonly string[])[];
}

/** @throws OpsError with exit code 3 where the branch is there already. */
export async function renew(renewal: Renewal, { branch, before, groups, checks }: RenewalPlan): Promise<Renewed[]> {
  const { folder, note } = renewal;
  const git = ran(renewal, folder, DEPS_STEP_MAX_MS);
  if ((await git`git rev-parse --verify --quiet ${`refs/heads/${branch}`}`).exitCode === 0)
    throw refusal({
      op: "make",
      subject: `branch ${branch}`,
      cause: "it is there already",
      hint: `look at it, then git branch -D ${branch}, and repeat`,
    });
  const place = mkdtempSync(join(tmpdir(), "prism-deps-"));
  const tree = join(place, "tree");
  const results: Renewed[] = [];
  try {
    await done(git`git worktree add --quiet -b ${branch} ${tree} HEAD`, "make a checkout");
    const run = ran(renewal, tree, DEPS_STEP_MAX_MS);
    note("Installing what is declared now.");
    await done(run`npm ci --no-audit --no-fund`, "install what is declared now");
    for (const one of groups) {
      note(`Group ${one.group}: ${one.updates.map(({ spec }) => spec).join(", ")}`);
      results.push(await renewGroup(run, one, before, checks));
      renewal.signal.throwIfAborted();
    }
    return results;
  } finally {
    // Not ended by what may have ended the work.
    const clean = shellWith({ cwd: folder, env: { ...renewal.env } });
    await clean`git worktree remove --force ${tree}`;
    if (!results.some(({ result }) => result === "renewed")) await clean`git branch -D ${branch}`;
    rmSync(place, { recursive: true, force: true });
  }
}

type Run = ReturnType<typeof ran>;

/** Installed, checked and committed; or put back. */
async function renewGroup(
  run: Run,
  { group, updates }: Group,
  before: string,
  checks: readonly (readonly string[])[],
): Promise<Renewed> {
  const specs = updates.map(({ spec }) => spec);
  const was = versions((await run`git show HEAD:package.json`).stdout);
  const installed = await run`npm install --save-exact --no-audit --no-fund --before ${before} ${specs}`;
  const is = versions((await run`cat package.json`).stdout);
  const changes = Object.entries(is).flatMap(([name, version]) =>
    was[name] === version ? [] : [`${name} ${was[name]} → ${version}`],
  );
  let because = installed.exitCode === 0 ? null : `npm install: ${lastLine(installed.stderr)}`;
  if (because === null && changes.length === 0) return { group, result: "unchanged", changes, because };
  for (const check of checks) {
    if (because !== null) break;
    const { exitCode, stdout, stderr } = await run`${check}`;
    if (exitCode !== 0) because = `${check.join(" ")}: ${lastLine(stderr) || lastLine(stdout)}`;
  }
  if (because === null) {
    await done(run`git commit --quiet --all --message ${`Renew ${group}\n\n${changes.join("\n")}`}`, "commit");
    return { group, result: "renewed", changes, because };
  }
  await done(run`git checkout --quiet --force HEAD -- .`, "put back");
  await done(run`npm ci --no-audit --no-fund`, "install what was before");
  return { group, result: "failed", changes, because };
}

const manifest = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});

function versions(text: string): Record<string, string> {
  const { dependencies, devDependencies } = manifest.parse(JSON.parse(text));
  return { ...dependencies, ...devDependencies };
}

async function done(running: ProcessPromise, what: string): Promise<void> {
  const { exitCode, stderr } = await running;
  if (exitCode === 0) return;
  throw new OpsError({
    op: "renew",
    subject: "dependencies",
    cause: `could not ${what}: ${lastLine(stderr)}`,
    hint: "your working tree is as it was; mend that, and repeat",
  });
}

function lastLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/A complete log of this run/.test(line));
  return lines.at(-1)?.trim() ?? "";
}
