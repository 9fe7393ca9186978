/** What the commands of the queue work with: Cloudflare's API, the queues' ids, the database of the dead letters, two buckets. */
import { QUEUES } from "../../infra/inventory.ts";
import { queueId } from "../cloudflare/account-resources.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import type { Invocation } from "../command/invocation.ts";
import type { D1Connection } from "../d1/connection.ts";
import { liveDatabase, openStack } from "../stack/delivery.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import type { Storage } from "../storage/storage.ts";

export interface QueueAccess {
  client: Cloudflare;
  account_id: string;
  /** Id of the queue that work waits in. */
  ingest_id: string;
  database: D1Connection;
  /** Where the documents of jobs and deferred writes wait. */
  packs: Storage;
  /** Where copies of what was purged are kept: its lifecycle deletes them by age. */
  logs: Storage;
  signal: AbortSignal;
}

/** Runs `work` with all of it. @throws OpsError naming what of the stack is missing. */
export async function withQueue<T>(invocation: Invocation, work: (access: QueueAccess) => Promise<T>): Promise<T> {
  const stack = await openStack(invocation);
  const { client, account_id, target } = stack;
  const [{ s3, buckets }, ingest_id, database] = await Promise.all([
    target.resources(),
    queueId(client, account_id, QUEUES.ingest, target.stack),
    liveDatabase(stack),
  ]);
  const [packs, logs] = [
    s3Storage({ ...s3, bucket: buckets.vectors, prefix: "" }),
    s3Storage({ ...s3, bucket: buckets.logs, prefix: "" }),
  ];
  try {
    const { signal } = invocation;
    return await work({
      client,
      account_id,
      ingest_id,
      database,
      packs: patientStorage(packs),
      logs: patientStorage(logs),
      signal,
    });
  } finally {
    packs.close();
    logs.close();
  }
}
