/**
 * A unit of work: one request, one queue message or one cron task, with all that the code below the faces may use.
 *
 * Whichever face began it, the same breakers, time limits, timings and log stand around it, and `telemetry/sink.ts` ends it.
 */
import { QUEUE_BATCH_MESSAGES_MAX } from "../infra/cloudflare-limits.ts";
import type { Env } from "./env.ts";
import type { Mode } from "./ground/mode.ts";
import { portions } from "./ground/portions.ts";
import type { Principal } from "./ground/principal.ts";
import type { CACHE_STATUSES } from "./store/answer-cache.ts";
import { explain, observedDatabase, type SessionStart } from "./store/database.ts";
import { type GuardedAi, type GuardedVectorize, guardedAi, guardedVectorize, refusedAi } from "./store/dependencies.ts";
import type { QueueMessage } from "./store/queue-messages.ts";
import { describeError, type LogLevel, logLine } from "./telemetry/log.ts";
import { reportSlow } from "./telemetry/slow-queries.ts";
import { Timings } from "./telemetry/timings.ts";
import { formatTraceparent, type Trace, traceOf } from "./telemetry/trace.ts";
import type { Unit, UnitKind } from "./telemetry/unit.ts";
import { Usage } from "./telemetry/usage.ts";

/** The stores and models, each behind what guards and times it. */
export interface Stores {
  db: D1Database;
  ai: GuardedAi;
  vectorize: GuardedVectorize;
  packs: R2Bucket;
}

/** What is known of a unit of work when it begins. */
interface Beginning {
  /** A request's own id, or a queue message's: it is the same at every try. */
  request_id: string;
  now_ms: number;
  /** W3C trace context that the work continues. */
  traceparent?: string | undefined;
  ray_id?: string | undefined;
  /** The data centre that a request came to. */
  colo?: string;
  /** Aborts when nobody waits for the outcome any more. */
  left?: AbortSignal;
}

const TRACE_RANDOM_BYTES = 24;

export class Work implements Unit {
  readonly kind: UnitKind;
  readonly env: Env;
  readonly request_id: string;
  readonly trace: Trace;
  readonly ray_id: string | undefined;
  readonly colo: string | undefined;
  /** Aborts when the caller has gone. */
  readonly left: AbortSignal | undefined;
  /** When the work began, read once. What must not be older than the I/O before it asks `clock_ms`. */
  readonly now_ms: number;
  readonly timings = new Timings(performance.now());
  readonly usage = new Usage();
  /** What the operator has set; messages and tasks are done in every mode. */
  mode: Mode = "normal";
  /** Null until the credentials are checked, on open routes, and for messages and tasks. */
  principal: Principal | null = null;
  /** Where the answer came from, if it is of a kind that is kept. */
  cache_status: (typeof CACHE_STATUSES)[number] | null = null;
  readonly #context: Pick<ExecutionContext, "waitUntil">;
  #stores: Stores | null = null;
  #session: SessionStart | undefined;
  #bookmark: () => string | null = () => null;

  constructor(kind: UnitKind, env: Env, context: Pick<ExecutionContext, "waitUntil">, beginning: Beginning) {
    this.kind = kind;
    this.env = env;
    this.#context = context;
    this.request_id = beginning.request_id;
    this.now_ms = beginning.now_ms;
    this.ray_id = beginning.ray_id;
    this.colo = beginning.colo;
    this.left = beginning.left;
    const random = crypto.getRandomValues(new Uint8Array(TRACE_RANDOM_BYTES));
    this.trace = traceOf(beginning.traceparent ?? null, random);
  }

  /** Who is calling. Throws where nobody was asked: a defect of the route. */
  get caller(): Principal {
    if (this.principal === null) throw new Error("the caller of this work is not known: its route is open");
    return this.principal;
  }

  /** From here on, D1 is asked in one session. Who calls was asked of the primary: a revoked key must not live on in a replica. */
  beginSession(start: SessionStart | undefined): void {
    if (start === undefined) return;
    this.#session = start;
    this.#stores = null;
  }

  /** How far the session has seen; null where there is none, or nothing was asked yet. */
  get bookmark(): string | null {
    return this.#bookmark();
  }

  get stores(): Stores {
    this.#stores ??= this.#openStores();
    return this.#stores;
  }

  /** The stores for an answer that is of use to the caller alone: models stop working for one who has gone. */
  get awaitedStores(): Stores {
    return { ...this.stores, ai: this.#openModels(this.left) };
  }

  #openModels(left?: AbortSignal): GuardedAi {
    if (this.mode === "degraded") return refusedAi;
    return guardedAi(this.env, this.timings, this.kind === "request" ? "waited for" : "patient", left);
  }

  #openStores(): Stores {
    const { db, bookmark } = observedDatabase(
      this.env.DB,
      this.timings,
      (statements, duration_ms) => this.later(this.#logSlowQuery(statements, duration_ms)),
      this.#session,
    );
    this.#bookmark = bookmark;
    return {
      db,
      ai: this.#openModels(),
      vectorize: guardedVectorize(this.env, this.timings),
      packs: this.env.VECTOR_PACKS,
    };
  }

  /** The clock now: later than `now_ms` by the I/O since. */
  clock_ms(): number {
    return Date.now();
  }

  /** Sends messages to the ingest queue, where what they cause belongs to this work's trace. @throws what the queue throws. */
  async enqueue(messages: readonly QueueMessage[], delay_s = 0): Promise<void> {
    const traceparent = formatTraceparent(this.trace);
    const bodies = messages.map((message) => ({ body: { ...message, traceparent } }));
    for (const part of portions(bodies, QUEUE_BATCH_MESSAGES_MAX))
      await this.env.INGEST_QUEUE.sendBatch(part, { delaySeconds: delay_s });
  }

  /** Lets a promise end after the answer. It must not reject. */
  later(promise: Promise<unknown>): void {
    this.#context.waitUntil(promise);
  }

  /** Logs a notable event of this work. `fields` must not hold texts of callers or documents. */
  log(level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    logLine(this, level, message, fields);
  }

  async #logSlowQuery(statements: readonly string[], duration_ms: number): Promise<void> {
    const found = await explain(this.env.DB, statements).then(
      (plan) => ({ plan }),
      (error: unknown) => ({ error: describeError(error) }),
    );
    this.log("WARN", "slow query", { sql: statements, duration_ms, ...found });
    if (!("plan" in found)) return;
    await reportSlow(this.env, statements, found.plan, duration_ms, this.clock_ms()).catch((error: unknown) =>
      this.log("WARN", "a slow query could not be kept", { error: describeError(error) }),
    );
  }
}
