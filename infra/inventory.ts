/**
 * The one list of what PRISM is made of: names, bindings, dimensions, schedules.
 *
 * Pulumi, the local platform, the Worker's `Env` type, wrangler's config and ops all derive from this
 * file or are checked against it (`infra/inventory.test.ts`). It holds data only: no I/O, no environment.
 */

/** Stacks a name can belong to. `local` is the platform on this machine. */
export const STACKS = ["local", "staging", "production"] as const;
export type Stack = (typeof STACKS)[number];

/** The Worker script; a stack other than production carries its name as a suffix. */
export const SERVICE = "prism";

/** How the Worker is set above its versions, as the Workers API spells it. */
export const WORKER_SETTINGS = {
  observability: {
    enabled: true,
    head_sampling_rate: 1,
    logs: { enabled: true, invocation_logs: true },
    /** Where the plan has them: `TRACES`. */
    traces: { enabled: false },
  },
  /** Versions have no addresses of their own. */
  previews_enabled: false,
} as const;

/** Spans that the platform makes of every tenth invocation: each span is billed as an event of the logs is. */
export const TRACES = { head_sampling_rate: 0.1 } as const;

/** Workerd semantics the bundle is written for; the local platform and the upload use the same pair. */
export const COMPATIBILITY = { date: "2026-11-01", flags: ["nodejs_als", "enable_request_signal"] } as const;

/** Storage-backed nouns. `generation` is the default; a stack's configuration may have moved on (see generations). */
export const DATABASE = { binding: "DB", name: "prism-db", generation: 1 } as const;

export const VECTOR_INDEX = {
  binding: "VECTORIZE",
  name: "prism-chunks",
  generation: 1,
  dimensions: 384,
  metric: "cosine",
  description: "Chunks of documents, one namespace a tenant",
  /** Only these document metadata fields can be filtered on; Vectorize indexes them before vectors arrive. */
  metadata_indexes: [
    { property: "collection", type: "string" },
    { property: "language", type: "string" },
    { property: "author", type: "string" },
    { property: "published_at_ms", type: "number" },
    { property: "archived", type: "boolean" },
  ],
} as const;

export const KV_NAMESPACES = {
  cache: { binding: "CACHE", name: "prism-cache" },
  config: { binding: "CONFIG", name: "prism-config" },
} as const;

export const BUCKETS = {
  vectors: { binding: "VECTOR_PACKS", name: "prism-vectors" },
  audit: { binding: "AUDIT_ARCHIVE", name: "prism-audit" },
  /** Not bound to the Worker: only ops reads and writes these, through the S3 API. */
  backups: { binding: null, name: "prism-backups" },
  logs: { binding: null, name: "prism-logs" },
} as const;

/** Where Logpush writes in the bucket of logs: a folder a day below it. */
export const LOG_ARCHIVE_FOLDER = "workers";

export const QUEUES = {
  ingest: {
    binding: "INGEST_QUEUE",
    name: "prism-ingest",
    // One message an invocation: a message is bounded to what the free plan's 10 ms of CPU allow.
    consumer: { max_batch_size: 1, max_batch_timeout_s: 0, max_retries: 5, retry_delay_s: 10, max_concurrency: 4 },
    dead_letter: "prism-ingest-dead",
  },
  dead: {
    binding: "DEAD_LETTERS",
    name: "prism-ingest-dead",
    consumer: { max_batch_size: 10, max_batch_timeout_s: 1, max_retries: 100, retry_delay_s: 60, max_concurrency: 1 },
  },
} as const;

/** `class` names a Durable Object exported by the bundle. */
export const DURABLE_OBJECTS = {
  /** Alerts, silences, deliveries, heartbeats; the watchdog has one of its own. */
  alerts: { binding: "ALERTS", class: "AlertState" },
  meter: { binding: "METER", class: "Meter" },
  status: { binding: "STATUS", class: "StatusBook" },
} as const;

/** How many Durable Objects share the metering load; a key or address always maps to the same one. */
export const METER_SHARDS = 4;

/** Rate-limit bindings have fixed limits on Cloudflare, so a key's tier picks a binding. Period 10 or 60 s only. */
export const RATE_LIMITS = {
  ip: { binding: "RATE_IP", namespace_id: "1001", limit: 600, period_s: 60 },
  auth_failures: { binding: "RATE_AUTH_FAILURES", namespace_id: "1002", limit: 20, period_s: 60 },
  low: { binding: "RATE_LOW", namespace_id: "1003", limit: 60, period_s: 60 },
  standard: { binding: "RATE_STANDARD", namespace_id: "1004", limit: 600, period_s: 60 },
  high: { binding: "RATE_HIGH", namespace_id: "1005", limit: 60_000, period_s: 60 },
} as const;

/** Of Analytics Engine, whose SQL takes letters, digits and underscores only as a bare name. */
export const ANALYTICS = { binding: "ANALYTICS", dataset: "prism_requests" } as const;

export const AI_BINDING = "AI";
export const VERSION_BINDING = "VERSION";

/** Plain-text variables and what each stack starts with. */
export const VARIABLES = {
  ENVIRONMENT: { local: "local", staging: "staging", production: "production" },
  /** What the account pays for, which is `prism:plan` of the stack: allowances and stores are judged by it. */
  PLAN: { local: "free", staging: "free", production: "free" },
  LOG_LEVEL: { local: "WARN", staging: "INFO", production: "INFO" },
  DEFAULT_MODEL: { local: "balanced", staging: "balanced", production: "balanced" },
  EMBEDDING_MODEL: {
    local: "@prism/lexical-384-v1",
    staging: "@cf/baai/bge-small-en-v1.5",
    production: "@cf/baai/bge-small-en-v1.5",
  },
  /**
   * Put before a query, and before a passage. Empty: as the model's card says (`worker/vectors/models.ts`); `none`: nothing.
   * Another passage prefix makes other vectors, as another model does.
   */
  EMBEDDING_QUERY_PREFIX: { local: "", staging: "", production: "" },
  EMBEDDING_PASSAGE_PREFIX: { local: "", staging: "", production: "" },
  /** What makes a follow-up question self-contained: `model`, a short call of the smallest one; or `rule`, which costs nothing. */
  FOLLOW_UPS: { local: "rule", staging: "model", production: "model" },
  /** How long models are waited for; empty: `worker/limits.ts`. */
  AI_EMBED_TIMEOUT_MS: { local: "", staging: "", production: "" },
  AI_GENERATE_TIMEOUT_MS: { local: "", staging: "", production: "" },
  AI_IDLE_TIMEOUT_MS: { local: "", staging: "", production: "" },
  /** Empty: no reranking. */
  RERANK_MODEL: { local: "", staging: "", production: "" },
  /** How many chunks full text may rank by all words of a query; empty: `worker/limits.ts`. */
  TEXT_RANKED_MAX: { local: "", staging: "", production: "" },
  CORS_ORIGINS: { local: "", staging: "", production: "" },
} as const satisfies Record<string, Record<Stack, string>>;

/**
 * Secrets bound as `secret_text`. A `_PREVIOUS` one is empty except during a rotation, when both are accepted.
 * `KEY_PEPPER` keys the hash under which API keys are stored.
 */
export const SECRETS = [
  "API_SECRET",
  "API_SECRET_PREVIOUS",
  "JWT_SECRET",
  "JWT_SECRET_PREVIOUS",
  "KEY_PEPPER",
  "ERROR_WEBHOOK",
  /** What Cloudflare's notifications prove themselves with (`cf-webhook-auth`). */
  "ALERT_WEBHOOK_SECRET",
  "ALERT_WEBHOOK_SECRET_PREVIOUS",
  /** JSON of name → value: what the channels of `docs/alerts.md` prove themselves with. */
  "ALERT_CHANNEL_SECRETS",
] as const;
export type SecretName = (typeof SECRETS)[number];

/** Secrets that may be empty: the other half of a rotation, and a channel nobody has to have. */
export const OPTIONAL_SECRETS: ReadonlySet<SecretName> = new Set([
  "API_SECRET_PREVIOUS",
  "JWT_SECRET_PREVIOUS",
  "ALERT_WEBHOOK_SECRET_PREVIOUS",
  "ERROR_WEBHOOK",
  "ALERT_CHANNEL_SECRETS",
]);

/** Jobs that get an account token of their own, with what `infra/tokens.ts` grants them. */
export const TOKENS = ["deploy", "backup", "restore", "reports"] as const;
export type TokenKind = (typeof TOKENS)[number];
/** Secrets of our own making that have a `_PREVIOUS` one. */
export const ROTATED_SECRETS = ["API_SECRET", "JWT_SECRET", "ALERT_WEBHOOK_SECRET"] as const satisfies SecretName[];
/** How far a rotation is: `-ing` is written down with the secrets, and not deployed for certain. */
export const ROTATION_PHASES = ["staging", "staged", "switching", "switched", "retiring"] as const;
export type RotatedSecret = (typeof ROTATED_SECRETS)[number];

/** Cron expressions of the Worker: with the watchdog's, five are allowed an account on the free plan. */
export const CRONS = { worker: { checks: "*/5 * * * *", daily: "17 3 * * *" } } as const;

/** Staging keeps its own data in order but shares the account's five triggers with production and the watchdog. */
export function cronsOf(stack: Stack): string[] {
  return stack === "staging" ? [CRONS.worker.checks] : Object.values(CRONS.worker);
}

/** The second script (production). Its cron is two minutes off the Worker's own checks, so that it judges a finished one. */
export const WATCHDOG = {
  name: "prism-watchdog",
  cron: "2-59/5 * * * *",
  /** The least it can work with. The rest of the Worker's bindings is what it must not depend on, or what lets people in. */
  bindings: [
    KV_NAMESPACES.config.binding,
    DURABLE_OBJECTS.meter.binding,
    DURABLE_OBJECTS.alerts.binding,
    VERSION_BINDING,
    "ENVIRONMENT",
    "LOG_LEVEL",
    "ERROR_WEBHOOK",
    "ALERT_CHANNEL_SECRETS",
  ],
} as const;

/** The name a resource has in a stack: production and local carry it bare, staging as a suffix. */
export function nameInStack(name: string, stack: Stack): string {
  return stack === "staging" ? `${name}-staging` : name;
}

/** The dataset of a stack, e.g. `prism_requests_staging`. */
export function datasetName(stack: Stack): string {
  return nameInStack(ANALYTICS.dataset, stack).replaceAll("-", "_");
}

/** The name of one generation of a data store, e.g. `prism-db-g2`. */
export function generationName(store: { name: string }, generation: number, stack: Stack): string {
  return `${nameInStack(store.name, stack)}-g${generation}`;
}
