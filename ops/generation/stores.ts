/** What a switch of generations works with: the stack, its deployment, and connections to its stores. */
import { liveOf } from "../../infra/outputs.ts";
import { createCloudflare, retryTold } from "../cloudflare/api.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import type { Progress } from "../command/progress.ts";
import type { D1Connection } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import type { StackDriver } from "../stack/driver.ts";
import { openDriver } from "../stack/open-driver.ts";
import type { StackResources, StackTarget } from "../stack/target.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import type { Storage } from "../storage/storage.ts";
import { canHoldFence } from "./fence.ts";

export interface StoreSession {
  target: StackTarget;
  driver: StackDriver;
  api: Cloudflare;
  account_id: string;
  /** The bucket of the vector packs: also where deferred writes wait and where a switch keeps its record. */
  bucket: Storage;
  progress: Progress;
  /** Ctrl-C and the command's deadline: asked between two pieces of work, never while writers wait. */
  signal: AbortSignal;
  /** For every single request: what was begun is ended, because a switch cut short would leave a fence standing. */
  steady: AbortSignal;
  now: () => number;
  /** A line of news for people. */
  note(text: string): void;
}

/** A generation of the database. */
export interface Database {
  generation: number;
  name: string;
  connection: D1Connection;
}

/** A generation of the vector index. */
export interface VectorStore {
  generation: number;
  name: string;
  dimensions: number;
}

/** Opens a session; `close` ends its connections. */
export async function openSession(
  given: Pick<StoreSession, "target" | "driver" | "progress" | "signal" | "now" | "note">,
): Promise<StoreSession & { close(): void }> {
  const { target, note } = given;
  const steady = new AbortController().signal;
  const { s3, buckets, account_id } = await target.resources();
  const storage = s3Storage({
    endpoint: s3.endpoint,
    bucket: buckets.vectors,
    prefix: "",
    credentials: s3.credentials,
  });
  return {
    ...given,
    account_id,
    steady,
    api: createCloudflare(await target.api(), {
      signal: steady,
      on_retry: (retry) => note(retryTold(retry)),
    }),
    bucket: patientStorage(storage),
    close: () => storage.close(),
  };
}

/** Runs a command's work in a session of its own. */
export async function withSession<T>(invocation: Invocation, work: (session: StoreSession) => Promise<T>): Promise<T> {
  const { progress, signal, now, note } = invocation;
  const [target, driver] = [await invocation.target(), await openDriver(invocation)];
  const session = await openSession({ target, driver, progress, signal, now, note });
  try {
    return await work(session);
  } finally {
    session.close();
  }
}

/** Undefined when the stack has no such generation. */
export function databaseOf(
  { api, account_id }: StoreSession,
  { database }: StackResources,
  generation: number,
): Database | undefined {
  const found = database.generations.find((one) => one.generation === generation);
  return found && { generation, name: found.name, connection: restD1(api, account_id, found.id) };
}

/** The index that the deployed Worker asks. @throws Error where a live database has none. */
export function liveIndex({ vectors }: StackResources): VectorStore {
  const found = liveOf(vectors);
  if (found === undefined) throw new Error("a live database has a live index: ops generation move vectors makes one");
  return found;
}

/** `serving`: it holds what the Worker needs. `empty`: made anew, or damaged. @throws OpsError in D1's words otherwise. */
export async function conditionOf({ connection }: Database): Promise<"serving" | "empty" | "gone"> {
  try {
    return (await canHoldFence(connection)) ? "serving" : "empty";
  } catch (error) {
    if (error instanceof OpsError && error.status === 404) return "gone";
    throw error;
  }
}
