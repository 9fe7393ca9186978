/**
 * What the faces of the local platform (Cloudflare's REST API, R2's S3 API) need from the running engines.
 *
 * The faces translate protocols and enforce Cloudflare's limits; the engine owns workerd, the files and the
 * registry. `platform.ts` composes them.
 */
import type { R2Bucket } from "@cloudflare/workers-types";
import type { Registry } from "./registry.ts";
import type { QueryD1 } from "./rest/d1-gateway.ts";
import type { KvGateway } from "./rest/kv-gateway.ts";

export interface Engine {
  /** 32 hex digits, as Cloudflare's account ids. */
  readonly account_id: string;
  /** Which resources exist and how they are set. Writing to it does not reload by itself: bindings are made on use. */
  readonly registry: Registry;
  /** Milliseconds since the epoch, by the platform's (possibly simulated) clock. */
  now(): number;

  /** Bindings of registered resources. The first use of a new resource reloads workerd under a held front proxy. */
  queryD1: QueryD1;
  kv(namespaceId: string): Promise<KvGateway>;
  r2(bucketName: string): Promise<R2Bucket>;

  /** The SQLite file behind a D1 database, e.g. for Time Travel snapshots; it may not exist before the first write. */
  d1File(databaseId: string): string;
  /** Removes a resource's stored data (after its registry entry is gone). */
  dropData(kind: "d1" | "kv" | "r2", id: string): Promise<void>;
  /** Holds the front proxy, stops workerd, runs `work` on the files, starts again. Requests wait, none fail. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Loads what the registry's deployments name: called after a deployment or a binding changed.
   * Errors when workerd refuses the code; the previous deployment keeps serving then.
   */
  reload(): Promise<void>;
  /** Runs the scheduled handler of a script's live version now, as a cron trigger would. */
  triggerSchedule(scriptName: string, cron: string): Promise<void>;
}
