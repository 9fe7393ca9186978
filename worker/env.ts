import type { Plan } from "../infra/limits.ts";
import type { AlertCalls } from "./alerts/calls.ts";
import type { MeterCalls } from "./ground/meter.ts";
import type { StatusCalls } from "./ground/status-calls.ts";

/** What Cloudflare (or the local platform) hands the Worker. Names come from `infra/inventory.ts`; see `infra/inventory.test.ts`. */
export interface Env {
  DB: D1Database;
  VECTORIZE: Vectorize;
  CACHE: KVNamespace;
  CONFIG: KVNamespace;
  VECTOR_PACKS: R2Bucket;
  AUDIT_ARCHIVE: R2Bucket;
  INGEST_QUEUE: Queue<unknown>;
  DEAD_LETTERS: Queue<unknown>;
  METER: DurableObjectNamespace<MeterCalls>;
  STATUS: DurableObjectNamespace<StatusCalls>;
  ALERTS: DurableObjectNamespace<AlertCalls>;
  RATE_IP: RateLimit;
  RATE_AUTH_FAILURES: RateLimit;
  RATE_LOW: RateLimit;
  RATE_STANDARD: RateLimit;
  RATE_HIGH: RateLimit;
  AI: Ai;
  ANALYTICS: AnalyticsEngineDataset;
  VERSION: WorkerVersionMetadata;

  ENVIRONMENT: string;
  PLAN: Plan;
  LOG_LEVEL: string;
  DEFAULT_MODEL: string;
  EMBEDDING_MODEL: string;
  EMBEDDING_QUERY_PREFIX: string;
  EMBEDDING_PASSAGE_PREFIX: string;
  FOLLOW_UPS: string;
  AI_EMBED_TIMEOUT_MS: string;
  AI_GENERATE_TIMEOUT_MS: string;
  AI_IDLE_TIMEOUT_MS: string;
  RERANK_MODEL: string;
  TEXT_RANKED_MAX: string;
  CORS_ORIGINS: string;

  API_SECRET: string;
  API_SECRET_PREVIOUS: string;
  JWT_SECRET: string;
  JWT_SECRET_PREVIOUS: string;
  KEY_PEPPER: string;
  ERROR_WEBHOOK: string;
  ALERT_WEBHOOK_SECRET: string;
  ALERT_WEBHOOK_SECRET_PREVIOUS: string;
  ALERT_CHANNEL_SECRETS: string;
}
