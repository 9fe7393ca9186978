/**
 * `ops rollback`: the release that served before, in one command: old code with the bindings of today. A version that was bound
 * to just these is deployed as it is, in seconds; otherwise its code becomes a new version. Either way it is pinned in the
 * configuration, so that the next `up` agrees.
 */
import type { Command } from "commander";
import { readMigrations } from "../../infra/migration-files.ts";
import { type DeployedVersion, mainVersion } from "../cloudflare/worker-versions.ts";
import { asOpsError, EXIT, OpsError, type Reason } from "../command/errors.ts";
import { type GlobalOptions, type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { rounded } from "../command/rounded.ts";
import { appliedMigrations } from "../migrate/ledger.ts";
import { contractedSince } from "../migrate/plan.ts";
import { type Delivery, liveDatabase, openDelivery } from "../stack/delivery.ts";
import { openDriver } from "../stack/open-driver.ts";
import { trafficText } from "./deploy.ts";
import { underTraffic } from "./probe-caller.ts";
import { previousGood } from "./release-history.ts";

interface RollbackOptions {
  to?: string;
  dryRun: boolean;
}

export function registerRollback(program: Command): void {
  program
    .command("rollback")
    .description("serve the release before again: old code with today's bindings, pinned until the next deploy")
    .option("--to <version>", "a version's id instead of the release before")
    .option("--dry-run", "say which version would serve and how, change nothing", false)
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- rollback --stack production
  npm run --silent ops -- rollback --dry-run --json
Refused (exit code 3) after a Durable Object migration or a contracting database migration that the old code does not know.
Exit code 4: it serves, but the stack's record of it is incomplete; the same with --to VERSION finishes that.
JSON: {stack, from, to, release, path: "deployment"|"new version", version_id, serving_after_s, unrecorded, seconds, traffic}
(a dry run: the first five)`,
    )
    .action((options: RollbackOptions, command: Command) =>
      perform(command, (invocation) => rollback(invocation, options, command.optsWithGlobals<GlobalOptions>().data)),
    );
}

async function rollback(invocation: Invocation, options: RollbackOptions, dataDir: string): Promise<Outcome> {
  const started_ms = performance.now();
  const since_s = () => rounded((performance.now() - started_ms) / 1000, 1);
  const driver = await openDriver(invocation);
  const delivery = await openDelivery(invocation, driver);
  const { live, goal } = await chooseVersion(delivery, options.to);
  await refuseAcrossMigrations(delivery, live, goal);
  // Equal fingerprints cover secrets, too; a version that has none is bound anew.
  const asItIs = goal.fingerprint !== null && goal.fingerprint === live.fingerprint;
  const plan = {
    stack: driver.stack,
    from: live.id,
    to: goal.id,
    release: goal.release,
    path: asItIs ? ("deployment" as const) : ("new version" as const),
  };
  if (options.dryRun)
    return {
      data: plan,
      text: `Would serve version ${goal.id} (release ${goal.release ?? "unknown"}) by a ${plan.path}.`,
    };

  const { result, report } = await underTraffic(delivery.target, "rollback", invocation.note, async (traffic) => {
    if (asItIs) await delivery.versions.deploy([{ version_id: goal.id, percentage: 100 }]);
    else invocation.note(`Version ${goal.id} was bound to something else: its code becomes a new version.`);
    const deployed_s = since_s();
    if (asItIs) traffic.phase("record");
    try {
      await driver.setConfig({ bundle: `version/${goal.id}`, rollout: undefined });
      const { version_id } = (await driver.up()).worker;
      return { version_id, serving_after_s: asItIs ? deployed_s : since_s(), unrecorded: null };
    } catch (error) {
      if (!asItIs) throw error;
      // The service is well already; what failed is its bookkeeping.
      return { version_id: goal.id, serving_after_s: deployed_s, unrecorded: asOpsError(error).message };
    }
  });
  const data = { ...plan, ...result, seconds: since_s(), traffic: report };
  const { version_id, serving_after_s, seconds, unrecorded } = data;
  await recordAction(
    dataDir,
    {
      stack: driver.stack,
      action: "rollback",
      outcome: unrecorded === null ? "done" : "failed",
      detail: { ...plan, version_id, serving_after_s, seconds, unrecorded, failed_requests: report.failed },
    },
    Date.now(),
  );
  return {
    data,
    text: [
      `Release ${goal.release ?? goal.id} serves again, since second ${serving_after_s}, as version ${version_id}; it is pinned until the next deploy.`,
      ...(unrecorded === null
        ? []
        : [`The stack does not know it yet (${unrecorded}). Finish it with: npm run ops -- rollback --to ${goal.id}`]),
      trafficText(report, invocation.terminal),
      `${seconds} s.`,
    ].join("\n"),
    exit_code: unrecorded === null ? EXIT.done : EXIT.partial,
  };
}

async function chooseVersion(
  { versions }: Delivery,
  wanted: string | undefined,
): Promise<{ live: DeployedVersion; goal: DeployedVersion }> {
  const deployments = await versions.deployments();
  const whole = deployments.filter(({ versions: shares }) => shares.some(({ percentage }) => percentage === 100));
  const ids = [...new Set(whole.map(mainVersion))];
  const known = new Map<string, DeployedVersion>();
  for (const id of ids) known.set(id, await versions.version(id));
  const refuse = (cause: string, hint: string, reason?: Reason) =>
    new OpsError({ op: "roll back", subject: versions.script, cause, hint, reason }, { exit_code: EXIT.refused });
  const served = whole.flatMap((deployment) => {
    const version = known.get(mainVersion(deployment));
    return version ? [{ ...version, version_id: version.id }] : [];
  });
  const first = deployments[0];
  if (!first) throw refuse("nothing was ever deployed", "npm run ops -- deploy", "never-deployed");
  const live = await versions.version(mainVersion(first));
  const id = wanted ?? previousGood(served)?.version_id;
  if (id === undefined)
    throw refuse(
      `of the ${deployments.length} deployments that Cloudflare lists, none is of an earlier release that served until a newer one came`,
      "name a version with --to ID, or deploy the release again from its checkout: npm run deploy",
    );
  if (id === live.id)
    throw refuse(`version ${id} serves already`, "npm run ops -- rollback --dry-run names the one before");
  return { live, goal: known.get(id) ?? (await versions.version(id)) };
}

/** @throws OpsError, exit code 3, when the old code would meet objects or tables that it does not know. */
async function refuseAcrossMigrations(delivery: Delivery, live: DeployedVersion, goal: DeployedVersion): Promise<void> {
  const refuse = (cause: string, hint: string) =>
    new OpsError({ op: "roll back to version", subject: goal.id, cause, hint }, { exit_code: EXIT.refused });
  const missing = [...classesOf(live)].filter((name) => !classesOf(goal).has(name));
  if (missing.length > 0 || (goal.migration_tag ?? live.migration_tag) !== live.migration_tag)
    throw refuse(
      `a Durable Object migration lies between (${missing.join(", ") || `${goal.migration_tag} → ${live.migration_tag}`}), and Cloudflare refuses to go back across one`,
      "correct the code and deploy it: npm run deploy",
    );
  const applied = await appliedMigrations(await liveDatabase(delivery));
  const taken = contractedSince(readMigrations(), new Set(applied), goal.schema);
  if (taken.length > 0)
    throw refuse(
      `${taken.join(", ")} took away what its code, made for ${goal.schema ?? "an unknown schema"}, may need`,
      "take the migration back first (npm run ops -- migrate revert), or correct the code and deploy it",
    );
}

function classesOf({ bindings }: DeployedVersion): Set<string> {
  return new Set(
    bindings.flatMap(({ type, class_name }) => (type === "durable_object_namespace" ? [String(class_name)] : [])),
  );
}
