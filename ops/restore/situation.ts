/** What a restore finds: whether there is a live database, what the deployed Worker wants, what stands in the way. */

import { liveOf } from "../../infra/outputs.ts";
import { embeddingModel } from "../../worker/vectors/models.ts";
import { mainVersion, workerVersions } from "../cloudflare/worker-versions.ts";
import { isReason, type OpsError, refusal } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { conditionOf, type Database, databaseOf, openSession, type StoreSession } from "../generation/stores.ts";
import { openDriver } from "../stack/open-driver.ts";
import type { StackResources } from "../stack/target.ts";
import { isFailure } from "../storage/storage.ts";
import { whileWaiting } from "../waits.ts";

export interface Situation {
  session: StoreSession;
  resources: StackResources;
  /** Null where it is gone, or holds nothing of the Worker's. */
  live: (Database & { id: string }) | null;
  /** The same, whatever it holds: D1 brings back also one whose tables were dropped. Null where it is gone. */
  existing: Situation["live"];
  /** What vectors the deployed Worker asks with; null where it has no model. */
  vector_space: string | null;
}

/** Runs `work` with what is found. @throws OpsError when nothing was ever deployed to the stack. */
export async function withSituation<T>(invocation: Invocation, work: (situation: Situation) => Promise<T>): Promise<T> {
  const { progress, signal, now, note } = invocation;
  const [target, driver] = [await invocation.target(), await openDriver(invocation)];
  const session = await openSession({ target, driver, progress, signal, now, note }).catch((error: unknown) => {
    if (isReason(error, "resource-missing")) throw nothingDeployed(target.stack, error);
    throw error;
  });
  try {
    return await work(await lookAt(session));
  } finally {
    session.close();
  }
}

async function lookAt(session: StoreSession): Promise<Situation> {
  const resources = await session.target.resources();
  const bindings = await servingBindings(session, resources);
  const found = databaseOf(session, resources, resources.database.live);
  const id = liveOf(resources.database)?.id;
  const condition = found === undefined ? "gone" : await conditionOf(found);
  const existing = found === undefined || id === undefined || condition === "gone" ? null : { ...found, id };
  return {
    session,
    resources,
    live: condition === "serving" ? existing : null,
    existing,
    vector_space: vectorSpaceOf(bindings),
  };
}

/** Of the version that serves, or the most of it; none where nothing does. */
export async function servingBindings(
  { api, account_id }: StoreSession,
  { worker }: StackResources,
): Promise<Record<string, unknown>[]> {
  const versions = workerVersions(api, account_id, worker.name);
  const [serving] = await versions.deployments();
  return serving === undefined ? [] : (await versions.version(mainVersion(serving))).bindings;
}

/** `vector_space` of the model that a version's variables name; null where they name none. */
export function vectorSpaceOf(bindings: readonly { name?: unknown; text?: unknown }[]): string | null {
  const text = (wanted: string): string => String(bindings.find(({ name }) => name === wanted)?.text ?? "");
  const EMBEDDING_MODEL = text("EMBEDDING_MODEL");
  if (EMBEDDING_MODEL === "") return null;
  return embeddingModel({ EMBEDDING_MODEL, EMBEDDING_PASSAGE_PREFIX: text("EMBEDDING_PASSAGE_PREFIX") }).vector_space;
}

/** Makes again what of the stack is gone, empty: buckets must be there before anything can be written down. */
export async function withBucket({ session }: Situation): Promise<void> {
  const isThere = await session.bucket.page("", "", session.signal).then(
    () => true,
    (error: unknown) => {
      if (isFailure(error, "missing", "refused")) return false;
      throw error;
    },
  );
  if (!isThere) await whileWaiting({ for: "the deployment", limit_ms: null }, () => session.driver.up());
}

function nothingDeployed(stack: string, error: OpsError): OpsError {
  return refusal(
    {
      op: "restore",
      subject: `stack ${stack}`,
      cause: `there is nothing to restore into: ${error.parts.subject} is missing`,
      hint: `npm run ops -- deploy --stack ${stack} makes everything, empty; then repeat the restore`,
      reason: error.reason,
    },
    error,
  );
}
