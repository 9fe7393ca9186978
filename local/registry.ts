/**
 * The registry of the local account: which resources exist and how they are set.
 *
 * One SQLite table of JSON records, because nothing here is queried by field: the REST face lists and reads
 * whole records. The data inside a resource (rows, values, objects) lives with its engine, not here.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { WorkerBinding } from "../infra/bindings.ts";
import type { LockRule } from "./s3/lock-rules.ts";

export interface D1Record {
  uuid: string;
  name: string;
  created_at: string;
  version: "production";
  read_replication: { mode: "auto" | "disabled" };
}
export interface KvRecord {
  id: string;
  title: string;
  supports_url_encoding: true;
}
export interface BucketRecord {
  name: string;
  creation_date: string;
  location: string;
  storage_class: string;
  /** Lifecycle and lock rules exactly as the REST API takes and returns them. */
  lifecycle_rules: unknown[];
  lock_rules: LockRule[];
}
export interface QueueRecord {
  queue_id: string;
  queue_name: string;
  created_on: string;
  modified_on: string;
  settings: { delivery_delay?: number; message_retention_period?: number; delivery_paused?: boolean };
  consumers: QueueConsumerRecord[];
}
export interface QueueConsumerRecord {
  consumer_id: string;
  type: "worker" | "http_pull";
  script_name?: string;
  dead_letter_queue?: string;
  created_on: string;
  settings: {
    batch_size?: number;
    max_retries?: number;
    max_wait_time_ms?: number;
    max_concurrency?: number;
    retry_delay?: number;
    visibility_timeout_ms?: number;
  };
}
export interface ScriptRecord {
  id: string;
  created_on: string;
  modified_on: string;
  schedules: { cron: string; created_on: string; modified_on: string }[];
  subdomain_enabled: boolean;
  /** Script-level settings of the API: observability, logpush, tags, tail_consumers, limits … */
  settings: Record<string, unknown>;
  /** Durable Object migration tag last applied. */
  migration_tag?: string;
}
export interface VersionRecord {
  id: string;
  script_name: string;
  number: number;
  created_on: string;
  compatibility_date: string;
  compatibility_flags: string[];
  main_module: string;
  /** As uploaded; absent where none was. */
  limits?: { cpu_ms?: number | undefined };
  /** Module name → source; text modules only (the bundle is one ES module plus SQL/text). */
  modules: Record<string, { content: string; content_type: string }>;
  /** Secret values are kept here for workerd and must never be returned by the REST face. */
  bindings: WorkerBinding[];
  annotations: Record<string, string>;
}
export interface DeploymentRecord {
  id: string;
  script_name: string;
  created_on: string;
  source: string;
  strategy: "percentage";
  versions: { version_id: string; percentage: number }[];
  annotations: Record<string, string>;
}
/** An account token. The value is kept to authenticate with, and shown only once. */
export interface AccountTokenRecord {
  id: string;
  name: string;
  value: string;
  status: "active" | "disabled" | "expired";
  issued_on: string;
  modified_on: string;
  expires_on?: string;
  not_before?: string;
  condition?: unknown;
  policies: {
    id: string;
    effect: "allow" | "deny";
    permission_groups: { id: string; name: string }[];
    resources: Record<string, unknown>;
  }[];
}
export interface LogpushJobRecord {
  id: number;
  [field: string]: unknown;
}
interface AlertPolicyRecord {
  id: string;
  created: string;
  modified: string;
  [field: string]: unknown;
}
export interface AlertWebhookRecord {
  id: string;
  name: string;
  url: string;
  /** Sent as `cf-webhook-auth`; never shown. */
  secret?: string;
  type: string;
  created_at: string;
}

export interface ZoneRecord {
  id: string;
  name: string;
  created_on: string;
  modified_on: string;
  activated_on: string;
}
export interface HealthcheckRecord {
  id: string;
  zone_id: string;
  status: string;
  failure_reason: string;
  created_on: string;
  modified_on: string;
  [field: string]: unknown;
}
export interface RulesetRecord {
  id: string;
  zone_id: string;
  name: string;
  description: string;
  kind: "zone" | "custom";
  phase: string;
  version: string;
  last_updated: string;
  rules: { id: string; [field: string]: unknown }[];
}
interface WorkerDomainRecord {
  id: string;
  hostname: string;
  service: string;
  environment: string;
  zone_id: string;
  zone_name: string;
  cert_id: string;
}

interface ResourceKinds {
  d1: D1Record;
  kv: KvRecord;
  r2: BucketRecord;
  queue: QueueRecord;
  script: ScriptRecord;
  version: VersionRecord;
  deployment: DeploymentRecord;
  account_token: AccountTokenRecord;
  logpush_job: LogpushJobRecord;
  alert_policy: AlertPolicyRecord;
  alert_webhook: AlertWebhookRecord;
  zone: ZoneRecord;
  healthcheck: HealthcheckRecord;
  ruleset: RulesetRecord;
  worker_domain: WorkerDomainRecord;
}
export type ResourceKind = keyof ResourceKinds;

export class Registry {
  readonly #db: DatabaseSync;
  /** Versions that were read or written, by their ids. They never change, and a bundle takes 25 ms to parse. */
  readonly #versions = new Map<string, VersionRecord>();
  /** Each request of the REST API asks several times who may do what. */
  readonly #ids: StatementSync;
  readonly #records: StatementSync;
  readonly #record: StatementSync;

  /** `path` is a file, or ":memory:" for an ephemeral platform. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS resources (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL, UNIQUE(kind, id)
      )`);
    this.#ids = this.#db.prepare("SELECT id FROM resources WHERE kind = ? ORDER BY seq");
    this.#records = this.#db.prepare("SELECT record FROM resources WHERE kind = ? ORDER BY seq");
    this.#record = this.#db.prepare("SELECT record FROM resources WHERE kind = ? AND id = ?");
  }

  /** All records of a kind, oldest first. */
  list<K extends ResourceKind>(kind: K): ResourceKinds[K][] {
    if (kind === "version") return this.#ids.all(kind).flatMap(({ id }) => this.get(kind, String(id)) ?? []);
    return this.#records.all(kind).map((row) => JSON.parse(String(row.record)) as ResourceKinds[K]);
  }

  get<K extends ResourceKind>(kind: K, id: string): ResourceKinds[K] | undefined;
  get(kind: ResourceKind, id: string): unknown {
    const known = kind === "version" && this.#versions.get(id);
    if (known) return known;
    const row = this.#record.get(kind, id);
    const record = row && JSON.parse(String(row.record));
    if (kind === "version" && record) this.#versions.set(id, record);
    return record;
  }

  /** Creates or replaces; a replaced record keeps its place in the order. */
  put<K extends ResourceKind>(kind: K, id: string, record: ResourceKinds[K]): void {
    this.#db
      .prepare(
        `INSERT INTO resources (kind, id, record) VALUES (?, ?, ?)
         ON CONFLICT (kind, id) DO UPDATE SET record = excluded.record`,
      )
      .run(kind, id, JSON.stringify(record));
    if (kind === "version") this.#versions.set(id, record as VersionRecord);
  }

  /** True when there was such a record. */
  delete(kind: ResourceKind, id: string): boolean {
    if (kind === "version") this.#versions.delete(id);
    return this.#db.prepare("DELETE FROM resources WHERE kind = ? AND id = ?").run(kind, id).changes > 0;
  }

  close(): void {
    this.#db.close();
  }
}
