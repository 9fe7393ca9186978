/** Cloudflare's limits that the declared infrastructure must keep, and this project's own margins. */

/** What a plan allows. https://developers.cloudflare.com/workers/platform/limits/ and /pricing/ */
export const PLANS = {
  free: { crons_max: 5, cpu_limit: false, logpush: false, traces: false },
  paid: { crons_max: 250, cpu_limit: true, logpush: true, traces: true },
} as const;
export type Plan = keyof typeof PLANS;

/** `limits.cpu_ms` of a paid Worker: 5 minutes at most. https://developers.cloudflare.com/workers/platform/limits/#cpu-time */
export const CPU_MS_MAX = 300_000;

/** Least share of a version in a deployment that the provider takes; the API itself takes 0. https://github.com/cloudflare/terraform-provider-cloudflare/blob/main/internal/services/workers_deployment/schema.go */
export const SHARE_PERCENT_MIN = 0.01;

/** Dimensions of one Vectorize index. https://developers.cloudflare.com/vectorize/platform/limits/ */
export const DIMENSIONS_MAX = 1536;

/** A secret shorter than this can be guessed by an attacker who holds one token or hash made with it. */
export const SECRET_CHARACTERS_MIN = 32;

/** A waiver lifts a protection from data: it lives for one change, not for a quarter. */
export const WAIVER_DAYS_MAX = 30;

/** A token that expires sooner than this is warned about at every preview. */
export const TOKEN_EXPIRY_WARNING_DAYS = 14;

/** Logs in R2 are deleted after this; nobody has asked an older one. */
export const LOG_RETENTION_DAYS = 90;
/** Parts of uploads that never completed cost storage and are invisible. */
export const ABORTED_UPLOAD_DAYS = 7;
/** Backup parts cannot be changed or deleted before this age, by anybody who holds only S3 credentials. */
export const BACKUP_LOCK_DAYS = 30;
/** The audit archive is kept for seven years. */
export const AUDIT_LOCK_DAYS = 7 * 365;

export const DAY_S = 86_400;
export const DAY_MS = 86_400_000;
