/**
 * `ops deploy`: the release of this checkout, or a built one, onto a stack; on trial before it gets traffic, and undone by itself
 * when it is not fit for it. What it does is in `deployment-plan.ts` and `carry-out.ts`.
 */
import { resolve } from "node:path";
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT, type OpsError, refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { wait } from "../command/options.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { PROBE_TIMEOUT_MS, PROMOTION_PERCENT, PROMOTION_WATCH_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import { type Delivery, openDelivery } from "../stack/delivery.ts";
import type { ServiceAddress } from "../stack/target.ts";
import {
  type CarriedOut,
  type CarryOutOptions,
  carriedOut,
  carryOutAround,
  carryOutFirst,
  carryOutVersion,
} from "./carry-out.ts";
import { type DeploymentPlan, deploymentPlan, planDeployment } from "./deployment-plan.ts";
import { underTraffic } from "./probe-caller.ts";
import { checkToken } from "./token-check.ts";
import { type TrafficReport, trafficReport, trafficText } from "./traffic-report.ts";

const deploymentReport = carriedOut.extend({
  stack: z.enum(STACKS),
  release: z.string(),
  seconds: z.number(),
  traffic: trafficReport.nullable().describe("null for the first deployment: nobody calls yet"),
});
const output = z.union([
  deploymentPlan.describe("of a dry run"),
  z.strictObject({
    stack: z.enum(STACKS),
    outcome: z.literal("unchanged"),
    version_id: z.string(),
    release: z.string(),
    reason: z.string().nullable().describe("why it does not serve callers all the same"),
  }),
  deploymentReport,
]);

export const deploy = defineCommand({
  path: "deploy",
  group: "delivery",
  summary: "deploy this checkout: plan, migrations, upload, trial, promotion by percentage, or rollback",
  notes: `The new version first gets no traffic and is asked by Cloudflare's version override: bindings, schedules, Logpush flag and notifications are read back and the journeys of \`synthetic\` walked. Then it gets ${PROMOTION_PERCENT.join(", ")} % of the traffic. Steady reads run all the while; those that failed are counted for each phase. It asks before what takes data or an old shape away. A version that fails callers is replaced without shares. Exit code 1: it was rolled back, or what is there already does not answer; 3: refused.`,
  risk: "change",
  asks: true,
  options: z.object({
    bundle: z.string().optional().meta({
      placeholder: "file",
      description: "a built bundle instead of today's source; its version is pinned afterwards",
    }),
    at_once: z.boolean().default(false).describe("all traffic in one step after the trial"),
    watch: wait
      .prefault(`${PROMOTION_WATCH_MS / 1000}s`)
      .meta({ placeholder: "duration", description: "how long each share of the traffic is watched" }),
    without_backup: z
      .string()
      .optional()
      .meta({ placeholder: "reason", description: "go on without a verified backup; only for changes that add" }),
  }),
  output,
  examples: ["deploy --stack production --dry-run", "deploy --stack local --at-once --json"],
  async run(invocation, options): Promise<Outcome<z.infer<typeof output>>> {
    const begun_ms = invocation.now();
    const bundle = options.bundle === undefined ? undefined : resolve(options.bundle);
    const delivery = await openDelivery(invocation);
    await checkToken(delivery.client, delivery.account_id);
    const plan = await planDeployment(delivery, {
      bundle,
      without_backup: options.without_backup ?? null,
      env: invocation.env,
      now_ms: invocation.now(),
      signal: invocation.signal,
    });
    if (invocation.dry_run) return { data: plan, text: planText(plan, invocation) };
    for (const warning of plan.warnings) invocation.note(`Warning: ${warning}`);
    const { stack } = invocation;
    const { release } = plan.bundle;
    invocation.begin({ release });
    if (plan.refusals.length > 0) {
      invocation.begin({ refusals: plan.refusals });
      throw refused(plan);
    }
    if (plan.nothing_to_do && plan.live) {
      const { version_id } = plan.live;
      return await unchanged(delivery, { release, version_id }, invocation.signal);
    }
    if (takesAway(plan)) await invocation.confirm({ op: "deploy to", subject: stack });
    if (plan.removes_pin !== null) invocation.note(`The pin of an earlier release is taken away: ${plan.removes_pin}`);

    await delivery.driver.notice(plan.drift);
    const work = { bundle, at_once: options.at_once, watch_ms: options.watch };
    const { carried, traffic } = await carryOut(delivery, plan, work, invocation);
    const { outcome, reason, version_id } = carried;
    const seconds = rounded((invocation.now() - begun_ms) / 1000, 1);
    const data = { stack, ...carried, release, seconds, traffic };
    return {
      data,
      text: reportText(data, invocation),
      exit_code: outcome === "deployed" ? EXIT.done : EXIT.check_failed,
      audit: {
        outcome: outcome === "deployed" ? "done" : outcome,
        detail: { version_id, reason, seconds, failed_requests: traffic?.failed ?? 0 },
      },
    };
  },
});

/** All is as declared; whether it also answers is what somebody who deploys in an outage has to know. */
async function unchanged(
  { target, driver }: Delivery,
  { release, version_id }: { release: string; version_id: string },
  signal: AbortSignal,
): Promise<Outcome<z.infer<typeof output>>> {
  const reason = await whyNotAlive(await target.service(), signal);
  const data = { stack: driver.stack, outcome: "unchanged" as const, version_id, release, reason };
  const audit = { detail: { unchanged: true } };
  const text = `Nothing to do: release ${release} serves, and everything is as declared.`;
  if (reason === null) return { data, text, audit };
  const said = `It does not answer: ${reason}. What it throws: npm run ops -- logs errors --since 1h`;
  const next = "Correct it and deploy again, or deploy the checkout of a release that was good.";
  return { data, text: [text, said, next].join("\n"), exit_code: EXIT.check_failed, audit };
}

async function whyNotAlive({ url }: ServiceAddress, signal: AbortSignal): Promise<string | null> {
  try {
    const client = createClient({ url, token: "", signal, timeout_ms: PROBE_TIMEOUT_MS });
    const { ok, status } = await client.send("GET", "/health/live");
    return ok ? null : `/health/live answers ${status}`;
  } catch (error) {
    return asOpsError(error).parts.cause;
  }
}

async function carryOut(
  delivery: Delivery,
  plan: DeploymentPlan,
  work: CarryOutOptions,
  invocation: Invocation,
): Promise<{ carried: CarriedOut; traffic: TrafficReport | null }> {
  const { live } = plan;
  if (!live) return { carried: await carryOutFirst(delivery, plan, work, invocation), traffic: null };
  const service = await delivery.target.service();
  const { result, report } = await underTraffic(service, "preparation", invocation.note, (probe) =>
    plan.version_changes
      ? carryOutVersion(delivery, plan, live.version_id, work, probe, invocation)
      : carryOutAround(delivery, plan, work, invocation),
  );
  return { carried: result, traffic: report };
}

/** What cannot be had back by deploying the release before. */
function takesAway({ steps, migrations }: DeploymentPlan): boolean {
  const contracts = migrations.some(({ phase, action }) => phase === "contract" && action === "apply");
  return contracts || steps.some(({ kind, protected: kept }) => kind === "delete" && !kept);
}

function refused({ stack, refusals }: DeploymentPlan): OpsError {
  const remedies = [...new Set(refusals.map(({ remedy }) => remedy))];
  return refusal({
    op: "deploy to",
    subject: stack,
    cause: refusals.map(({ subject, reason }) => `${subject}: ${reason}`).join("; "),
    hint: remedies.join("; "),
  });
}

function planText(plan: DeploymentPlan, { terminal }: Invocation): string {
  const { bundle, live } = plan;
  const steps = table(terminal, plan.steps, [
    { title: "step", value: ({ kind }) => kind },
    { title: "resource", value: ({ name }) => name },
    { title: "changed", value: ({ changed }) => changed.join(", ") },
  ]);
  return [
    `Release ${bundle.release} (${bundle.from}, ${Math.round(bundle.gzip_bytes / 1000)} kB compressed) onto ${plan.stack}, where ${live ? `${live.release ?? live.version_id} serves` : "nothing serves yet"}.`,
    ...(plan.nothing_to_do ? ["Nothing to do."] : [steps]),
    ...plan.migrations.map(
      ({ name, phase, action, reason }) => `migration ${name} (${phase}): ${action}${reason && `, ${reason}`}`,
    ),
    ...plan.out_of_sight.map((said) => `Puts right: ${said}.`),
    ...plan.drift.map(
      ({ name, state, changed }) =>
        `Puts right: ${name} ${state === "missing" ? "is gone" : `differs in ${changed.join(", ")}`}.`,
    ),
    ...(plan.removes_pin === null ? [] : [`Takes away the pin of ${plan.removes_pin}.`]),
    ...plan.warnings.map((warning) => `Warning: ${warning}`),
    ...plan.refusals.map(({ subject, reason, remedy }) => `Would be refused: ${subject}: ${reason}. Try: ${remedy}`),
  ].join("\n");
}

function reportText(
  { outcome, reason, release, version_id, journeys, seconds, traffic }: z.infer<typeof deploymentReport>,
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
