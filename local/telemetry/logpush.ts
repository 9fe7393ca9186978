/**
 * Logpush of Workers' traces: enabled jobs write what scripts with `logpush` did into a bucket, as gzipped NDJSON by date.
 *
 * Batches are pushed by time and by size. What could not be pushed waits for the next time, as far as there is room for it.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Engine } from "../engine.ts";
import { LOGPUSH_BATCH_BYTES_MAX, LOGPUSH_INTERVAL_MS, LOGPUSH_WAITING_BYTES_MAX } from "../limits.ts";
import type { LogpushJobRecord } from "../registry.ts";
import { refuseUnlessAllowed } from "../s3/rights.ts";
import type { Credentials } from "../s3/sigv4.ts";
import { recordFilter } from "./logpush-filter.ts";
import { shiftTrace, type Trace, type TraceLine } from "./trace.ts";
import { traceRecord } from "./trace-record.ts";

const LOGPUSH_DATASET = "workers_trace_events";
const R2_DESTINATION = /^r2:\/\/([^/?]+)\/([^?]*)\?(.+)$/;

interface LogpushDeps {
  engine: Pick<Engine, "registry" | "now" | "r2">;
  /** Those of every token that is valid now. */
  credentials: () => readonly Credentials[];
  random: () => number;
}

/** What waits for one job. */
interface Waiting {
  lines: string[];
  bytes: number;
  from_ms: number;
  to_ms: number;
}

/** Bucket, path and credentials of an `r2://` address; null for what is none or lacks a part. */
export function r2Destination(address: string): { bucket: string; path: string; credentials: Credentials } | null {
  const [, bucket, path = "", query] = R2_DESTINATION.exec(address) ?? [];
  const given = new URLSearchParams(query);
  const access_key_id = given.get("access-key-id");
  const secret_access_key = given.get("secret-access-key");
  if (bucket === undefined || !access_key_id || !secret_access_key || !given.get("account-id")) return null;
  return { bucket, path, credentials: { access_key_id, secret_access_key } };
}

export class Logpush {
  readonly #deps: LogpushDeps;
  readonly #waiting = new Map<number, Waiting>();
  readonly #timer: NodeJS.Timeout;
  #pushing: Promise<void> = Promise.resolve();

  constructor(deps: LogpushDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => void this.push(), LOGPUSH_INTERVAL_MS).unref();
  }

  /** Takes traces of scripts that have `logpush` set. */
  take(lines: readonly TraceLine[], offset_ms: number): void {
    if (lines.length === 0) return;
    const jobs = this.#deps.engine.registry.list("logpush_job").filter(isPushing);
    if (jobs.length === 0) return;
    const records = lines.map(({ text }) => traceRecord(shiftTrace(JSON.parse(text) as Trace, offset_ms)));
    for (const job of jobs) this.#keep(job, records);
  }

  /** Pushes what waits now. Never throws: a job's record says what became of it. */
  async push(): Promise<void> {
    this.#pushing = this.#pushing.then(async () => {
      for (const [id, waiting] of [...this.#waiting]) {
        this.#waiting.delete(id);
        const job = this.#deps.engine.registry.get("logpush_job", String(id));
        if (job && isPushing(job)) await this.#pushBatch(job, waiting);
      }
    });
    await this.#pushing;
  }

  /** Pushes the rest, while workerd still runs. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.push();
  }

  #keep(job: LogpushJobRecord, records: readonly Record<string, unknown>[]): void {
    const { field_names, sample_rate } = (job.output_options ?? {}) as OutputOptions;
    const isWanted = typeof job.filter === "string" && job.filter !== "" ? recordFilter(job.filter) : () => true;
    for (const record of records.filter(isWanted)) {
      if (this.#deps.random() >= (sample_rate ?? 1)) continue;
      const names = field_names?.length ? field_names : Object.keys(record);
      const line = JSON.stringify(Object.fromEntries(names.map((name) => [name, record[name]])));
      const at_ms = Number(record.EventTimestampMs);
      const empty: Waiting = { lines: [], bytes: 0, from_ms: at_ms, to_ms: at_ms };
      const waiting = this.#waiting.get(job.id) ?? empty;
      this.#waiting.set(job.id, waiting);
      // As Cloudflare, which keeps nothing for a destination that is away for long.
      if (waiting.bytes + line.length > LOGPUSH_WAITING_BYTES_MAX) continue;
      waiting.lines.push(line);
      waiting.bytes += line.length;
      waiting.from_ms = Math.min(waiting.from_ms, at_ms);
      waiting.to_ms = Math.max(waiting.to_ms, at_ms);
    }
    if ((this.#waiting.get(job.id)?.bytes ?? 0) >= LOGPUSH_BATCH_BYTES_MAX) void this.push();
  }

  async #pushBatch(job: LogpushJobRecord, waiting: Waiting): Promise<void> {
    const at = () => new Date(this.#deps.engine.now()).toISOString();
    try {
      const destination = r2Destination(String(job.destination_conf));
      if (!destination) throw new Error("destination_conf is no r2:// address");
      const { bucket, path, credentials } = destination;
      const valid = this.#deps
        .credentials()
        .find(
          (one) =>
            one.access_key_id === credentials.access_key_id && one.secret_access_key === credentials.secret_access_key,
        );
      if (!valid) throw new Error("the access key of destination_conf is not valid (any more)");
      const body = await promisify(gzip)(`${waiting.lines.join("\n")}\n`);
      const key = objectKey(path, waiting, body);
      refuseUnlessAllowed(valid.scopes, { method: "PUT", bucket, key, copied_from: undefined, of_objects: true });
      const store = await this.#deps.engine.r2(bucket);
      await store.put(key, body, { httpMetadata: { contentType: "application/gzip" } });
      this.#note(job.id, { last_complete: at(), error_message: null });
    } catch (error) {
      this.#note(job.id, { last_error: at(), error_message: (error as Error).message });
      const newer = this.#waiting.get(job.id);
      this.#waiting.set(job.id, newer ? joined(waiting, newer) : waiting);
    }
  }

  #note(id: number, outcome: Partial<LogpushJobRecord>): void {
    const { registry } = this.#deps.engine;
    const job = registry.get("logpush_job", String(id));
    if (job) registry.put("logpush_job", String(id), { ...job, ...outcome });
  }
}

interface OutputOptions {
  field_names?: string[];
  sample_rate?: number | null;
}

function isPushing(job: LogpushJobRecord): boolean {
  return job.enabled === true && job.dataset === LOGPUSH_DATASET;
}

function joined(older: Waiting, newer: Waiting): Waiting {
  return {
    lines: [...older.lines, ...newer.lines],
    bytes: older.bytes + newer.bytes,
    from_ms: Math.min(older.from_ms, newer.from_ms),
    to_ms: Math.max(older.to_ms, newer.to_ms),
  };
}

/** `<path>/<from>_<to>_<hash>.log.gz`, `{DATE}` in the path being the day of the newest record. */
function objectKey(path: string, { from_ms, to_ms }: Waiting, body: Buffer): string {
  const compact = (ms: number) => `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const folder = path.replaceAll("{DATE}", compact(to_ms).slice(0, 8)).replace(/\/$/, "");
  const hash = createHash("sha256").update(body).digest("hex").slice(0, 8);
  return `${folder === "" ? "" : `${folder}/`}${compact(from_ms)}_${compact(to_ms)}_${hash}.log.gz`;
}
