/**
 * Expected failures: `Problem`s, thrown from anywhere and turned into an answer once, by the face that was called (RFC 9457
 * problem documents over HTTP). Everything else is a defect, whose cause only the log tells.
 */

/** What each `slug` of a `Problem` means to a caller. The docs page has an anchor for each. */
export const PROBLEMS = {
  "invalid-request": { status: 400, meaning: "Fields do not fit the schema; `errors` names them. Fix and resend." },
  "malformed-json": {
    status: 400,
    meaning: "The body is not UTF-8, not JSON, nested too deep, or names a key twice. Fix and resend.",
  },
  "not-authenticated": {
    status: 401,
    meaning:
      "No credential was sent, or it is wrong, revoked or expired. Send a valid one; tokens are renewed with their key.",
  },
  "missing-scope": { status: 403, meaning: "The key is valid but lacks the scope that `detail` names." },
  "address-blocked": { status: 403, meaning: "The operator has blocked your address." },
  "origin-not-allowed": {
    status: 403,
    meaning: "A page of this origin may not call assistants' tools: the operator lists origins in `CORS_ORIGINS`.",
  },
  "not-blocked": { status: 404, meaning: "No block holds this address." },
  "token-not-exchangeable": {
    status: 403,
    meaning: "Only an API key can be exchanged for a token: not the bootstrap secret, not another token.",
  },
  "other-tenant": { status: 403, meaning: "A key manages keys of its own tenant only." },
  "operator-only": {
    status: 403,
    meaning:
      "Rate tiers, quotas and lifetimes above those of the calling key are set by the operator, with the bootstrap secret.",
  },
  "operator-route": {
    status: 403,
    meaning: "This tells of the whole service: it is for the keys of whoever runs it, those of the tenant `default`.",
  },
  "no-such-route": { status: 404, meaning: "There is no such path. See the list of routes on this page." },
  "not-found": { status: 404, meaning: "There is no document or job with this id in the key's tenant." },
  "no-such-incident": { status: 404, meaning: "There is no incident or maintenance window with this id." },
  "no-such-model": { status: 404, meaning: "There is no model of this name. `GET /v1/models` lists them." },
  "no-such-key": { status: 404, meaning: "There is no key with this id that you may manage." },
  "no-such-alert": {
    status: 404,
    meaning: "There is no alert with this id; `GET /api/v1/alerts` lists those that are.",
  },
  "no-such-job": { status: 404, meaning: "No job of this name has reported, and no further one can be remembered." },
  "no-such-channel": {
    status: 404,
    meaning: "The configuration of alerts has no channel with this id, or is missing or invalid; `detail` tells.",
  },
  "method-not-allowed": { status: 405, meaning: "The path exists; the `Allow` header lists its methods." },
  "job-claimed": { status: 409, meaning: "Another run of this job is under way, or was for this date already." },
  "idempotency-in-progress": {
    status: 409,
    meaning: "The first request with this `Idempotency-Key` is still running. Retry after the time given.",
  },
  "nothing-measured": {
    status: 409,
    meaning: "No request was answered in the period that the baseline was to be taken from. Choose a longer one.",
  },
  "version-mismatch": {
    status: 412,
    meaning: "`If-Match` or `If-None-Match` does not hold for the document. Read it again, then decide.",
  },
  "body-too-large": { status: 413, meaning: "The body is larger than this route takes. Split it." },
  "unsupported-media-type": {
    status: 415,
    meaning: "Send `Content-Type: application/json`, or to `POST /api/v1/documents` a file of a kind that it takes.",
  },
  "unsupported-encoding": { status: 415, meaning: "Send the body uncompressed." },
  "file-refused": {
    status: 422,
    meaning:
      "The file is not what its type says, cannot be read, or holds no text or too much. `detail` says what to do.",
  },
  "idempotency-key-reused": {
    status: 422,
    meaning: "This `Idempotency-Key` was used for another request. Use a new one for a new request.",
  },
  "rate-limited": { status: 429, meaning: "Too many requests in a minute. Wait for `Retry-After` seconds." },
  "too-many-failures": {
    status: 429,
    meaning: "Too many failed authentications from your address. Wait, then check the key.",
  },
  "quota-exceeded": {
    status: 429,
    meaning: "The key's requests of this UTC day are used up. `Retry-After` tells when it resets.",
  },
  internal: { status: 500, meaning: "A defect of the service. Report it with the request id." },
  "metrics-unavailable": { status: 503, meaning: "The meter cannot be read right now. Nothing is lost; retry soon." },
  "status-unavailable": {
    status: 503,
    meaning: "The book of incidents cannot be reached right now, and nothing was changed. Retry soon.",
  },
  "alerts-unavailable": {
    status: 503,
    meaning: "The alert state cannot be read right now. The watchdog sees that, too; retry soon.",
  },
  "model-down": {
    status: 503,
    meaning:
      "The model cannot be reached, or has not ended its answer. Retry as told; `POST /api/v1/chat` still gives passages.",
  },
  "conversion-down": {
    status: 503,
    meaning: "Files cannot be converted right now, and nothing was written. Retry as told, or send Markdown.",
  },
  "vector-search-down": {
    status: 503,
    meaning: "Vector search is unavailable. Search with mode `hybrid` or `text`, or retry later.",
  },
  "batch-not-stored": { status: 503, meaning: "A batch could not be stored, and nothing of it was. Send it again." },
  "write-contended": {
    status: 503,
    meaning: "Others kept changing the same document meanwhile, and nothing was changed. Send it again as told.",
  },
  "write-fenced": {
    status: 503,
    meaning: "A store is being replaced, and this change cannot be kept for later. Nothing was changed; retry as told.",
  },
  maintenance: {
    status: 503,
    meaning: "The operator has closed the documents to changes for a while. Nothing was changed; retry as told.",
  },
  emergency: {
    status: 503,
    meaning: "The operator has closed the service to all but admins for a while. Retry as told.",
  },
  "database-down": { status: 503, meaning: "The database cannot be reached at the moment. Wait as told, then retry." },
  "keys-unavailable": { status: 503, meaning: "Keys cannot be checked right now. Your key may be fine; retry soon." },
} as const satisfies Record<string, { status: number; meaning: string }>;

type ProblemSlug = keyof typeof PROBLEMS;
export type ProblemStatus = (typeof PROBLEMS)[ProblemSlug]["status"];

export interface FieldError {
  /** JSON path of the offending field, e.g. `documents[3].text`. */
  path: string;
  message: string;
}

export class Problem extends Error {
  /** Stable name of the reason; becomes `type` as `/docs#problem-<slug>`. */
  readonly slug: ProblemSlug;
  readonly errors: FieldError[];
  readonly headers: Record<string, string>;
  /** When another try may succeed. */
  readonly retry_after_s: number | undefined;

  constructor(
    slug: ProblemSlug,
    detail: string,
    options: {
      errors?: FieldError[];
      headers?: Record<string, string>;
      retry_after_s?: number;
      cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: options.cause });
    this.slug = slug;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
    this.retry_after_s = options.retry_after_s;
  }

  get status(): ProblemStatus {
    return PROBLEMS[this.slug].status;
  }
}
