/**
 * Terms of one query that reach FTS5: each costs two walks of its posting list. A pasted paragraph has 50 to 100, and
 * dropping some of those cost 4 points of nDCG where it was measured.
 */
export const QUERY_TERMS_MAX = 128;
/** Deepest rank a search can page to: `offset` + `top_k`. Vectorize returns at most 100 ids a query. */
export const SEARCH_DEPTH_MAX = 100;
/** Full-text candidates that the second stage reorders (1 ms). Fixed, so that every page of a query shows one ranking. */
export const RESCORE_DEPTH = 30;
/** As many where frequent words had no whole say in the choice: what they say then decides who is of the above. */
export const SPARSE_POOL = 45;

/**
 * Chunks that bm25 ranks for one search, some 2 µs each; where more hold its words, `worker/rag/search/match-plan.ts` chooses.
 * `TEXT_RANKED_MAX` of the environment sets another. What it costs is in docs/decisions/0003-fusion.md.
 */
export const TEXT_RANKED_MAX = 2_000;
/** Of those, so many of each word are counted from either end of the index, before any is ranked: a count beyond is an estimate. */
export const TEXT_COUNTED_SHARE = 0.5;
/** Places in posting lists that FTS5 may walk through for each chunk that it may rank: a place costs a fortieth of a ranking. */
export const POSTINGS_PER_RANKED = 20;

/** A chunk closes before it passes this: one idea, a few paragraphs; most abstracts and answers are one chunk. */
export const CHUNK_TARGET_TOKENS = 250;
/**
 * No chunk passes this. bge-small reads 512 tokens and ignores the rest; the difference is room for the title and
 * the heading path that are embedded with the text.
 */
export const CHUNK_MAX_TOKENS = 448;
/** A chunk below this takes in what follows, even over a heading: a lone line retrieves badly and wastes a vector. */
export const CHUNK_MIN_TOKENS = 100;
/** Longer heading lines are shortened in the heading path; the text keeps them whole. */
export const CHUNK_HEADING_CHARS_MAX = 160;
/**
 * A longer comment above a declaration is a section of its own under the same name: the chunk that holds the declaration itself
 * is headed by it as well.
 */
export const LEAD_LINES_MAX = 10;
/** Names of declarations in the heading of a chunk of code; a usual chunk has one to ten. */
export const CHUNK_SYMBOLS_CHARS_MAX = 480;
/** A table's first row in the heading of a further chunk of it, some 120 tokens; a usual one has ten columns and 100 characters. */
export const CHUNK_TABLE_HEAD_CHARS_MAX = 480;

/** A pack is built and verified in memory, beside its copy for hashing, in a 128 MB isolate: 10 400 vectors at 384. */
export const PACK_BYTES_MAX = 16 * 1024 * 1024;
/** Vectorize's limit: https://developers.cloudflare.com/vectorize/platform/limits/ */
export const PACK_DIMENSIONS_MAX = 1536;
/** What is left of the 256-byte header after its other fields. */
export const PACK_MODEL_BYTES_MAX = 200;

/** Compact JSON of a filter must stay below this. https://developers.cloudflare.com/vectorize/reference/metadata-filtering/ */
export const FILTER_BYTES_MAX = 2048;
/** Vectorize indexes this much of a string, cut between code points; D1 is asked to compare the same part. */
export const FILTER_STRING_BYTES_MAX = 64;

/** Key ids: 12 characters of base 32 are 60 bits, unique without asking the database. They are not secret. */
export const KEY_ID_CHARS = 12;
/** 40 characters of base 32 are 200 bits: beyond guessing, whatever the rate limits let through. */
export const KEY_SECRET_CHARS = 40;
/** Revocation must act within 10 s, and only isolate memory caches a key. */
export const KEY_CACHE_MS = 10_000;
/** An older record is refreshed behind the answer, so that a busy key never waits for the database. */
export const KEY_REFRESH_AFTER_MS = 5_000;
/** How long an id that does not exist is remembered; a key made elsewhere works after this at the latest. */
export const KEY_ABSENT_CACHE_MS = 3_000;
/** While the database fails, a key in memory is trusted this long; then revocation matters more than service. */
export const KEY_STALE_MAX_MS = 10 * 60_000;
/** Pause between two tries to read keys from a failing database. */
export const KEY_RETRY_AFTER_MS = 1_000;
/** Records, proofs and addresses an isolate remembers each; some 300 B an entry of its 128 MB. */
export const ISOLATE_ENTRIES_MAX = 5_000;
/** Nothing we issue is longer: keys are 59 characters, tokens about 250. */
export const CREDENTIAL_CHARS_MAX = 1_024;
export const TOKEN_LIFETIME_S = 15 * 60;
/** Mode and blocklist in isolate memory; KV itself may add up to 60 s at the edge. Two reads each time, of 100 000 a day on the free plan. */
export const CONTROLS_CACHE_MS = 30_000;
/** A request may have to wait for it: a KV that hangs must not hang the service. */
export const CONTROLS_TIMEOUT_MS = 1_000;
/** What callers are told to wait whom a mode refuses. */
export const MODE_RETRY_AFTER_S = 60;
/** Blocks are compared with every caller's address. */
export const BLOCKS_MAX = 500;
/** A larger network is a part of the Internet, not a client. */
export const BLOCKED_BITS_MIN = { 4: 8, 6: 24 } as const;
export const REASON_CHARS_MAX = 200;

/** JSON bodies, unless a route declares its own limit: a question with filters is far below, memory far above. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Of a refused body so much is read; Cloudflare itself refuses more (Free and Pro plans). */
export const DISCARD_BYTES_MAX = 100 * 1024 * 1024;
export const DISCARD_BUFFER_BYTES = 256 * 1024;
/** No request of this API nests deeper than 6. */
export const JSON_DEPTH_MAX = 32;
/** The longest array that this API takes is a document's outline: longer ones are refused before their items are read. */
export const JSON_ITEMS_MAX = 10_000;
/** Metadata has 32 fields, every other object fewer. A thousand documents of 64 wrong fields are what is still reported. */
export const JSON_KEYS_MAX = 64;
/** Of a whole body: the largest batch has half as many, beside outlines. As many that are wrong are reported within a second. */
export const JSON_VALUES_MAX = 80_000;
/** Field errors reported for one request; a body of 10 000 wrong items needs no 10 000 messages. */
export const FIELD_ERRORS_MAX = 20;

/** Answers to idempotent requests are replayed for a day. */
export const IDEMPOTENCY_LIFETIME_MS = 24 * 3_600_000;
/** A request that still holds its key after this died with its isolate; the next one takes over. */
export const IDEMPOTENCY_RESERVATION_MS = 60_000;
/** Larger answers are not kept (a D1 value may have 2 MB; write routes answer in some hundred bytes). */
export const IDEMPOTENCY_ANSWER_CHARS_MAX = 64 * 1024;

/** Minute buckets older than this are deleted; the longest period of `/metrics` is 30 days. */
export const METER_RETENTION_DAYS = 31;
/** On which day a key was last used is known this far back. */
export const KEY_USE_DAYS = 400;

/** Keys that a shard of the meter tells of at once. */
export const METER_KEYS_MAX = 1_000;
/** From which share of a daily allowance an operator should look, act, and hurry. */
export const ALLOWANCE_STATE_FROM_PERCENT = { warning: 80, high: 90, critical: 95 } as const;
/** Days before this one whose hours tell what a usual day is: a week has every weekday once. */
export const FORECAST_DAYS = 7;
/** Users (keys, and sessions of keys) that a part of the meter tells apart in a day: callers choose the sessions. */
export const USERS_PER_DAY_MAX = 50_000;
/** Minutes for which the meter keeps series by the minute: a day, and the hour that is still open. */
export const METER_MINUTES_KEPT = 25 * 60;
/** Of latency percentiles. 2 % is below what a chart shows; from 0.1 ms to 100 s it makes 350 buckets at most. */
export const SKETCH_RELATIVE_ERROR = 0.02;

/** An index of Analytics Engine has 96 bytes, the blobs of a data point 16 kB together; what we write is ASCII. */
export const ANALYTICS_BLOB_CHARS_MAX = 96;

export const LOG_MESSAGE_CHARS_MAX = 500;
export const LOG_STACK_CHARS_MAX = 2_000;
/** Error events an isolate posts to `ERROR_WEBHOOK` in a minute; an outage must not become a second one. */
export const ERROR_EVENTS_PER_MINUTE_MAX = 10;
export const ERROR_WEBHOOK_TIMEOUT_MS = 2_000;

/** Reads of D1 are tried again this often on errors that D1 documents as passing. */
export const DATABASE_RETRIES_MAX = 3;
export const DATABASE_RETRY_BASE_MS = 50;
/** A slower query is logged with its plan. */
export const SLOW_QUERY_MS = 100;
/** Slow statements that are kept, slowest first, and how much of each and of its plan. */
export const SLOW_STATEMENTS_MAX = 50;
export const SLOW_STATEMENT_CHARS_MAX = 2_000;
/** Slow queries that an isolate tells the meter of in a minute: a slow database must not make more work. */
export const SLOW_REPORTS_PER_MINUTE_MAX = 20;
/** A full scan of fewer rows costs less than an index on every write. */
export const ADVICE_ROWS_MIN = 1_000;
/** From so much worse than the baseline a figure is told, if at least so many requests stand behind it. */
export const BASELINE_WORSE_FACTOR = 1.5;
export const BASELINE_REQUESTS_MIN = 50;
/** Dead letters that `/debug/queue-status` lists. */
export const DEAD_LETTERS_LISTED_MAX = 20;
/** JSON of bulk rows in one parameter: half of D1's 2 MB a value, since a character may take more than a byte. */
export const BULK_JSON_CHARS_MAX = 600_000;

/** Data of data URIs that a document keeps beside its text, as JSON: one chunk's row may hold it all, in one value of D1's 2 MB. */
export const DATA_BYTES_MAX = 1_500_000;

/** Workers AI takes 100 texts a call for bge models. */
export const EMBEDDING_TEXTS_PER_CALL_MAX = 100;
/** More than any model of the catalogue reads (8 192 tokens at most). */
export const EMBEDDING_TEXT_CHARS_MAX = 32_000;
/** Vectorize takes 1000 vectors a call from a Worker. */
export const VECTORIZE_UPSERT_VECTORS_MAX = 1000;
/** Not documented, but seen in production: more ids in one deleteByIds are refused with error 40007. */
export const VECTORIZE_DELETE_IDS_MAX = 100;
/** Writers of one document that collide this often in a row are told so. */
export const WRITE_CONFLICT_RETRIES_MAX = 4;
/** And this is when they are asked to come again. */
export const CONTENDED_RETRY_AFTER_S = 1;

/** Queue retries: 5, 10, 20 … seconds. */
export const RETRY_BACKOFF_BASE_S = 5;
export const RETRY_BACKOFF_MAX_S = 900;
/** How long a message waits that met a write fence: fences stand for seconds. */
export const FENCE_RETRY_S = 5;
/** Waiting writes of one document that a later one ends in its own batch: a longer line is waited for. */
export const SUPERSEDED_WRITES_MAX = 50;
/** What callers are told to wait whose write cannot be deferred. */
export const FENCE_RETRY_AFTER_S = 15;
/** Work whose message has not come by then is sent again. Longer than all retries of a living message take. */
export const OVERDUE_AFTER_MS = 15 * 60_000;
/** The next run of cron sends it: what is still owed two runs later did not come right by itself, and is told. */
export const OWED_TOLD_AFTER_MS = OVERDUE_AFTER_MS + 10 * 60_000;
/** Messages of one cron run: 10 ms of CPU on the free plan. */
export const OVERDUE_BATCH_MAX = 100;
/** Chunks whose words one run of cron reads again: within 10 ms of CPU. */
export const REWORDED_CHUNKS_MAX = 200;

/** A document's text; with escapes it still fits a JSON body of BODY_BYTES_MAX in most languages. */
export const DOCUMENT_TEXT_CHARS_MAX = 900_000;
/** Declarations that a document's outline names: one on every other line of a generated file. */
export const OUTLINE_ENTRIES_MAX = 10_000;
export const DOCUMENT_ID_BYTES_MAX = 512;
export const TITLE_CHARS_MAX = 500;
export const URL_CHARS_MAX = 2_000;
export const METADATA_FIELDS_MAX = 32;
/** Vectorize takes 10 KiB of metadata a vector; the rest is D1's row. */
export const METADATA_BYTES_MAX = 8 * 1024;
export const BATCH_DOCUMENTS_MAX = 1_000;
/** Batch bodies are larger than others: bulk loading is what they are for. */
export const BATCH_BODY_BYTES_MAX = 8 * 1024 * 1024;
/** A file with its form: it is held in memory twice, of 128 MB, while it is handed on. */
export const FILE_BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Hex digits of a file's SHA-256 that make its document's id: 128 bits. */
export const FILE_ID_DIGITS = 32;
/** Fields of a form beside the file. */
export const FILE_FIELDS_MAX = 8;
/** Of a file's name, which may become a title. */
export const FILE_NAME_CHARS_MAX = 255;
/** Entries of an archive (Office, OpenDocument, EPUB): a workbook of a thousand sheets has some 3 000. */
export const FILE_ENTRIES_MAX = 10_000;
/** What an archive may announce to hold: text inflates to ten times its size, a bomb to a thousand times. */
export const FILE_INFLATED_BYTES_MAX = 100 * 1024 * 1024;
/** What a converter says of a file that it cannot read. */
export const CONVERSION_REASON_CHARS_MAX = 200;
export const CONVERSION_RETRY_AFTER_S = 30;
/** Documents of one queue message: on the free plan the consumer has 10 ms of CPU for it. */
export const PART_CHARS_MAX = 64_000;
export const PART_DOCUMENTS_MAX = 50;
export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 1_000;

export const QUERY_CHARS_MAX = 4_000;
export const SEARCH_TOP_K_DEFAULT = 10;
export const SEARCH_TOP_K_MAX = 50;
export const CHAT_TOP_K_DEFAULT = 10;
export const CONTEXT_TOKENS_DEFAULT = 2_000;
export const CONTEXT_TOKENS_MIN = 100;
export const CONTEXT_TOKENS_MAX = 16_000;
export const ANSWER_TOKENS_MAX = 600;
/** Earlier messages that a request may bring, and the characters of each: clients send a conversation whole. */
export const HISTORY_MESSAGES_MAX = 200;
export const HISTORY_MESSAGE_CHARS_MAX = 32_000;
/** What of them is read, from the last one back; a follow-up hardly ever points further back than a few turns. */
export const HISTORY_TOKENS_MAX = 1_000;
/** Of each of them, from its beginning: an answer says there what it is about. */
export const HISTORY_MESSAGE_TOKENS_MAX = 250;
/** What a model may write to make a question self-contained, and the longest question that is made so. */
export const STANDALONE_TOKENS_MAX = 120;
export const STANDALONE_CHARS_MAX = 600;
/** Words of earlier messages that a question is given by rule. */
export const CARRIED_WORDS_MAX = 16;

/** What one call of a tool hands to an assistant, which reads all of it and pays for it; clients warn from 10 000 on. */
export const TOOL_TOKENS_MAX = 8_000;
export const TOOL_TOP_K_DEFAULT = 5;
export const TOOL_LIST_MAX = 100;
export const TOOL_LIST_DEFAULT = 25;

/** Failures in a row that open a circuit, and how long it stays open. */
export const BREAKER_FAILURES_TO_OPEN = 3;
export const BREAKER_OPEN_MS = 15_000;
export const AI_EMBED_TIMEOUT_MS = 5_000;
/** Nobody waits for a queue message: a slow model is better than vectors that are owed for ever. */
export const AI_EMBED_PATIENT_TIMEOUT_MS = 60_000;
export const AI_GENERATE_TIMEOUT_MS = 60_000;
/** Until a file is Markdown: pages of a thousand-page PDF take milliseconds each. */
export const AI_CONVERT_TIMEOUT_MS = 30_000;
/** A model that has begun writes several words a second: so long a silence is the end of it. */
export const AI_IDLE_TIMEOUT_MS = 20_000;
/** For the counts that some servers tell after the end of an answer; others leave the connection open and say nothing more. */
export const AI_AFTER_END_TIMEOUT_MS = 2_000;
/** Of one event of a stream: a piece of an answer has a few, a whole answer in one piece some thousands. */
export const STREAM_EVENT_CHARS_MAX = 1_000_000;
/** A model that was told how many tokens it may write and writes more characters for each is cut: it goes on for ever. */
export const ANSWER_CHARS_PER_TOKEN_MAX = 64;
/** Where fewer are asked for, some models finish their sentence. */
export const ANSWER_TOKENS_MIN_CUT = 600;
export const VECTORIZE_TIMEOUT_MS = 5_000;

/** Isolate memory for cached answers: 128 MB hold the isolate's everything. */
export const CACHE_MEMORY_CHARS_MAX = 8_000_000;
export const CACHE_MEMORY_ENTRIES_MAX = 2_000;
export const CACHE_LIFETIME_S = 3_600;
/** A longer answer is not worth its place in the caches. */
export const CACHE_ENTRY_CHARS_MAX = 200_000;
/** KV writes of one isolate a day: the free plan has 1 000 for the account. */
export const CACHE_KV_WRITES_PER_DAY_MAX = 100;
/** Keys seen once, remembered so that the second hit writes to KV. */
export const CACHE_SEEN_KEYS_MAX = 5_000;

export const HEALTH_CACHE_MS = 5_000;

/** How often the cron looks at the components: `CRONS.worker.checks`. */
export const STATUS_CHECK_EVERY_MS = 5 * 60_000;
/** Three checks that did not come, and a minute: what is shown is then called out of date. */
export const STATUS_STALE_AFTER_MS = 3 * STATUS_CHECK_EVERY_MS + 60_000;
/** Single checks are kept for the last day's figures and for whoever looks into what happened; 288 rows a day. */
export const STATUS_CHECKS_KEPT_DAYS = 7;
/** Sums of a day; the page shows `STATUS_DAYS_SHOWN` of them. One row a day. */
export const STATUS_DAYS_KEPT = 400;
export const STATUS_DAYS_SHOWN = 90;
/** Incidents and maintenance that ended earlier are not on the page; the API has them. */
export const STATUS_PAST_SHOWN_DAYS = 30;
export const STATUS_PAST_SHOWN_MAX = 20;
/** Anybody may call the status page: an isolate asks the book once in this time, 300 rows read each. */
export const STATUS_CACHE_MS = 10_000;
/** A page that waits for its book longer shows none. */
export const STATUS_TIMEOUT_MS = 3_000;
export const INCIDENT_TITLE_CHARS_MAX = 200;
export const INCIDENT_TEXT_CHARS_MAX = 4_000;
/** Of one incident: its record is one row of 2 MB at most. */
export const INCIDENT_ENTRIES_MAX = 200;
/** Action items of one incident. */
export const INCIDENT_ACTIONS_MAX = 50;
/** Of a name that whoever opened an incident gave it. */
export const INCIDENT_REF = /^r-[a-z0-9]{8}$/;
export const INCIDENT_PAGE_DEFAULT = 20;
export const INCIDENT_PAGE_MAX = 100;
/** A maintenance window is hours; more is another word for an outage. */
export const MAINTENANCE_DURATION_MAX_MS = 7 * 86_400_000;
/** Announcements and clocks that differ a little: a window that "begins now" is none of the past. */
export const MAINTENANCE_START_TOLERANCE_MS = 60_000;

export const KEY_NAME_CHARS_MAX = 100;
/** A tenant is a Vectorize namespace (64 bytes) and, doubled as hex, a full-text term. */
export const TENANT_CHARS_MAX = 48;
export const KEY_QUOTA_MAX = 1_000_000_000;
export const KEY_PAGE_DEFAULT = 50;
export const KEY_PAGE_MAX = 100;
/** Cloudflare's notifications are a few kB. */
export const NOTIFICATION_BODY_BYTES_MAX = 64 * 1024;
export const FEEDBACK_COMMENT_CHARS_MAX = 2_000;
/** Vectorize applies mutations within seconds; answers from before that are kept for a moment only. */
export const VECTORIZE_SETTLING_MS = 60_000;
export const CACHE_SETTLING_LIFETIME_MS = 2_000;
/** A dependency that takes longer to say "1" is down for our callers. */
export const HEALTH_CHECK_TIMEOUT_MS = 2_000;
/** Searches wait for Vectorize for longer than that: one that is slow to describe itself is not down for them. */
export const HEALTH_VECTORIZE_TIMEOUT_MS = 3_000;
/** All deep checks run at once, and each is given up after this: a dependency that hangs is named. */
export const DEEP_CHECK_LIMIT_MS = 5_000;
/** A dependency that answers a deep check later than this does not do well. */
export const DEEP_CHECK_SLOW_MS = 2_000;
/** Each of two questions of a deep check that asks another store where the first does not answer: both within its limit. */
export const DEEP_CHECK_STEP_MS = 2_000;
/** Deep health writes to KV four times an hour at most, whatever asks for it: 96 of 1 000 writes a day. */
export const KV_PROBE_EVERY_MS = 15 * 60_000;
/** Chunks that one deep check compares with the full-text index, and with Vectorize: 2 000 cost D1 8 000 rows read. */
export const PARITY_CHUNKS_MAX = 2_000;
/** The whole count of chunks is compared with that of vectors up to here: beyond, samples tell. */
export const PARITY_COUNT_MAX = 20_000;
/** And up to here at every evaluation of the alerts: 288 000 of the 5 million rows that the free plan reads a day. */
export const PARITY_COUNT_OFTEN_MAX = 1_000;
/** Vectorize gives 20 vectors by their ids in one call. */
export const PARITY_VECTORS_MAX = 20;
/** A cron that runs every five minutes and has not for three of them has stopped. */
export const CRON_STOPPED_AFTER_MS = 15 * 60_000;
/** The oldest message of a queue whose consumer works is seconds old; one that is retried may wait for `RETRY_BACKOFF_MAX_S`. */
export const QUEUE_STUCK_AFTER_MS = 20 * 60_000;
/** A letter that died is news for a day. */
export const DEAD_LETTER_NEWS_MS = 24 * 3_600_000;
/** How long counts wait in an isolate for company on their way to the meter. */
export const METER_FLUSH_MS = 250;
/** Words whose stems an isolate remembers: some 2 MB. */
export const STEM_CACHE_MAX = 20_000;
/** Packs outlive their last chunk by this: Time Travel reaches back 30 days on the paid plan. */
export const PACK_RETENTION_MS = 31 * 86_400_000;
/** Packs deleted in one daily run: two R2 calls each, of 50 subrequests on the free plan. */
export const PACKS_COLLECTED_MAX = 20;
/** A word in the title counts as much as this many in the text. */
export const TITLE_WEIGHT = 2;
/** Hits a cross-encoder reads, and how much of each: about its 512-token window. */
export const RERANK_DEPTH = 20;
export const RERANK_TEXT_CHARS_MAX = 2_000;

/** Of a field of an audit entry. */
export const AUDIT_NAME_CHARS_MAX = 200;
export const AUDIT_DETAIL_BYTES_MAX = 8 * 1024;
/** Tries to be the next in the audit log: two queries each, of 50 that an invocation has on the free plan. */
export const AUDIT_APPEND_TRIES_MAX = 16;
/** Pauses between them are random, up to a time that doubles from this … */
export const AUDIT_BACKOFF_MIN_MS = 8;
/** … to this. */
export const AUDIT_BACKOFF_MAX_MS = 500;
/** How long a writer waits for the one before it in the same isolate. */
export const AUDIT_TURN_MAX_MS = 5_000;
export const AUDIT_PAGE_DEFAULT = 100;
export const AUDIT_PAGE_MAX = 1_000;
/** Entries of one archived segment: hashed, compressed and verified again within 10 ms of CPU. */
export const AUDIT_SEGMENT_ENTRIES_MAX = 200;
/** An entry is archived and so anchored within this: what could be cut off unnoticed is younger. */
export const AUDIT_ANCHOR_AFTER_MS = 3_600_000;
/** Archived entries stay in the database for this long. */
export const AUDIT_KEPT_MS = 90 * 86_400_000;
/** Reports that waited in KV, taken in one run of cron: four subrequests each of 50 on the free plan. */
export const WAITING_PER_RUN_MAX = 8;
/** Entries that one call of `verify-integrity` checks: 10 ms of CPU. */
export const AUDIT_VERIFIED_PER_CALL = 250;
/** Entries of an export that are read at a time. */
export const AUDIT_EXPORT_PAGE = 500;
/** A request that takes longer is slow by the latency objective. A bucket bound of `prism_request_duration_seconds`. */
export const SLOW_REQUEST_MS = 2_500;
/** What cron reads of the meter is kept for the longest window of a rule: three days. */
export const ALERT_SLICES_KEPT_MIN = 4_320;
/** Durations by bucket are kept for the longest window of a percentile. */
export const ALERT_DURATIONS_KEPT_MIN = 60;
/** A gap of cron that is read at once when it comes back. The meter keeps its minutes for a day. */
export const ALERT_CATCH_UP_MIN = 1_440;
/** An alert that fires again this soon after it resolved flaps: each time it must be gone for twice as long, up to a limit. */
export const ALERT_FLAP_WINDOW_MIN = 60;
export const ALERT_FLAP_HOLD_MIN = 60;
/** A source of figures that takes longer is missing: a hanging D1 must not keep the alert of it from being told. */
export const ALERT_SOURCE_TIMEOUT_MS = 4_000;
/** Cron evaluates so often: a run that was missed must not empty the shortest windows. */
export const ALERT_STEP_MIN = 5;
/** What comes with every step and is older has missed one: a step, and a minute for what it takes. */
export const ALERT_STEP_MISSED_MIN = 6;
/** Changes that an alert names as what was done lately. */
export const ALERT_CHANGES_SHOWN = 5;
export const ALERT_CHANGES_WINDOW_MIN = 1_440;
export const ALERT_CHANGES_KEPT = 200;
/** Deliveries are tried again after 5, 10, 20 … minutes, and given up after about a day. */
export const ALERT_RETRY_BASE_MIN = 5;
export const ALERT_RETRY_MAX_MIN = 240;
export const ALERT_ATTEMPTS_MAX = 12;
export const ALERT_DELIVERIES_KEPT = 200;
/** Of one cron run: each is a subrequest, of 50 on the free plan. */
export const ALERT_DELIVERIES_PER_RUN_MAX = 20;
export const ALERT_CHANNEL_TIMEOUT_MS = 5_000;
/** Tries of the watchdog before it calls the Worker dead, and how long each may take. */
export const WATCHDOG_TRIES = 3;
export const WATCHDOG_TIMEOUT_MS = 5_000;
/** The watchdog asks every five minutes. */
export const WATCHDOG_NOTED_EVERY_MS = 60_000;
export const HEARTBEAT_GRACE_DEFAULT_S = 3_600;
export const HEARTBEAT_GRACE_MAX_S = 86_400;
/** A day: no job of the schedule takes longer. */
export const HEARTBEAT_DURATION_MAX_MS = 86_400_000;
export const HEARTBEAT_JOBS_MAX = 100;
export const SILENCE_MINUTES_MAX = 7 * 1_440;
export const ALERT_NOTE_CHARS_MAX = 500;
/** What is computed from a week or more is computed once in this time. */
export const ALERT_SLOW_FIGURES_MIN = 60;
/** Ratings of which every evaluation takes the mean: each is a row read, and a day has five million of them and 288 evaluations. */
export const RATINGS_JUDGED_MAX = 1_000;
/** Throttled addresses that one isolate writes into the audit log. */
export const THROTTLED_TOLD_EVERY_MS = 60_000;
/** A key is unlike itself from so many requests an hour, and so many times its mean hour of the day before. */
export const BURST_REQUESTS_MIN = 100;
export const BURST_FACTOR = 10;
/** More failed requests of one key in an hour are worth a look. */
export const FAILING_KEY_ERRORS = 5;
/** Newest entries of the audit log whose chain cron verifies each time: hashed within a millisecond or two. */
export const AUDIT_WATCHED_TAIL = 50;
/** Between two looks of cron at an archived segment; each takes the next one. */
export const AUDIT_WATCH_EVERY_MS = 5 * 60_000;
