/** What a restore finds: whether there is a live database, what the deployed Worker wants, what stands in the way. */

import { mainVersion, workerVersions } from "../cloudflare/worker-versions.ts";
import { EXIT, isReason, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { conditionOf, type Database, databaseOf, openSession, type StoreSession } from "../generation/stores.ts";
import { openDriver } from "../stack/open-driver.ts";
import type { StackResources } from "../stack/target.ts";
import { StorageError } from "../storage/storage.ts";
import { whileWaiting } from "../waits.ts";

export interface Situation {
  session: StoreSession;
  resources: StackResources;
  /** Null where it is gone, or holds nothing of the Worker's. */
  live: (Database & { id: string }) | null;
  /** `EMBEDDING_MODEL` of the deployed Worker; null where it has none. */
  embedding_model: string | null;
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
  const versions = workerVersions(session.api, session.account_id, resources.worker.name);
  const [serving] = await versions.deployments();
  const bindings = serving === undefined ? [] : (await versions.version(mainVersion(serving))).bindings;
  const model = bindings.find(({ name }) => name === "EMBEDDING_MODEL")?.text;
  const found = databaseOf(session, resources, resources.database.live);
  const id = resources.database.generations.find(({ generation }) => generation === resources.database.live)?.id;
  const isThere = found !== undefined && id !== undefined && (await conditionOf(found)) === "serving";
  return {
    session,
    resources,
    live: isThere ? { ...found, id } : null,
    embedding_model: typeof model === "string" ? model : null,
  };
}

/** Makes again what of the stack is gone, empty: buckets must be there before anything can be written down. */
export async function withBucket({ session }: Situation): Promise<void> {
  const isThere = await session.bucket.page("", "", session.signal).then(
    () => true,
    (error: unknown) => {
      if (error instanceof StorageError && ["missing", "refused"].includes(error.failure)) return false;
      throw error;
    },
  );
  if (!isThere) await whileWaiting({ for: "the deployment", limit_ms: null }, () => session.driver.up());
}

function nothingDeployed(stack: string, error: OpsError): OpsError {
  return new OpsError(
    {
      op: "restore",
      subject: `stack ${stack}`,
      cause: `there is nothing to restore into: ${error.parts.subject} is missing`,
      hint: `npm run ops -- deploy --stack ${stack} makes everything, empty; then repeat the restore`,
      reason: error.reason,
    },
    { exit_code: EXIT.refused, error },
  );
}
