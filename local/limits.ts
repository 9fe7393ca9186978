/** What the platform on this machine allows itself. Cloudflare's limits, which it enforces, are in `infra/cloudflare-limits.ts`. */

/** A local model on a slow machine may take minutes for a long answer. */
export const AI_UPSTREAM_TIMEOUT_MS = 300_000;
/** Vectors for a search that somebody waits for; the model may first have to be loaded. */
export const AI_UPSTREAM_EMBED_TIMEOUT_MS = 30_000;
/** From then on the start says what it waits for. */
export const AI_UPSTREAM_NOTICE_MS = 5_000;
export const AI_UPSTREAM_IDLE_TIMEOUT_MS = 60_000;
/** A request held longer than this during a switch is refused: something is wrong and the client should know. */
export const PROXY_HOLD_MAX_MS = 60_000;
/** How long a switch waits for running requests before it cuts them. */
export const PROXY_DRAIN_MAX_MS = 10_000;
/** For what a handler leaves to `waitUntil`: Cloudflare lets it run for 30 s after the answer. The meter's calls need this much (`METER_FLUSH_MS`). */
export const WAIT_UNTIL_MS = 500;
/** An unused connection to a worker is kept this long. workerd closes it after 15 s (measured); a loaded machine hears of it later. */
export const PROXY_IDLE_MAX_MS = 3_000;
/** A Worker that was just started is asked so often, so long apart, before the platform says that it is ready. */
export const FIRST_ANSWER_TRIES = 50;
export const FIRST_ANSWER_PAUSE_MS = 100;
/** How often a platform that npm has started looks whether npm is still there. */
export const PARENT_LOOK_MS = 500;
/** A platform that cannot stop in order by then is left to the operating system. */
export const STOP_MAX_MS = 15_000;
/** Bodies up to this are read before they are forwarded, larger ones refused: the Worker's own largest limit is half of it. */
export const PROXY_BODY_BUFFER_BYTES = 16 * 1024 * 1024;
/** Room for all bodies together that the Worker does not have yet: whoever connects needs no key for it. */
export const PROXY_BODIES_BYTES_MAX = 6 * PROXY_BODY_BUFFER_BYTES;
/** Below this nothing is begun that may write: a page of SQLite and its log fit, and little else. */
export const DISK_FREE_BYTES_MIN = 1024 * 1024;
/** An export nobody polls cancels itself; Cloudflare names no figure. */
export const D1_JOB_UNPOLLED_MAX_MS = 15_000;
/** A dump's URL works this long. */
export const D1_DUMP_URL_MS = 3_600_000;
/** One poll waits this long for its job, so that a loop of polls does not spin. */
export const D1_POLL_WAIT_MS = 500;
/** Granularity of the local Time Travel: a state is kept this often when something changed, and on each request. */
export const TIME_TRAVEL_SNAPSHOT_INTERVAL_MS = 60_000;
export const TIME_TRAVEL_SNAPSHOTS_MAX = 60;
export const TIME_TRAVEL_BYTES_MAX = 2_000_000_000;
export const VECTORIZE_LIST_CURSOR_TTL_MS = 24 * 60 * 60 * 1000;
/** How long a mutation stays invisible here; seconds on Cloudflare, but never at once. */
export const VECTORIZE_MUTATION_DELAY_MS = 50;
/** Vectors applied before Node serves something else: about 10 ms of work. */
export const VECTORIZE_APPLY_SLICE = 500;
/** SigV4: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
export const S3_CLOCK_SKEW_MAX_MS = 15 * 60_000;
export const S3_PRESIGN_MAX_S = 7 * 86_400;
/** Room for 1000 keys of 1024 bytes, each byte escaped. */
export const S3_XML_BODY_MAX_BYTES = 8 * 1024 ** 2;
/** A chunk's size and signature take under 100 bytes, a trailer little more. */
export const S3_CHUNK_LINE_MAX_BYTES = 8192;
/** How often the broker looks whether a waiting message is due: bounds how late a jump of the simulated clock is seen. */
export const QUEUE_TICK_MS = 250;
/** Of Workers Logs: some hundred thousand invocations. Cloudflare bounds them by their number a day. */
export const LOG_STORE_BYTES_MAX = 64 * 1024 * 1024;
/** Cloudflare's own interface asks for a hundred events, and for ten groups. */
export const LOG_QUERY_EVENTS_DEFAULT = 100;
export const LOG_QUERY_EVENTS_MAX = 2000;
export const LOG_QUERY_GROUPS_DEFAULT = 10;
export const LOG_QUERY_BUCKETS_DEFAULT = 30;
/** Of one query, for its filters and its needle together: only an expression that backtracks comes near it. */
export const LOG_MATCH_MAX_MS = 5_000;
/** Events that are matched in one go. */
export const LOG_MATCH_EVENTS = 500;
/** Cloudflare ends a tail after some hours as well, and names no figure. */
export const TAIL_SESSION_MS = 6 * 3_600_000;
/** A watcher that does not take its leave by then is cut. */
export const TAIL_CLOSE_MAX_MS = 1000;
/** Of one script. https://developers.cloudflare.com/workers/observability/logs/real-time-logs/ */
export const TAIL_SESSIONS_MAX = 10;
/** Logpush: Cloudflare pushes a batch at least each minute, of up to 5 MB unless a job says otherwise. */
export const LOGPUSH_INTERVAL_MS = 30_000;
export const LOGPUSH_BATCH_BYTES_MAX = 5_000_000;
/** What waits for a destination that refuses it; more is lost. */
export const LOGPUSH_WAITING_BYTES_MAX = 8 * LOGPUSH_BATCH_BYTES_MAX;
/** Data points that Analytics Engine keeps here. */
export const ANALYTICS_POINTS_MAX = 500_000;
