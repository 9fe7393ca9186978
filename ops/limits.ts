/** Every limit of the ops room, units in the name. */
import { POSTINGS_PER_RANKED, TEXT_COUNTED_SHARE, TEXT_RANKED_MAX } from "../worker/limits.ts";

/** A timer of Node.js that is to end later ends at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;
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
/** A step of a runbook whose `timeout=` does not say otherwise. */
export const RUNBOOK_STEP_TIMEOUT_MS = 10 * 60_000;
/** After its time a step is asked to end; what then still runs is killed. */
export const RUNBOOK_KILL_AFTER_MS = 10_000;
/** Of what a step says, its end is kept in the transcript, and conditions look at that. */
export const RUNBOOK_OUTPUT_CHARS_KEPT = 65_536;
/** Between two looks at a job. */
export const JOB_POLL_MS = 100;
/** Names that `eval identifiers` asks for, twice each: some minutes. */
export const EVAL_NAMES_MAX = 1_000;
/** An evaluation gives up when no vector comes for so long: the queue's tries (5, 10 s apart, each a call or more) are over by then. */
export const EVAL_VECTORS_STALL_MS = 180_000;
/** Files above this are not indexed: the Worker takes 900 000 characters a document. */
export const INDEX_FILE_BYTES_MAX = 900_000;
/** Brackets open at once in a source file that is parsed: nobody's code has a tenth. */
export const OUTLINE_BRACKETS_MAX = 500;
/** Reasons of refused files that `index update` remembers. */
export const INDEX_REFUSALS_KEPT = 10_000;
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
/** A document of `synthetic` is through the queue within seconds where all is well. */
export const SYNTHETIC_JOB_WAIT_MS = 60_000;
/** Between two looks at something that takes effect a little later. */
export const SETTLE_POLL_MS = 250;
/** Removing what `synthetic` made, even when its own deadline has passed. */
export const CLEANUP_TIMEOUT_MS = 10_000;
/** After so long without a word a command says what it waits for, and again each time. */
export const WAIT_TOLD_AFTER_MS = 8_000;
/** How often it looks whether it is time to: the two together stay below ten seconds. */
export const WAIT_LOOK_EVERY_MS = 1_000;
/** One try of a request to Cloudflare's API: a D1 query may take 30 s there. */
export const API_TIMEOUT_MS = 60_000;
/** Tries after the first, of a request that was refused for now, or is repeatable and failed on the way or on Cloudflare's side. */
export const API_RETRIES_MAX = 5;
/** Cloudflare blocks a user for five minutes once the budget is spent: one such block is sat out, a second is not. */
export const API_PATIENCE_MS = 330_000;
/** First pause after a 429 without `Retry-After`; doubles each time. */
export const API_RATE_PAUSE_MS = 5_000;
/** Added to Cloudflare's window, for its clock starts when a request arrives, not when it is sent. */
export const API_WINDOW_MARGIN_MS = 2_000;
/** One try of a request to a backup's storage; an object of `PART_BYTES_MAX` passes a line of 3 Mbit/s in it. */
export const STORAGE_TIMEOUT_MS = 60_000;
/** Tries after the first, where the storage throttles, breaks off or does not answer. */
export const STORAGE_RETRIES_MAX = 6;
/** First pause before another try at the storage; doubles each time. */
export const STORAGE_PAUSE_MS = 200;
/** Objects up to this size (leases, pointers, manifests) do not wait for a rate limit, which counts them all the same. */
export const UNLIMITED_OBJECT_BYTES = 65_536;
/** Objects in one page of a listing: what S3 gives at most. */
export const STORAGE_PAGE = 1000;
/** A part is held in memory whole, several times over while it is compressed and encrypted. */
export const PART_BYTES_MAX = 16 * 1024 * 1024;
/** Plain bytes that are being compressed, encrypted and sent at the same time. */
export const PARTS_IN_FLIGHT_BYTES = 24 * 1024 * 1024;
/** Objects of a repository that are read at the same time. */
export const REPOSITORY_READERS = 8;
/** An interrupted backup finds its parts through checkpoints, written this often. Parts after the last one are read to be found. */
export const CHECKPOINT_BYTES = 64 * 1024 * 1024;
/** A lease that was not renewed for this long belongs to a dead process. */
export const LEASE_TTL_MS = 180_000;
/** Several renewals fit into one lease, so that a slow storage does not cost it. */
export const LEASE_RENEW_EVERY_MS = 40_000;
/** Whoever works on a switch of generations says this often that he lives. */
export const SWITCH_SIGN_EVERY_MS = 4_000;
/** A switch that another machine began is taken over after this long without such a sign: several, so that a slow storage does not cost it. */
export const SWITCH_SILENCE_MS = 20_000;
/** What an interrupted backup left is kept this long, so that it can be resumed. */
export const UNREFERENCED_KEEP_MS = 7 * 24 * 3_600_000;
/** Reads of a damaged object before it is called damaged: the line may be what is broken. */
export const DAMAGE_READS = 2;
/** Requests a second of the probe that counts what callers see during a deployment. */
export const PROBE_CALLERS_PER_S = 20;
/** Requests a second of the probe that asks for the new version alone. */
export const PROBE_CANDIDATE_PER_S = 10;
/** A probe's request; a switch may hold it for a second or two. */
export const PROBE_TIMEOUT_MS = 15_000;
/** Probe requests under way at once; beyond that a slow service is not asked for more. */
export const PROBE_IN_FLIGHT_MAX = 64;
/** A window of the probe with more failures than both of these condemns a version: one lost packet does not. */
export const PROBE_FAILURES_MAX = 2;
export const PROBE_FAILED_SHARE_MAX = 0.01;
/** Shares of the traffic that a new version gets, one after another, each watched. */
export const PROMOTION_PERCENT: readonly number[] = [10, 50, 100];
/** How long each share is watched, when `--watch` does not say. */
export const PROMOTION_WATCH_MS = 15_000;
/** Until a version override works everywhere. https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/ */
export const OVERRIDE_SETTLE_MAX_MS = 20_000;
/** Server errors in a row with which a new version is given up on before that. */
export const OVERRIDE_ERRORS_MAX = 5;
/** A destructive step needs a verified backup younger than this. */
export const BACKUP_AGE_MAX_MS = 24 * 3_600_000;
/** How far the clocks of two machines may be apart before what one of them wrote counts as of a time to come. */
export const CLOCK_SKEW_MAX_MS = 5 * 60_000;
/** Of a table, of a result. https://developers.cloudflare.com/d1/platform/limits/ */
export const D1_COLUMNS_MAX = 100;
/** Columns read by one query; the rest of D1's hundred is for what goes with them. */
export const D1_COLUMNS_PER_RESULT = 90;
/** D1 takes 32 arguments of a function, the format of the types being one. */
export const D1_TYPES_PER_CALL = 31;
/** What a page of rows aims at; larger ones gain nothing and cost memory on both sides. */
export const D1_PAGE_BYTES = 2_000_000;
export const D1_PAGE_ROWS_FIRST = 200;
export const D1_PAGE_ROWS_MAX = 5_000;
/** A cell above this may be left out of its page and read on its own … */
export const D1_CELL_BYTES_MIN = 16_000;
/** … and one above this always is: in hex it stays below half of D1's largest value (2 MB). */
export const D1_CELL_BYTES_MAX = 400_000;
/** JSON of rows in one parameter, which may have 2 MB. */
export const D1_PARAMETER_BYTES = 900_000;
/** Parameters of that size in one request: 40 k such rows of 100 bytes stay far below D1's 30 s. */
export const D1_WRITES_PER_BATCH = 4;
/** Of a value, a row, a parameter. https://developers.cloudflare.com/d1/platform/limits/ */
export const D1_VALUE_BYTES_MAX = 2_000_000;
/** Keys looked up in one statement. */
export const D1_KEYS_PER_READ = 1_000;
/** Entries of the change log read at a time, with their rows. */
export const D1_CHANGES_PER_READ = 2_000;
/** Requests that an `up` may make: production's 45 resources, each read, written and read again, and half as many for what they look up. */
export const UP_REQUESTS_MAX = 200;
/** An `up` that says nothing for so long is told to be waiting. */
export const UP_SILENCE_MS = 30_000;
/** Giving the traffic back after a failed deployment, even when the command's own deadline has passed. */
export const RESTORE_TIMEOUT_MS = 60_000;
/** Rows of a table are cut into parts between these sizes, around this one: small enough to hold several, large enough to be few. */
export const ROWS_PART_BYTES_MIN = 1024 * 1024;
export const ROWS_PART_BYTES_MEAN = 2 * 1024 * 1024;
export const ROWS_PART_BYTES_MAX = 4 * 1024 * 1024;
/** Changed rows in one part: a reader that merges holds one part of each layer. */
export const LAYER_PART_BYTES = 1024 * 1024;
/** Changed rows collected in memory before they become a layer. */
export const PENDING_BYTES_MAX = 32 * 1024 * 1024;
/** A table with more layers than this is copied whole again … */
export const LAYERS_MAX = 60;
/** … and so is one whose layers outweigh this share of it, once they have this many bytes. */
export const LAYER_SHARE_MAX = 0.5;
export const LAYER_BYTES_MIN = 4 * 1024 * 1024;
/** Row hashes in one part: 1.5 MB. */
export const ROW_HASHES_PER_PART = 32_768;
/** Parts that are on their way while one is being worked on: many small ones take no longer than a few. */
export const PARTS_READ_AHEAD = 4;
/** Parts of one stream that are being stored while the next is made. */
export const PARTS_UNDER_WAY = 2;
/** A table without a change log and with no more rows than this is read in the last transaction. */
export const UNLOGGED_ROWS_MAX = 1_000;
/** Last transactions that a backup tries before it says that writers are too fast. */
export const SEAL_ATTEMPTS_MAX = 50;
/** Marks of backups that stay in the database; each snapshot leaves two. */
export const MARKS_KEPT = 100;
/** Tables whose changes are written at the same time once the last transaction is read. */
export const TABLES_FINISHED_AT_ONCE = 8;
/** Objects of a bucket share a part up to this size. */
export const BUNDLE_BYTES = 2 * 1024 * 1024;
/** Bundles that are read at the same time … */
export const BUNDLE_READERS = 2;
/** … each with so many objects at the same time. */
export const OBJECT_READERS = 6;
/** Scratch stores of a drill that are older than this belong to none that still runs. */
export const SCRATCH_ABANDONED_MS = 24 * 60 * 60 * 1000;
/** Times that a load goes on after D1 left open whether it did what was asked. */
export const LOAD_ATTEMPTS_MAX = 5;
/** Rows that a reader of a snapshot gets at a time. */
export const READ_BATCH_BYTES = 1024 * 1024;
/** How long the account tokens that a deployment to the local platform makes are good for. */
export const LOCAL_TOKEN_DAYS = 365;
/** Rounds of the change log before writers are asked to wait: beyond that they are faster than the copy. */
export const REPLAY_ROUNDS_MAX = 100;
/** Rounds in which an index follows the change log before the rest is left to the next step. */
export const VECTOR_ROUNDS_MAX = 5;
/** Tables up to this many rows are hashed once more while writers wait: about a second each. */
export const FENCED_HASH_ROWS_MAX = 20_000;
/** Tables that are looked at side by side while writers wait. */
export const FENCED_TABLES_AT_ONCE = 4;
/** Entropy of a secret that bootstrap makes. */
export const SECRET_BYTES = 32;
/** How long the first tokens of an account work. */
export const TOKEN_DAYS = 90;
/** Values of a KV namespace that are read at the same time. */
export const KV_READERS = 6;
/** Orphans that a snapshot names; beyond that it only counts them. */
export const ORPHANS_LISTED = 100;
/** One upload of vectors. https://developers.cloudflare.com/vectorize/platform/limits/ */
export const VECTOR_UPLOAD_VECTORS = 5_000;
/** Of 100 MB. */
export const VECTOR_UPLOAD_BYTES = 90_000_000;
/** Ids in one request: code 40007 beyond that. */
export const VECTOR_GET_IDS = 20;
export const VECTOR_DELETE_IDS = 100;
export const VECTOR_LIST_PAGE = 1_000;
/** Rows of chunks read at a time, with the metadata of their documents. */
export const VECTOR_ROWS_PER_PAGE = 5_000;
/** Texts that a change of the embedding model puts into one pack: a few calls of Workers AI, and what a kill costs at most. */
export const TEXTS_PER_PACK = 500;
/** Vector packs read at the same time; each has at most 16 MiB. */
export const PACK_READERS = 6;
/** Vectorize applies mutations within seconds; after this it is stuck. */
export const VECTORS_VISIBLE_MAX_MS = 120_000;
/** Parts of the snapshot before that are taken over at the same time; only an epoch's first snapshot copies them. */
export const KEEPERS = 8;
/** Keys of vector packs that are read from the database at a time. */
export const PACK_KEYS_PER_READ = 5_000;
/** How long the end of deferred writes is waited for, and how often their messages are sent anew meanwhile. */
export const DEFERRED_WAIT_MAX_MS = 300_000;
export const DEFERRED_PUSH_EVERY_MS = 4_000;
/** Messages of one request. https://developers.cloudflare.com/queues/platform/limits/ */
export const QUEUE_PUSH_MESSAGES = 100;
/** Messages that one request shows. https://developers.cloudflare.com/queues/configuration/pull-consumers/ */
export const QUEUE_PEEK_MAX = 100;
/** Dead letters that are read, sent again and followed together: bodies of 128 kB would still be 26 MB. */
export const LETTERS_PER_READ = 200;
/** Objects that letters name are looked at this many at a time. */
export const LETTER_LOOKERS = 16;
/** How long the letters of one read are followed: a message's six tries are over after 155 s of pauses. */
export const LETTERS_WAIT_MAX_MS = 300_000;
/** Letters that are not done are listed up to here. */
export const LETTERS_LISTED_MAX = 50;
/** What one purge takes, so that its copy fits into memory. */
export const PURGE_MESSAGES_MAX = 10_000;
/** A document alone in the queue comes through in seconds; a backlog of minutes is what the alert of the queue's age is for. */
export const QUEUE_TEST_MAX_MS = 60_000;
/** Rows of a table that a backup's plan looks at, to know how long they are. */
export const PLAN_SAMPLE_ROWS = 100;
/** A plan counts rows one by one only up to here: each of them is a row read. */
export const PLAN_COUNT_MAX = 50_000;
/** Plain bytes a second that a backup's plan reckons with, besides the request budget. */
export const BACKUP_BYTES_PER_S = 10_000_000;
/** D1's daily quota of the free plan. https://developers.cloudflare.com/d1/platform/pricing/ */
export const D1_FREE_ROWS_READ_PER_DAY = 5_000_000;
export const D1_FREE_ROWS_WRITTEN_PER_DAY = 100_000;
/** So long a generation that was live is kept, because a switch can be undone with it. */
export const UNDO_WINDOW_MS = 7 * 86_400_000;
/** By how much index versions are raised where nobody knows how far they had come: no tenant writes so often in the month that Time Travel reaches back. */
export const INDEX_VERSION_LEAP = 100_000_000;
/** Changed rows that `ops backup diff` counts in memory; beyond that it only says that a table changed. */
export const DIFF_KEYS_MAX = 2_000_000;
/** Rows of text indexed by one statement: some 10 MB, a second or two of D1's 30. */
export const FULL_TEXT_PAGE_ROWS = 10_000;
/** Keys of one bulk write or delete of KV. https://developers.cloudflare.com/api/resources/kv/ */
export const KV_BULK_KEYS_MAX = 10_000;
/** KV takes no entry that would expire sooner. */
export const KV_EXPIRY_MIN_S = 60;
/** Plain bytes a second that a restore's plan reckons with, besides the request budget: written, read back and hashed. */
export const RESTORE_BYTES_PER_S = 3_000_000;
/** Vectors of one pack that `bench backup` makes: what a large batch request leaves. */
export const BENCH_PACK_VECTORS = 1_000;
/** Between two looks at the memory of a measured process. */
export const CHILD_POLL_MS = 50;
/** Days, weeks, months and years of which `ops backup prune` keeps the newest snapshot. */
export const KEEP_DAILY = 30;
export const KEEP_WEEKLY = 12;
export const KEEP_MONTHLY = 12;
export const KEEP_YEARLY = 7;
/** Vectors that a drill reads back and compares, 20 a request. The rest is compared by id. */
export const DRILL_COMPARED_MAX = 2_000;
/** Jobs that finished so long ago are forgotten: as long as usage is kept. */
export const FINISHED_JOB_KEEP_MS = 90 * 86_400_000;
/** Ratings and dead letters are kept as long. */
export const RECORD_KEEP_MS = 90 * 86_400_000;
/** Rows that `ops vacuum` deletes in one statement, far below D1's 30 s. */
export const VACUUM_ROWS_PER_STATEMENT = 20_000;
/** Pages of a full-text index merged by one statement: a second's work. */
export const FULL_TEXT_MERGE_PAGES = 2_000;
/** Lines of each side that `ops restore document` shows of a text that differs. */
export const DIFFERENT_LINES_SHOWN = 20;
/** A key that `ops restore document` makes for another tenant ends by then, where it could not be revoked. */
export const TENANT_KEY_TTL_MS = 600_000;
/** Bringing an audit record or a heartbeat to its stack, the way by KV included. */
export const WAITING_REPORT_TIMEOUT_MS = 10_000;
/** The same time on the next working day, where a response or an update is due then. */
export const BUSINESS_DAY_MS = 24 * 3_600_000;
/** Within what somebody must be at work on an incident (`/docs`, severities). */
export const INCIDENT_RESPONSE_MS = {
  "SEV-1": 15 * 60_000,
  "SEV-2": 60 * 60_000,
  "SEV-3": 4 * 3_600_000,
  "SEV-4": BUSINESS_DAY_MS,
} as const;
/** News of an incident are due this long after the last ones. */
export const INCIDENT_UPDATE_EVERY_MS = {
  "SEV-1": 30 * 60_000,
  "SEV-2": 60 * 60_000,
  "SEV-3": 4 * 3_600_000,
  "SEV-4": BUSINESS_DAY_MS,
} as const;
/** An event that two sources tell of is one, where their times are no further apart. */
export const INCIDENT_SAME_EVENT_MS = 15 * 60_000;
/** What happened so long before an incident began may be its cause, and is in its timeline. */
export const INCIDENT_LOOK_BACK_MS = 30 * 60_000;
/** Lines of one source that one command adds to a timeline. */
export const INCIDENT_EVENTS_MAX = 40;
/** Alerts that were evaluated longer ago do not say that all is well now. */
export const ALERTS_STALE_MS = 15 * 60_000;
/** Of a rota that is shown: ten years of shifts of an hour are 88 000. */
export const ONCALL_DAYS_MAX = 3_660;
/** Reports that waited, brought by one command. */
export const WAITING_REPORTS_MAX = 50;
/** Rows of the audit log in one query: some 500 bytes each. */
export const AUDIT_PAGE_ROWS = 2_000;
/** Segments of the audit archive that are read at the same time. */
export const AUDIT_SEGMENT_READERS = 16;
/** A job of the schedule takes no longer: heartbeats take no longer grace. */
export const JOB_TIME_LIMIT_MAX_S = 86_400;
/** A command of a job has this long to end after its time, before it is killed. */
export const JOB_END_MS = 60_000;
/** Runs of a job whose records and output stay on this machine. */
export const JOB_RUNS_KEPT = 30;
/** A look whether a job runs holds its lock for an instant: so long it is waited for before it counts as held. */
export const JOB_LOCK_WAIT_MS = 1_000;
/** Ids of a kind of disparity that `ops index check` remembers and mends in one go; beyond that it only counts. */
export const INDEX_CHECK_IDS_MAX = 50_000;
/** Of these it shows so many. */
export const INDEX_CHECK_SAMPLE = 5;
/** Rows of documents and chunks, with the text of the latter, read at a time: a megabyte or less. */
export const INDEX_CHECK_ROWS = 500;
/** Goes of `ops index check --repair`: what one mends can show what was hidden behind it. */
export const INDEX_REPAIR_GOES_MAX = 4;
/** Entries of the full-text index compared by one statement. */
export const FULL_TEXT_ENTRIES_PER_CHECK = 50_000;
/** Chunks whose full text one statement makes anew beside writers: within D1's 30 s. */
export const FULL_TEXT_REBUILD_ROWS_MAX = 100_000;
/** Requests for vectors that are under way at once. */
export const VECTOR_READERS = 4;
/** Texts that a repair asks the Worker to embed with one message: a call of Workers AI. */
export const OWED_CHUNKS_PER_MESSAGE = 100;
/** How long the vectors that a repair has asked for are waited for. */
export const OWED_WAIT_MAX_MS = 300_000;

/** A platform keeps one core busy and a little of another. */
export const GAMEDAY_PLATFORMS_AT_ONCE = 2;
/** A caller's request on a game day: a fault must not keep callers waiting for longer than people would. */
export const GAMEDAY_REQUEST_TIMEOUT_MS = 15_000;
/** A game day begins so long ago: a runbook's process has this machine's clock, and must not meet times that are yet to come. */
export const GAMEDAY_BEGINS_BEFORE_MS = 36 * 3_600_000;
/** Real time that a simulated minute waits for deliveries of queues: one that hangs is the fault. */
export const GAMEDAY_DELIVERY_MAX_MS = 2_000;
/** Quiet traffic before a fault, so that every window of five minutes has a usual past. */
export const GAMEDAY_WARM_UP_MIN = 15;
/** A fault strikes so long after an evaluation: nearly as long before the next one as there is. */
export const GAMEDAY_STRIKES_AFTER_MS = 30_000;
/** What operations.md promises, of platform time. */
export const GAMEDAY_DETECTED_S = 300;
export const GAMEDAY_RECOVERED_S = 1_800;
/** An alert that has not fired, or not resolved, this long after it should have is given up. */
export const GAMEDAY_PATIENCE_MIN = 60;
/** An alert that resolved is remembered for an hour of evaluations, and flaps within it. */
export const GAMEDAY_FORGOTTEN_MIN = 70;
/** What `ops health` waits for the service, and for Cloudflare's API about one part. */
export const HEALTH_CHECK_TIMEOUT_MS = 15_000;
/** Cloudflare's status page is waited for no longer: it is worth a line, not a wait. */
export const CLOUDFLARE_STATUS_TIMEOUT_MS = 3_000;

/** How long both values of a secret are accepted at least: a version reaches every place within minutes. */
export const SECRET_OVERLAP_MS = 5 * 60_000;
/** A secret is old after half a year, and an alert tells a day later. */
export const SECRET_AGE_MAX_MS = 180 * 86_400_000;
export const SECRET_AGE_GRACE_S = 86_400;
/** How long a deployed change of a secret may take to show. */
export const SECRET_SEEN_MAX_MS = 60_000;
/** The newest chunks whose mean length `ops usage` reckons with: so many rows read. */
export const PER_CHUNK_SAMPLE = 1_000;

/** A key that nobody has used for so long is one that nobody misses, and nobody watches. */
export const KEY_UNUSED_MAX_MS = 90 * 86_400_000;
/** Failed authentications a day that somebody should look at, and that are an attack: a client with a stale key makes dozens. */
export const AUTH_FAILURES_MEDIUM = 100;
export const AUTH_FAILURES_HIGH = 1_000;
/** A block without an end is looked at again after so long: addresses change hands. */
export const BLOCK_AGE_MAX_MS = 90 * 86_400_000;
/** A token's end is told so long before. */
export const TOKEN_ENDS_SOON_MS = 14 * 86_400_000;

/** One question to npm and its registry. */
export const NPM_ASK_MAX_MS = 120_000;
/** One step of renewing dependencies: an install, or all tests. */
export const DEPS_STEP_MAX_MS = 45 * 60_000;
/** What everybody downloads before the first command; a tenth of it reads files and source code, and makes those of the tests. */
export const NODE_MODULES_BYTES_MAX = 1_100_000_000;
/** Folders that are looked through at the same time. */
export const FOLDER_READERS = 8;

/** Of what a shard may hold: so far tenants are placed into it together … */
export const SHARD_PLACED_SHARE = 0.6;
/** … and beyond this some are moved away. The rest is for the growth of the weeks that a move may wait. */
export const SHARD_MOVED_SHARE = 0.8;
/** One thread of SQLite serves a database: busy for more than this of the time, requests queue. */
export const SHARD_BUSY_SHARE_MAX = 0.5;
/** Searches a second at the busiest, by those of the mean second: days have nights. */
export const PEAK_FACTOR = 5;
/**
 * What a search takes its database, and what a million chunks add, at most: for a tenant that has nearly all of a shard and is not alone in it, so
 * that full text tells its chunks from others'. `ops bench http --neighbour`, p50 of search_text less that of search_cached, at 10 000 (10.8 ms)
 * and 100 000 chunks (21 ms) on two quiet cores, November 2026; the Worker's ranking is in it. Alone it takes 7.2, 10.8 and, at a million, 14.6 ms.
 */
export const SEARCH_MS_BASE = 9;
export const SEARCH_MS_PER_MILLION = 120;
/** Of a usual question: full text counts each of its words from both ends of the index. */
const ASKED_WORDS = 6;
/** Rows that D1 counted for a search of `ops bench http`, the most of several runs: 18 591 at 100 000 chunks, 15 629 at 1 000 000. */
export const SEARCH_ROWS_READ_LARGE = 18_600;
/** What they may be at most: what full text may count, walk through and rank by its own limits. */
export const SEARCH_ROWS_READ_MAX = (2 * ASKED_WORDS * TEXT_COUNTED_SHARE + POSTINGS_PER_RANKED + 1) * TEXT_RANKED_MAX;
/** What `ops capacity --measure 4000` found last, on two busy cores (November 2026). */
export const PER_CHUNK_MEASURED = {
  d1_bytes: 2_048,
  rows_written: 8.28,
  neurons: 0.3063,
  write_ms: 12.2,
  rows_read_per_search: 0.761,
} as const;
/** Processor time that one file may take to become Markdown, so that a busy machine refuses no other file than a quiet one. */
export const CONVERT_CPU_S_MAX = 25;
/** By the clock: for a machine that is far too busy, and for a parser that would wait. */
export const CONVERT_TIMEOUT_MS = 240_000;
/** Files that are parsed at the same time, each in its process. */
export const CONVERT_PROCESSES_MAX = 2;
/** Heap of that process, and what it may hold in memory altogether. */
export const CONVERT_HEAP_MB_MAX = 512;
export const CONVERT_DATA_BYTES_MAX = 1_536 * 1024 * 1024;
/** Text that is handed on: a document takes 900 000 characters. */
export const CONVERT_TEXT_CHARS_MAX = 900_000;
/** Pages of one PDF, and cells of one workbook: more text than a document takes. */
export const CONVERT_PAGES_MAX = 2_000;
export const CONVERT_CELLS_MAX = 200_000;
