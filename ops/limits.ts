/** Every limit of the ops room, units in the name. */

/** One HTTP request of ops, when `--timeout` does not say less. */
export const REQUEST_TIMEOUT_MS = 60_000;
/** Attempts after the first, of a request that may be repeated. */
export const REQUEST_RETRIES_MAX = 4;
/** First pause before a repeated request; doubles each time. */
export const RETRY_PAUSE_MS = 250;
/** A `Retry-After` beyond this is reported instead of waited for: the platform's rate windows are 60 s at most. */
export const RETRY_AFTER_MAX_MS = 65_000;
/** How often progress is printed where there is no terminal to redraw. */
export const PROGRESS_LINE_EVERY_MS = 5_000;
/** Redraw rate of a progress bar. */
export const PROGRESS_BAR_EVERY_MS = 100;
/** Documents in one `documents/batch` request of ops. */
export const BATCH_DOCUMENTS = 100;
/** Bytes of JSON in one `documents/batch` request of ops; the Worker takes more, a slow line prefers less. */
export const BATCH_BYTES = 500_000;
/** Between two looks at a job. */
export const JOB_POLL_MS = 100;
/** Files above this are not indexed: the Worker takes 900 000 characters a document. */
export const INDEX_FILE_BYTES_MAX = 900_000;
/** Files read and hashed at the same time. */
export const INDEX_READERS = 16;
/** Documents asked for in one page of a listing. */
export const INDEX_LIST_PAGE = 500;
/** `index update` deletes this many vanished documents of a run without asking … */
export const INDEX_DELETE_UNASKED = 10;
/** … or this share of what the collections hold, whichever is more; beyond that a wrong folder is likelier. */
export const INDEX_DELETE_UNASKED_SHARE = 0.2;
/** Cloning one repository for `index update`. */
export const GIT_CLONE_TIMEOUT_MS = 300_000;
/** A revoked key must be refused within 10 s; this leaves room for the last look. */
export const REVOCATION_WAIT_MS = 12_000;
/** Between two looks at something that takes effect a little later. */
export const SETTLE_POLL_MS = 250;
/** Removing what `synthetic` made, even when its own deadline has passed. */
export const CLEANUP_TIMEOUT_MS = 10_000;
