/**
 * `ops deploy`: the release of this checkout, or a built one, onto a stack; on trial before it gets traffic, and undone by itself
 * when it is not fit for it. What it does is in `deployment-plan.ts` and `carry-out.ts`.
 */
import { resolve } from "node:path";
import type { Command } from "commander";
import { latestVerifiedBackup } from "../backup/latest-verified.ts";
import { asOpsError, EXIT, isReason, OpsError } from "../command/errors.ts";
import { confirm, type GlobalOptions, type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { type JournalEntry, recordAction } from "../command/journal.ts";
import { parseDuration } from "../command/options.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { PROMOTION_PERCENT, PROMOTION_WATCH_MS } from "../limits.ts";
import { type Delivery, openDelivery } from "../stack/delivery.ts";
import type { StackDriver } from "../stack/driver.ts";
import { openDriver } from "../stack/open-driver.ts";
import { type CarriedOut, type CarryOutOptions, carryOutAround, carryOutFirst, carryOutVersion } from "./carry-out.ts";
import { type DeploymentPlan, planDeployment } from "./deployment-plan.ts";
import { type TrafficReport, underTraffic } from "./probe-caller.ts";
import { checkToken } from "./token-check.ts";

interface DeployOptions {
  bundle?: string;
  atOnce: boolean;
  watch: number;
  withoutBackup?: string;
  dryRun: boolean;
  yes: boolean;
}

export function registerDeploy(program: Command): void {
  program
    .command("deploy")
    .description("deploy this checkout: plan, migrations, upload, trial, promotion by percentage, or rollback")
    .option("--bundle <file>", "a built bundle instead of today's source; its version is pinned afterwards")
    .option("--at-once", "all traffic in one step after the trial", false)
    .option("--watch <duration>", "how long each share of the traffic is watched", parseDuration, PROMOTION_WATCH_MS)
    .option("--without-backup <reason>", "go on without a verified backup; only for changes that add")
    .option("--dry-run", "print the plan, change nothing", false)
    .option("--yes", "confirm what takes data or an old shape away", false)
    .addHelpText(
      "after",
      `
Examples:
  npm run deploy -- --stack production --dry-run
  npm run --silent ops -- deploy --stack local --at-once --json
The new version first gets no traffic and is asked by Cloudflare's version override: bindings, schedules, Logpush flag and
notifications are read back and the journeys of \`synthetic\` walked. Then it gets ${PROMOTION_PERCENT.join(", ")} % of the traffic.
Steady reads run all the while; those that failed are counted for each phase. Exit code 1: it was rolled back; 3: refused.
JSON of a dry run: {stack, live, bundle: {from, bytes, gzip_bytes, release}, removes_pin, migrations, steps, version_changes,
bindings_changed, nothing_to_do, refusals: [{subject, reason, remedy}], warnings}.
JSON otherwise: {stack, outcome: "deployed"|"unchanged"|"rolled back"|"failed", reason, version_id, release, migrations_applied,
journeys: {passed, failed}, read_back, seconds, traffic: {requests, failed, candidate, phases: [{phase, requests, failed, …}]}}`,
    )
    .action((options: DeployOptions, command: Command) =>
      perform(command, (invocation) => deploy(invocation, options, command.optsWithGlobals<GlobalOptions>().data)),
    );
}

async function deploy(invocation: Invocation, options: DeployOptions, dataDir: string): Promise<Outcome> {
  const started_ms = performance.now();
  const bundle = options.bundle === undefined ? undefined : resolve(options.bundle);
  const driver = await openDriver(invocation);
  const delivery = await openDelivery(invocation, driver).catch(nullWhenNeverDeployed);
  if (delivery) await checkToken(delivery.client, delivery.account_id);
  const plan = await planDeployment(driver, delivery, {
    bundle,
    without_backup: options.withoutBackup ?? null,
    backups: latestVerifiedBackup(invocation),
    now_ms: Date.now(),
  });
  if (options.dryRun) return { data: plan, text: planText(plan, invocation), exit_code: EXIT.done };
  for (const warning of plan.warnings) invocation.note(`Warning: ${warning}`);
  if (plan.refusals.length > 0) {
    const detail = { release: plan.bundle.release, refusals: plan.refusals };
    await recordAction(dataDir, { stack: driver.stack, action: "deploy", outcome: "refused", detail }, Date.now());
    throw refused(plan);
  }
  if (plan.nothing_to_do)
    return {
      data: {
        stack: plan.stack,
        outcome: "unchanged",
        version_id: plan.live?.version_id,
        release: plan.bundle.release,
      },
      text: `Nothing to do: release ${plan.bundle.release} serves, and everything is as declared.`,
    };
  if (takesAway(plan)) await confirm(invocation, { op: "deploy to", subject: plan.stack }, options.yes);
  if (plan.removes_pin !== null) invocation.note(`The pin of an earlier release is taken away: ${plan.removes_pin}`);

  const work = { bundle, at_once: options.atOnce, watch_ms: options.watch };
  const record = (outcome: JournalEntry["outcome"], detail: JournalEntry["detail"]) =>
    recordAction(
      dataDir,
      { stack: driver.stack, action: "deploy", outcome, detail: { release: plan.bundle.release, ...detail } },
      Date.now(),
    );
  const { carried, traffic } = await carryOut(driver, delivery, plan, work, invocation).catch(
    async (error: unknown) => {
      await record("failed", { reason: asOpsError(error).message });
      throw error;
    },
  );
  const seconds = rounded((performance.now() - started_ms) / 1000, 1);
  const data = { stack: plan.stack, ...carried, release: plan.bundle.release, seconds, traffic };
  const { outcome, reason } = carried;
  await record(outcome === "deployed" ? "done" : outcome, {
    version_id: carried.version_id,
    reason,
    seconds,
    failed_requests: traffic?.failed ?? 0,
  });
  return {
    data,
    text: reportText(data, invocation),
    exit_code: outcome === "deployed" ? EXIT.done : EXIT.check_failed,
  };
}

async function carryOut(
  driver: StackDriver,
  delivery: Delivery | null,
  plan: DeploymentPlan,
  work: CarryOutOptions,
  invocation: Invocation,
): Promise<{ carried: CarriedOut; traffic: TrafficReport | null }> {
  const { live } = plan;
  if (!delivery || !live) return { carried: await carryOutFirst(driver, plan, work, invocation), traffic: null };
  const { result, report } = await underTraffic(delivery.target, "preparation", invocation.note, (probe) =>
    plan.version_changes
      ? carryOutVersion(delivery, plan, live.version_id, work, probe, invocation)
      : carryOutAround(delivery, plan, work, invocation),
  );
  return { carried: result, traffic: report };
}

function nullWhenNeverDeployed(error: unknown): Delivery | null {
  if (isReason(error, "never-deployed")) return null;
  throw error;
}

/** What cannot be had back by deploying the release before. */
function takesAway({ steps, migrations }: DeploymentPlan): boolean {
  const contracts = migrations.some(({ phase, action }) => phase === "contract" && action === "apply");
  return contracts || steps.some(({ kind, protected: kept }) => kind === "delete" && !kept);
}

function refused({ stack, refusals }: DeploymentPlan): OpsError {
  const remedies = [...new Set(refusals.map(({ remedy }) => remedy))];
  return new OpsError(
    {
      op: "deploy to",
      subject: stack,
      cause: refusals.map(({ subject, reason }) => `${subject}: ${reason}`).join("; "),
      hint: remedies.join("; "),
    },
    { exit_code: EXIT.refused },
  );
}

function planText(plan: DeploymentPlan, { terminal }: Invocation): string {
  const { bundle, live } = plan;
  const steps = table(
    plan.steps,
    [
      { title: "step", value: ({ kind }) => kind },
      { title: "resource", value: ({ name }) => name },
      { title: "changed", value: ({ changed }) => changed.join(", ") },
    ],
    terminal,
  );
  return [
    `Release ${bundle.release} (${bundle.from}, ${Math.round(bundle.gzip_bytes / 1000)} kB compressed) onto ${plan.stack}, where ${live ? `${live.release ?? live.version_id} serves` : "nothing serves yet"}.`,
    ...(plan.nothing_to_do ? ["Nothing to do."] : [steps]),
    ...plan.migrations.map(
      ({ name, phase, action, reason }) => `migration ${name} (${phase}): ${action}${reason && `, ${reason}`}`,
    ),
    ...(plan.removes_pin === null ? [] : [`Takes away the pin of ${plan.removes_pin}.`]),
    ...plan.warnings.map((warning) => `Warning: ${warning}`),
    ...plan.refusals.map(({ subject, reason, remedy }) => `Would be refused: ${subject}: ${reason}. Try: ${remedy}`),
  ].join("\n");
}

interface DeployReport extends CarriedOut {
  release: string;
  seconds: number;
  traffic: TrafficReport | null;
}

function reportText(
  { outcome, reason, release, version_id, journeys, seconds, traffic }: DeployReport,
  { terminal }: Invocation,
): string {
  const head =
    outcome === "deployed"
      ? `Release ${release} serves as version ${version_id}.`
      : outcome === "rolled back"
        ? `Release ${release} was rolled back; version ${version_id} serves. ${reason}`
        : `Release ${release} did not come up as it should. ${reason}`;
  return [
    head,
    ...(journeys === null ? [] : [`Journeys: ${journeys.passed} passed, ${journeys.failed} did not.`]),
    ...(traffic === null ? [] : [trafficText(traffic, terminal)]),
    `${seconds} s.`,
  ].join("\n");
}

/** A row for each phase, and the sum. */
export function trafficText({ requests, failed, phases }: TrafficReport, terminal: boolean): string {
  const rows = table(
    phases,
    [
      { title: "phase", value: ({ phase }) => phase },
      { title: "requests", value: (phase) => phase.requests, align: "right" },
      { title: "failed", value: (phase) => phase.failed, align: "right" },
      { title: "longest ms", value: ({ longest_ms }) => longest_ms, align: "right" },
      {
        title: "of the new version",
        value: ({ candidate }) => `${candidate.failed}/${candidate.requests} failed`,
        align: "right",
      },
    ],
    terminal,
  );
  return `${rows}\nRequests during it: ${requests}, failed: ${failed}.`;
}
