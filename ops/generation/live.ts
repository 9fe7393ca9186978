/** Generations in a stack's configuration, and which of them the Worker is bound to. */
import { bundleWorker } from "../../infra/build.ts";
import { releaseTag } from "../../infra/version-note.ts";
import { type Waiver, waiverFlaw } from "../../infra/waivers.ts";
import { mainVersion, workerVersions } from "../cloudflare/worker-versions.ts";
import { asOpsError, OpsError, refusal } from "../command/errors.ts";
import type { StackResources } from "../stack/target.ts";
import { whileWaiting } from "../waits.ts";
import type { SwitchRecord } from "./record.ts";
import type { StoreSession } from "./stores.ts";

interface DatabaseConfig {
  live: number;
  generations: number[];
}
interface VectorsConfig {
  live: number;
  generations: { generation: number; dimensions: number }[];
}

/** Numbers of a store's generations. */
export function numbersOf({ generations }: DatabaseConfig | VectorsConfig): number[] {
  return generations.map((one) => (typeof one === "number" ? one : one.generation));
}

/** What the configuration says; what exists, where it says nothing. */
export async function configured({
  driver,
  target,
}: StoreSession): Promise<{ database: DatabaseConfig; vectors: VectorsConfig }> {
  const [database, vectors] = [await driver.getConfig("database"), await driver.getConfig("vectors")];
  const resources = await target.resources();
  return {
    database: (database as DatabaseConfig | undefined) ?? {
      live: resources.database.live,
      generations: resources.database.generations.map(({ generation }) => generation),
    },
    vectors: (vectors as VectorsConfig | undefined) ?? {
      live: resources.vectors.live,
      generations: resources.vectors.generations.map(({ generation, dimensions }) => ({ generation, dimensions })),
    },
  };
}

/** Makes the new generations exist beside the live ones. Nothing is bound to them yet. */
export async function declareGenerations(session: StoreSession, { database, vectors }: SwitchRecord): Promise<void> {
  const config = await configured(session);
  const changes: Record<string, unknown> = {};
  if (database && !config.database.generations.includes(database.to)) {
    changes.database = { ...config.database, generations: [...config.database.generations, database.to] };
  }
  if (vectors && !config.vectors.generations.some(({ generation }) => generation === vectors.to)) {
    const added = { generation: vectors.to, dimensions: vectors.dimensions };
    changes.vectors = { ...config.vectors, generations: [...config.vectors.generations, added] };
  }
  // Declared is not made: a deployment may have been interrupted in between.
  const made = await session.target.resources();
  const isMade = (store: "database" | "vectors", to: number | undefined) =>
    to === undefined || made[store].generations.some(({ generation }) => generation === to);
  if (isMade("database", database?.to) && isMade("vectors", vectors?.to)) return;
  await session.driver.setConfig(changes);
  await deployStores(session, await pinOfDeployedCode(session));
}

/**
 * Binds the Worker to the generations that the record moves to, and reads back that it is so. A deployment that failed
 * after that counts: the Worker may have written to the new stores already, and going back would lose it.
 * @throws OpsError with the configuration and the bindings as they were before.
 */
export async function takeOver(session: StoreSession, record: SwitchRecord, pin: string | null): Promise<void> {
  await bind(session, record, "to");
  const failure = await deployStores(session, pin).then(
    () => null,
    (error: unknown) => asOpsError(error),
  );
  const live = await session.target.resources();
  if (isTakenOver(record, live)) {
    if (failure) session.note(`The Worker is switched, but the deployment ended early: ${failure.message}. Repeat it.`);
    return;
  }
  await bind(session, record, "from");
  throw failure ?? stillBound(live);
}

/** @throws OpsError with exit code 3 while two versions share the traffic: the older one would stay with the old stores. */
export async function refuseDuringRollout({ driver }: StoreSession): Promise<void> {
  const rollout = (await driver.getConfig("rollout")) as { percentage: number } | undefined;
  if (rollout === undefined || rollout.percentage === 100) return;
  throw refusal({
    op: "switch",
    subject: "generations",
    cause: `a deployment is being rolled out: ${rollout.percentage} % of the traffic have the new version`,
    hint: "finish it first: npm run ops -- deploy, or npm run ops -- rollback",
  });
}

/** Configures the stores, and the model, of one end of a switch. */
export async function bind(
  session: StoreSession,
  { database, vectors, embedding_model }: SwitchRecord,
  end: "from" | "to",
): Promise<void> {
  const config = await configured(session);
  const variables = ((await session.driver.getConfig("variables")) ?? {}) as Record<string, string>;
  await session.driver.setConfig({
    ...(database ? { database: { ...config.database, live: database[end] } } : {}),
    ...(vectors ? { vectors: { ...config.vectors, live: vectors[end] } } : {}),
    ...(embedding_model ? { variables: { ...variables, EMBEDDING_MODEL: embedding_model[end] } } : {}),
  });
}

/** Of waivers that a command writes for itself, by which it knows its own. */
export const DROP_REASON = "dropped by ops generation drop: it is not live any more";

/** The stack's waivers. Those that a drop has left which died go: past their end they would stop every deployment. */
export async function countingWaivers({ driver, now }: Pick<StoreSession, "driver" | "now">): Promise<Waiver[]> {
  const waivers = ((await driver.getConfig("waivers")) as Waiver[] | undefined) ?? [];
  const counting = waivers.filter((one) => one.reason !== DROP_REASON || waiverFlaw(one, now()) === null);
  if (counting.length < waivers.length) await driver.setConfig({ waivers: counting.length > 0 ? counting : undefined });
  return counting;
}

/** A deployment of stores alone: the code that serves goes on serving, whatever this checkout holds. */
export async function deployStores(session: StoreSession, pin: string | null): Promise<void> {
  const { driver, progress } = session;
  progress.start("deploy", 0);
  await countingWaivers(session);
  if (pin !== null) await driver.setConfig({ bundle: pin });
  try {
    await whileWaiting({ for: "the deployment", limit_ms: null }, () => driver.up());
  } finally {
    if (pin !== null) await driver.setConfig({ bundle: undefined });
    progress.stop();
  }
}

/**
 * What the configuration's `bundle` has to be, so that a deployment leaves the code as it is. Null where it does anyway: the
 * code is pinned already, or it is this checkout's.
 */
export async function pinOfDeployedCode({ api, account_id, driver, target }: StoreSession): Promise<string | null> {
  if ((await driver.getConfig("bundle")) !== undefined) return null;
  const { worker } = await target.resources();
  const versions = workerVersions(api, account_id, worker.name);
  const [serving] = await versions.deployments();
  if (serving === undefined) return null;
  const { id, release } = await versions.version(mainVersion(serving));
  // A version without a tag was not deployed but seeded, from a checkout.
  if (release === null || release === releaseTag((await bundleWorker()).code)) return null;
  return `version/${id}`;
}

/** Whether the Worker is bound to what the record moves to. */
export function isTakenOver({ database, vectors }: SwitchRecord, live: StackResources): boolean {
  return (
    (database === null || live.database.live === database.to) && (vectors === null || live.vectors.live === vectors.to)
  );
}

function stillBound({ database, vectors }: StackResources): OpsError {
  return new OpsError({
    op: "switch",
    subject: "the Worker",
    cause: `after the deployment it is bound to database g${database.live} and vectors g${vectors.live}`,
    hint: "the old generations stay live; npm run ops -- drift shows what differs, then repeat the command",
  });
}
