/** What commands over the log allow themselves. */

/** Events of one request to the telemetry API: what it gives at most. https://developers.cloudflare.com/api/resources/workers/subresources/observability/ */
export const LOG_QUERY_EVENTS = 2_000;
/** The log is read and sorted by parts of this span, the oldest first: the memory that a long window takes. */
export const LOG_SLICE_MS = 3_600_000;
/** An invocation logs no later than this after it began: a queue's consumer has 15 minutes, a request less. */
export const INVOCATION_MS_MAX = 900_000;
/** Objects of the archive that are read at the same time. */
export const LOG_OBJECT_READERS = 6;
/** Lines that `ops logs query` and `tail` keep for `--json`. */
export const LOG_LINES_MAX = 10_000;
/** Lines that `ops logs query` prints where nothing else is asked for. */
export const LOG_LINES_SHOWN = 200;
/** Rows of a table of the log's analyses. */
export const LOG_ROWS_SHOWN = 20;
/** What `ops logs rotate` may be told to keep: ten years. */
export const LOG_KEEP_DAYS_MAX = 3_660;
/** Objects that one `ops logs rotate` deletes or compresses; the next one goes on. */
export const ROTATE_OBJECTS_MAX = 20_000;
/** At the same time. */
export const ROTATE_WORKERS = 8;
/** How long a live tail waits for its connection. */
export const TAIL_CONNECT_TIMEOUT_MS = 15_000;
