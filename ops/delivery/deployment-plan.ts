/** What a deployment would do, decided before anything is changed: `ops deploy --dry-run --json` prints it. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { bundleWorker } from "../../infra/build.ts";
import { STACKS } from "../../infra/inventory.ts";
import { readMigrations } from "../../infra/migration-files.ts";
import type { StackOutputs } from "../../infra/outputs.ts";
import { isDataStore } from "../../infra/policy/data-stores.ts";
import { releaseTag } from "../../infra/version-note.ts";
import { type Waiver, waiver } from "../../infra/waivers.ts";
import { readLastVerified } from "../backup/last-verified.ts";
import { mainVersion } from "../cloudflare/worker-versions.ts";
import { misuse } from "../command/errors.ts";
import type { Environment } from "../command/invocation.ts";
import { appliedMigrations } from "../migrate/ledger.ts";
import { planMigrations, plannedMigration } from "../migrate/plan.ts";
import { type Delivery, liveDatabase } from "../stack/delivery.ts";
import {
  type DriftedResource,
  driftedResource,
  plannedStep,
  type StackDriver,
  type StackPlan,
} from "../stack/driver.ts";
import { outOfSight } from "./out-of-sight.ts";
import { warningsFromOutside } from "./outside.ts";
import { type Refusal, refusals, refusedStep, type SafetyInputs } from "./safety.ts";

export const deploymentPlan = z.strictObject({
  stack: z.enum(STACKS),
  /** Version and release that serve now; null before the first deployment. */
  live: z.strictObject({ version_id: z.string(), release: z.string().nullable() }).nullable(),
  bundle: z.strictObject({
    /** `source`, or the file. */
    from: z.string(),
    bytes: z.number(),
    gzip_bytes: z.number(),
    release: z.string(),
  }),
  /** The pin of a rollback that this deployment takes away, e.g. `version/<id>`. */
  removes_pin: z.string().nullable(),
  migrations: z.array(plannedMigration),
  /** Resources that something would happen to. */
  steps: z.array(plannedStep),
  /** What differs from the last deployment where no step of an `up` would see it; it is put right as well. */
  out_of_sight: z.array(z.string()),
  /** What differs from the engine's state, which its steps are made from: it is noticed first, and put right by the same `up`. */
  drift: z.array(driftedResource),
  /** Another version than the live one would serve: it goes on trial first. */
  version_changes: z.boolean(),
  bindings_changed: z.boolean(),
  nothing_to_do: z.boolean(),
  refusals: z.array(refusedStep),
  warnings: z.array(z.string()),
});
export type DeploymentPlan = z.output<typeof deploymentPlan>;

interface PlanOptions {
  /** A built bundle instead of today's source. */
  bundle: string | undefined;
  without_backup: string | null;
  env: Environment;
  now_ms: number;
  signal: AbortSignal;
}

/**
 * Reads and compares; changes nothing that outlasts it: where the configuration pins another release, the pin is taken away
 * for the preview and put back.
 */
export async function planDeployment(delivery: Delivery, options: PlanOptions): Promise<DeploymentPlan> {
  const { driver, versions } = delivery;
  const outside = warningsFromOutside(delivery.target, options);
  const bundle = await bundleFacts(options.bundle);
  const pinned = await driver.getConfig("bundle");
  const preview = await previewRelease(driver, options.bundle);
  const deployments = await versions.deployments();
  const live = deployments[0] ? await versions.version(mainVersion(deployments[0])) : null;
  const outputs = await deployed(driver);
  const database = live ? await liveDatabase(delivery) : null;
  const { pending, unknown } = planMigrations(
    readMigrations(),
    new Set(database ? await appliedMigrations(database) : []),
    live ? { kind: "version", schema: live.schema } : { kind: "nothing" },
  );
  const out_of_sight = outputs ? await outOfSight(delivery, outputs) : [];
  const found = outputs && driver.compares_with === "state" ? await driver.drift() : [];
  const drift = found.filter((one) => one.state !== "unchanged" && !isLost(one) && !MADE_ANEW.test(one.type));
  const steps = preview.steps.filter((step) => step.kind !== "same");
  const judged = {
    steps,
    migrations: pending,
    waivers: z
      .array(waiver)
      .catch([])
      .parse(await driver.getConfig("waivers")) satisfies Waiver[],
    without_backup: options.without_backup,
    first: live === null,
    now_ms: options.now_ms,
  };
  const version = steps.find(({ type }) => type.endsWith(":WorkerVersion"));
  const settled = deployments[0]?.versions.every(({ percentage }) => percentage === 100) ?? false;
  return {
    stack: driver.stack,
    live: live && { version_id: live.id, release: live.release },
    bundle,
    removes_pin: typeof pinned === "string" && pinned !== options.bundle ? pinned : null,
    migrations: pending,
    steps,
    out_of_sight: out_of_sight.map(({ said }) => said),
    drift,
    version_changes: version !== undefined || (live !== null && outputs?.worker.version_id !== live.id),
    bindings_changed: version?.changed.includes("bindings") ?? false,
    nothing_to_do:
      settled &&
      out_of_sight.length + drift.length === 0 &&
      steps.length === 0 &&
      pending.every(({ action }) => action === "wait"),
    refusals: await refusalsByBackup(delivery, judged, options.signal),
    warnings: [
      ...(await outside),
      ...preview.warnings,
      ...found
        .filter(isLost)
        .map(
          ({ name }) =>
            `${name} is gone: npm run ops -- restore plan brings it back, a deployment does not make it again`,
        ),
      ...unknown.map(
        (name) => `migration ${name} has run and is not in this checkout: it is older than what was deployed`,
      ),
    ],
  };
}

/** A version never changes, and which one serves is looked at by itself. */
const MADE_ANEW = /:Worker(Version|sDeployment)$/;

/** A store that is gone is not made again, empty, by the way. */
function isLost({ state, type }: DriftedResource): boolean {
  return state === "missing" && isDataStore(type);
}

/** What needs no backup is not held up by a record of the last verified one that cannot be read. */
async function refusalsByBackup(
  { target }: Delivery,
  judged: Omit<SafetyInputs, "backup">,
  signal: AbortSignal,
): Promise<Refusal[]> {
  const without = refusals({ ...judged, backup: null });
  return without.length === 0 ? [] : refusals({ ...judged, backup: await readLastVerified(target, signal) });
}

/** What the last `up` told; the version that it made need not be the one that serves. Null before the first. */
async function deployed(driver: StackDriver): Promise<StackOutputs | null> {
  return driver.outputs().catch(() => null);
}

/** The preview of a full rollout of today's source or of a file, whatever is configured. */
async function previewRelease(driver: StackDriver, bundle: string | undefined): Promise<StackPlan> {
  const before = { bundle: await driver.getConfig("bundle"), rollout: await driver.getConfig("rollout") };
  if (before.bundle === bundle && before.rollout === undefined) return driver.preview();
  await driver.setConfig({ bundle, rollout: undefined });
  try {
    return await driver.preview();
  } finally {
    await driver.setConfig(before);
  }
}

async function bundleFacts(file: string | undefined): Promise<DeploymentPlan["bundle"]> {
  const code = file === undefined ? (await bundleWorker()).code : await readFile(file, "utf8").catch(unreadable(file));
  return {
    from: file ?? "source",
    bytes: Buffer.byteLength(code),
    gzip_bytes: gzipSync(code, { level: 9 }).length,
    release: releaseTag(code),
  };
}

function unreadable(file: string): (error: Error) => never {
  return (error) => {
    throw misuse(
      { op: "read bundle", subject: file, cause: error.message, hint: "npm run build writes dist/worker.js" },
      error,
    );
  };
}
