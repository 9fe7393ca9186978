/**
 * Carries a deployment out: migrations, upload without traffic, trial, promotion, record; or gives the traffic back.
 *
 * Until the last phase the configuration says that the version before has all of the traffic, and that is also what a
 * repetition of `up` would do: a deployment that is cut off anywhere leaves a service that works and a record that agrees.
 */
import { z } from "zod";
import { readMigrations } from "../../infra/migration-files.ts";
import type { StackOutputs } from "../../infra/outputs.ts";
import { MINUTE_MS } from "../../worker/ground/time.ts";
import { CRON_STOPPED_AFTER_MS } from "../../worker/limits.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { workerVersions } from "../cloudflare/worker-versions.ts";
import { asOpsError, isReason } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { walkJourneys } from "../health/synthetic.ts";
import { PROMOTION_PERCENT, RESTORE_TIMEOUT_MS } from "../limits.ts";
import { applyMigration } from "../migrate/ledger.ts";
import { type Delivery, liveDatabase } from "../stack/delivery.ts";
import type { StackDriver } from "../stack/driver.ts";
import type { DeploymentPlan } from "./deployment-plan.ts";
import { outOfSight } from "./out-of-sight.ts";
import { readBack } from "./read-back.ts";
import { toldUp } from "./told-up.ts";
import { condemnation, type Traffic, versionOverride } from "./traffic.ts";
import type { PhaseTraffic } from "./traffic-report.ts";
import { answersAsItself, Condemned, deployedBetween, passesJourneys, promote } from "./trial.ts";

export interface CarryOutOptions {
  bundle: string | undefined;
  at_once: boolean;
  watch_ms: number;
}

export const carriedOut = z.strictObject({
  outcome: z.enum(["deployed", "rolled back", "failed"]),
  reason: z.string().nullable().describe("why it was rolled back or failed; null when it was deployed"),
  version_id: z.string().describe("what serves now"),
  migrations_applied: z.array(z.string()),
  journeys: z.strictObject({ passed: z.number(), failed: z.number() }).nullable(),
  read_back: z.array(z.string()).describe("what Cloudflare has other than declared"),
});
export type CarriedOut = z.infer<typeof carriedOut>;

/** The first deployment of a stack: nobody calls it yet, and its database exists only afterwards. */
export async function carryOutFirst(
  delivery: Delivery,
  plan: DeploymentPlan,
  options: CarryOutOptions,
  invocation: Invocation,
): Promise<CarriedOut> {
  const { driver } = delivery;
  await driver.setConfig({ bundle: options.bundle, rollout: undefined });
  const outputs = await toldUp(delivery, invocation);
  await putRight(delivery, outputs, invocation);
  const migrations_applied = await migrate(delivery, plan, invocation);
  await pinFile(driver, options, outputs.worker.version_id);
  const carried = { ...(await inspect(delivery, outputs, invocation)), migrations_applied };
  if (outputs.watchdog !== null)
    invocation.note(
      `Until a second release serves, the watchdog runs this one, too: one that throws in cron silences both. Look in ${CRON_STOPPED_AFTER_MS / MINUTE_MS} minutes whether cron has run: npm run ops -- health --stack ${driver.stack}`,
    );
  return carried;
}

/** A change that makes no new version of the Worker. There is nothing to try out or to give back. */
export async function carryOutAround(
  delivery: Delivery,
  plan: DeploymentPlan,
  options: CarryOutOptions,
  invocation: Invocation,
): Promise<CarriedOut> {
  const migrations_applied = await migrate(delivery, plan, invocation);
  await delivery.driver.setConfig({ bundle: options.bundle, rollout: undefined });
  const outputs = await toldUp(delivery, invocation);
  await putRight(delivery, outputs, invocation);
  await pinFile(delivery.driver, options, outputs.worker.version_id);
  return { ...(await inspect(delivery, outputs, invocation)), migrations_applied };
}

/**
 * A new version beside the one that serves. Never throws once the version is up: it rolls back and says why. What somebody else has deployed
 * meanwhile is left as it is.
 * @throws OpsError, reason `busy`, where another deployment holds the stack: nothing is uploaded then.
 */
export async function carryOutVersion(
  delivery: Delivery,
  plan: DeploymentPlan,
  previous: string,
  options: CarryOutOptions,
  traffic: Traffic,
  invocation: Invocation,
): Promise<CarriedOut> {
  const { driver } = delivery;
  const done: CarriedOut = {
    outcome: "deployed",
    reason: null,
    version_id: previous,
    migrations_applied: await migrate(delivery, plan, invocation),
    journeys: null,
    read_back: [],
  };
  const configured = { bundle: await driver.getConfig("bundle"), rollout: await driver.getConfig("rollout") };
  let candidate: string | null = null;
  try {
    const before = traffic.phase("upload");
    await driver.setConfig({ bundle: options.bundle, rollout: { percentage: 0, previous } });
    const outputs = await toldUp(delivery, invocation);
    candidate = outputs.worker.version_id;
    await putRight(delivery, outputs, invocation);

    const trial = traffic.phase("trial");
    // An override reaches versions of the current deployment only, and the provider cannot declare a share of 0.
    await delivery.versions.deploy([
      { version_id: previous, percentage: 100 },
      { version_id: candidate, percentage: 0 },
    ]);
    invocation.note(`Version ${candidate} is up, without traffic. Trying it out.`);
    await answersAsItself(delivery, candidate, invocation.signal);
    traffic.candidate(versionOverride(delivery.versions.script, candidate));
    done.read_back = await readBack(delivery, outputs, candidate);
    if (done.read_back.length > 0) throw new Condemned(done.read_back.join("; "));
    done.journeys = counted(await passesJourneys(delivery, candidate, invocation));
    const hurt = hurtBefore([before, trial]);
    if (hurt !== null) invocation.note(`All traffic at once, for the version before fails callers: ${hurt}.`);
    const percent = options.at_once || hurt !== null ? [100] : PROMOTION_PERCENT;
    const promotion = { version_id: candidate, previous, percent, watch_ms: options.watch_ms };
    await promote(delivery, promotion, traffic, invocation.signal);

    traffic.phase("record");
    traffic.candidate(null);
    await driver.setConfig({
      // A file may be gone tomorrow; the version stays.
      bundle: options.bundle === undefined ? undefined : `version/${candidate}`,
      rollout: undefined,
      // One that answered nobody would silence the watchdog as well.
      ...(outputs.watchdog !== null && answered([before, trial]) && { watchdogBundle: `version/${previous}` }),
    });
    done.version_id = (await toldUp(delivery, invocation)).worker.version_id;
    return done;
  } catch (error) {
    if (candidate === null && isReason(error, "busy")) {
      await driver.setConfig(configured);
      throw error;
    }
    traffic.phase("rollback");
    traffic.candidate(null);
    const reason = error instanceof Condemned ? error.message : describe(error);
    const between =
      candidate === null ? null : await deployedBetween(delivery, [candidate, previous]).catch(() => null);
    if (between !== null) {
      // A share for the version before would be given with the next `up`.
      await driver.setConfig({ ...configured, rollout: undefined });
      const left = `version ${between} was deployed meanwhile, and is left as it is: npm run ops -- status tells what serves`;
      return { ...done, outcome: "failed", version_id: between, reason: `${reason}; ${left}` };
    }
    invocation.note(`Rolling back to ${previous}: ${reason}`);
    const complaint = await giveBack(delivery, previous, invocation);
    return {
      ...done,
      outcome: complaint === null ? "rolled back" : "failed",
      reason: complaint === null ? reason : `${reason}. The rollback is not complete: ${complaint}`,
    };
  }
}

/**
 * What callers met while the version before had all of the traffic, where that condemns it; null where they were well. With a share for the
 * new version they would wait for what mends it, and what the other one fails would be held against it.
 */
function hurtBefore(phases: readonly PhaseTraffic[]): string | null {
  if (!answered(phases)) return "nobody gets an answer";
  const ofCallers = phases.map((phase) => ({ ...phase, candidate: { requests: 0, failed: 0 } }));
  return ofCallers.map(condemnation).find((verdict) => verdict !== null) ?? null;
}

function answered(phases: readonly PhaseTraffic[]): boolean {
  return phases.some(({ requests, failed }) => failed < requests);
}

/**
 * All traffic to `previous` at once, then the record of it: its code is pinned, with no traffic for what `up` makes of it,
 * because what is bound now may be what broke. Returns what did not work, or null.
 */
async function giveBack(delivery: Delivery, previous: string, invocation: Invocation): Promise<string | null> {
  const { driver, target, account_id, versions } = delivery;
  try {
    // The command's own deadline may be what ended the deployment.
    const client = createCloudflare(await target.api(), { signal: AbortSignal.timeout(RESTORE_TIMEOUT_MS) });
    await workerVersions(client, account_id, versions.script).deploy([{ version_id: previous, percentage: 100 }]);
    await driver.setConfig({ bundle: `version/${previous}`, rollout: { percentage: 0, previous } });
    await toldUp(delivery, invocation);
    return null;
  } catch (error) {
    return describe(error);
  }
}

/** What `up` cannot see, it cannot repair. */
async function putRight(delivery: Delivery, outputs: StackOutputs, invocation: Invocation): Promise<void> {
  for (const { said, repair } of await outOfSight(delivery, outputs)) {
    invocation.note(`Putting right: ${said}.`);
    await repair();
  }
}

async function migrate(delivery: Delivery, plan: DeploymentPlan, invocation: Invocation): Promise<string[]> {
  const wanted = plan.migrations.filter(({ action }) => action === "apply").map(({ name }) => name);
  if (wanted.length === 0) return [];
  const database = await liveDatabase(delivery);
  for (const migration of readMigrations().filter(({ name }) => wanted.includes(name))) {
    await applyMigration(database, migration);
    invocation.note(`Migration ${migration.name} has run.`);
  }
  return wanted;
}

/** Looks at what serves now, where there is no version to go back to. */
async function inspect(
  delivery: Delivery,
  outputs: StackOutputs,
  invocation: Invocation,
): Promise<Omit<CarriedOut, "migrations_applied">> {
  const { version_id } = outputs.worker;
  const read_back = await readBack(delivery, outputs, version_id);
  const walked = await walkJourneys(await delivery.target.service(), invocation, {});
  const failed = walked.steps.filter(({ state }) => state === "fail").map(({ name, detail }) => `${name} (${detail})`);
  const wrong = [...read_back, ...failed.map((journey) => `journey failed: ${journey}`)];
  return {
    outcome: wrong.length === 0 ? "deployed" : "failed",
    reason: wrong.length === 0 ? null : wrong.join("; "),
    version_id,
    journeys: counted(walked),
    read_back,
  };
}

function counted({ steps }: Awaited<ReturnType<typeof walkJourneys>>): NonNullable<CarriedOut["journeys"]> {
  const passed = steps.filter(({ state }) => state === "pass").length;
  return { passed, failed: steps.length - passed };
}

async function pinFile(driver: StackDriver, { bundle }: CarryOutOptions, version_id: string): Promise<void> {
  if (bundle !== undefined) await driver.setConfig({ bundle: `version/${version_id}` });
}

function describe(error: unknown): string {
  const { op, subject, cause } = asOpsError(error).parts;
  return `${op} ${subject}: ${cause}`;
}
