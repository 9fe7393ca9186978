/**
 * `ops rollback`: the release that served before, in one command: old code with the bindings of today. A version that was bound
 * to just these is deployed as it is, in seconds; otherwise its code becomes a new version. Either way it is pinned in the
 * configuration, so that the next `up` agrees.
 */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { readMigrations } from "../../infra/migration-files.ts";
import { type DeployedVersion, type Deployment, mainVersion } from "../cloudflare/worker-versions.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT, type Reason, refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { shownTime } from "../command/quantities.ts";
import { rounded } from "../command/rounded.ts";
import { appliedMigrations } from "../migrate/ledger.ts";
import { contractedSince } from "../migrate/plan.ts";
import { type Delivery, liveDatabase, openDelivery } from "../stack/delivery.ts";
import { whileWaiting } from "../waits.ts";
import { underTraffic } from "./probe-caller.ts";
import { previousGood } from "./release-history.ts";
import { trafficReport, trafficText } from "./traffic-report.ts";
import { answersAsItself, Condemned } from "./trial.ts";

const rollbackPlan = z.strictObject({
  stack: z.enum(STACKS),
  from: z.string().describe("id of the version that serves"),
  since: z.string().describe("when it first got traffic, as far as Cloudflare lists deployments"),
  to: z.string().describe("id of the version whose code is to serve"),
  release: z.string().nullable(),
  path: z.enum(["deployment", "new version"]).describe("a new version is made where the old one was bound otherwise"),
});
const output = z.union([
  rollbackPlan.describe("of a dry run"),
  rollbackPlan.extend({
    version_id: z.string().describe("what serves now"),
    serving_after_s: z.number(),
    unrecorded: z.string().nullable().describe("why the stack's record is incomplete"),
    silent: z.string().nullable().describe("why what serves now does not answer; null where it does"),
    seconds: z.number(),
    traffic: trafficReport,
  }),
]);

export const rollback = defineCommand({
  path: "rollback",
  group: "delivery",
  summary: "serve the release before again: old code with today's bindings, pinned until the next deploy",
  notes:
    "Refused (exit code 3) after a Durable Object migration or a contracting database migration that the old code does not know. Exit code 1: what serves now does not answer, either. Exit code 4: it serves, but the stack's record of it is incomplete; the same with --to VERSION finishes that.",
  risk: "change",
  options: z.object({
    to: z
      .string()
      .optional()
      .meta({ placeholder: "version", description: "a version's id instead of the release before" }),
  }),
  output,
  examples: ["rollback --dry-run --json", "rollback --stack production"],
  async run(invocation, { to }): Promise<Outcome<z.infer<typeof output>>> {
    const begun_ms = invocation.now();
    const since_s = () => rounded((invocation.now() - begun_ms) / 1000, 1);
    const delivery = await openDelivery(invocation);
    const { driver } = delivery;
    const { live, since, goal } = await chooseVersion(delivery, to);
    await refuseAcrossMigrations(delivery, live, goal);
    // Equal fingerprints cover secrets, too; a version that has none is bound anew.
    const asItIs = goal.fingerprint !== null && goal.fingerprint === live.fingerprint;
    const plan: z.infer<typeof rollbackPlan> = {
      stack: driver.stack,
      from: live.id,
      since,
      to: goal.id,
      release: goal.release,
      path: asItIs ? "deployment" : "new version",
    };
    if (invocation.dry_run)
      return {
        data: plan,
        text: `Now: ${told(live)}, since ${shownMoment(since, invocation)}.\nWould serve ${told(goal)} of ${shownMoment(goal.created_on, invocation)} by a ${plan.path}.`,
      };

    const service = await delivery.target.service();
    invocation.begin(plan);
    const { result, report } = await underTraffic(service, "rollback", invocation.note, async (traffic) => {
      if (asItIs) await delivery.versions.deploy([{ version_id: goal.id, percentage: 100 }]);
      else invocation.note(`Version ${goal.id} was bound to something else: its code becomes a new version.`);
      const deployed_s = since_s();
      if (asItIs) traffic.phase("record");
      const pinned = await pin(delivery, goal.id).catch((error: unknown) => {
        if (!asItIs) throw error;
        // The service is well already; what failed is its bookkeeping.
        return { version_id: goal.id, unrecorded: asOpsError(error).message };
      });
      const serving_after_s = asItIs ? deployed_s : since_s();
      return { ...pinned, serving_after_s, silent: await whySilent(delivery, pinned.version_id, invocation) };
    });
    const { version_id, serving_after_s, unrecorded, silent } = result;
    const seconds = since_s();
    return {
      data: { ...plan, ...result, seconds, traffic: report },
      text: [
        `Release ${goal.release ?? goal.id} serves again, since second ${serving_after_s}, as version ${version_id}; it is pinned until the next deploy.`,
        ...(silent === null
          ? []
          : [
              `It does not answer, either: ${silent}. If it ever did, the release was not the cause: npm run ops -- health says what else is wrong.`,
            ]),
        ...(unrecorded === null
          ? []
          : [
              `The stack does not know it yet (${unrecorded}). Finish it with: npm run ops -- rollback --to ${goal.id}`,
            ]),
        trafficText(report, invocation.terminal),
        `${seconds} s.`,
      ].join("\n"),
      exit_code: silent !== null ? EXIT.check_failed : unrecorded === null ? EXIT.done : EXIT.partial,
      audit: { detail: { ...result, seconds, failed_requests: report.failed } },
    };
  },
});

const told = ({ id, release }: DeployedVersion): string => `version ${id} (release ${release ?? "unknown"})`;

/** To be held against the beginning of the trouble. */
const shownMoment = (at: string, { now }: Invocation): string => `${at} (${shownTime(now() - Date.parse(at))} ago)`;

/** When the newest deployments began to give the version traffic. */
function firstOf(deployments: readonly Deployment[], id: string): string {
  const other = deployments.findIndex(({ versions }) => versions.every(({ version_id }) => version_id !== id));
  return (other === -1 ? deployments : deployments.slice(0, other)).at(-1)?.created_on ?? "";
}

async function chooseVersion(
  { versions }: Delivery,
  wanted: string | undefined,
): Promise<{ live: DeployedVersion; since: string; goal: DeployedVersion }> {
  const deployments = await versions.deployments();
  const whole = deployments.filter(({ versions: shares }) => shares.some(({ percentage }) => percentage === 100));
  const ids = [...new Set(whole.map(mainVersion))];
  const known = new Map<string, DeployedVersion>();
  for (const id of ids) known.set(id, await versions.version(id));
  const refuse = (cause: string, hint: string, reason?: Reason) =>
    refusal({ op: "roll back", subject: versions.script, cause, hint, reason });
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
      ids.length <= 1
        ? "it is the only release that has served, as far as Cloudflare lists deployments"
        : `of the ${deployments.length} deployments that Cloudflare lists, none is of an earlier release that served until a newer one came`,
      "correct the release and deploy it (npm run ops -- deploy), deploy one that was good from its checkout, or name a version with --to ID",
    );
  if (id === live.id)
    throw refuse(`version ${id} serves already`, "npm run ops -- rollback --dry-run names the one before");
  return { live, since: firstOf(deployments, live.id), goal: known.get(id) ?? (await versions.version(id)) };
}

/** @throws OpsError, exit code 3, when the old code would meet objects or tables that it does not know. */
async function refuseAcrossMigrations(delivery: Delivery, live: DeployedVersion, goal: DeployedVersion): Promise<void> {
  const refuse = (cause: string, hint: string) =>
    refusal({ op: "roll back to version", subject: goal.id, cause, hint });
  const missing = [...classesOf(live)].filter((name) => !classesOf(goal).has(name));
  if (missing.length > 0 || (goal.migration_tag ?? live.migration_tag) !== live.migration_tag)
    throw refuse(
      `a Durable Object migration lies between (${missing.join(", ") || `${goal.migration_tag} → ${live.migration_tag}`}), and Cloudflare refuses to go back across one`,
      "correct the code and deploy it: npm run ops -- deploy",
    );
  const applied = await appliedMigrations(await liveDatabase(delivery));
  const taken = contractedSince(readMigrations(), new Set(applied), goal.schema);
  if (taken.length > 0)
    throw refuse(
      `${taken.join(", ")} took away what its code, made for ${goal.schema ?? "an unknown schema"}, may need`,
      "take the migration back first (npm run ops -- migrate revert), or correct the code and deploy it",
    );
}

/** Makes a version what the stack has declared, and what serves alone. */
async function pin(
  { driver, versions }: Delivery,
  id: string,
): Promise<{ version_id: string; unrecorded: string | null }> {
  await driver.setConfig({ bundle: `version/${id}`, rollout: undefined });
  const { version_id } = (await whileWaiting({ for: "the deployment", limit_ms: null }, () => driver.up())).worker;
  // The engine compares with its own last deployment: where somebody else's came after it, an `up` has nothing to do.
  if (!servesAlone((await versions.deployments())[0], version_id))
    await versions.deploy([{ version_id, percentage: 100 }]);
  return { version_id, unrecorded: null };
}

/** Why a version that has all of the traffic does not answer as itself; null where it does. */
async function whySilent(delivery: Delivery, version_id: string, { signal }: Invocation): Promise<string | null> {
  try {
    await answersAsItself(delivery, version_id, signal);
    return null;
  } catch (error) {
    if (error instanceof Condemned) return error.message;
    throw error;
  }
}

function servesAlone(deployment: Deployment | undefined, id: string): boolean {
  return deployment?.versions.some(({ version_id, percentage }) => version_id === id && percentage === 100) === true;
}

function classesOf({ bindings }: DeployedVersion): Set<string> {
  return new Set(
    bindings.flatMap(({ type, class_name }) => (type === "durable_object_namespace" ? [String(class_name)] : [])),
  );
}
