/** What a restore will ask of Cloudflare, before it is done: requests, rows, time. Pure. */
import { RequestBudget } from "../cloudflare/request-budget.ts";
import {
  D1_FREE_ROWS_WRITTEN_PER_DAY,
  D1_PAGE_BYTES,
  D1_PARAMETER_BYTES,
  D1_WRITES_PER_BATCH,
  RESTORE_BYTES_PER_S,
  VECTOR_LIST_PAGE,
  VECTOR_ROWS_PER_PAGE,
  VECTOR_UPLOAD_BYTES,
  VECTOR_UPLOAD_VECTORS,
} from "../limits.ts";

interface RestoreSize {
  tables: { name: string; rows: number; bytes: number; indexes: number }[];
  /** Indexes, views, full-text indexes and groups of triggers: each is a request. */
  definitions: number;
  vectors: number;
  dimensions: number;
  objects: number;
  config_keys: number;
  /** On this machine. */
  is_local: boolean;
}

interface RestoreCost {
  /** To Cloudflare's API, which admits 1200 in five minutes. Reading the repository and the buckets is not among them. */
  requests: number;
  /** As D1 counts them: a row and an entry of each of its indexes. */
  rows_written: number;
  bytes: number;
  duration_s: number;
  /** Days that D1's free plan takes for it. */
  free_days: number;
}

export function restoreCost(size: RestoreSize): RestoreCost {
  const { tables, vectors, dimensions } = size;
  const sum = (of: (table: RestoreSize["tables"][number]) => number) =>
    tables.reduce((total, table) => total + of(table), 0);
  const bytes = sum((table) => table.bytes);
  const writes = sum((table) => requestsFor(table.bytes * JSON_GROWTH, D1_PARAMETER_BYTES * D1_WRITES_PER_BATCH));
  const reads = sum((table) => requestsFor(table.bytes, D1_PAGE_BYTES) + PAGES_FIRST);
  const perUpload = Math.min(VECTOR_UPLOAD_VECTORS, Math.floor(VECTOR_UPLOAD_BYTES / (dimensions * VALUE_CHARS + 200)));
  const uploads = Math.ceil(vectors / VECTOR_ROWS_PER_PAGE) * Math.ceil(VECTOR_ROWS_PER_PAGE / perUpload);
  const lists = Math.ceil(vectors / VECTOR_LIST_PAGE) + 3 * Math.ceil(vectors / IDS_PER_PAGE);
  const requests =
    FIXED_REQUESTS +
    STACK_REQUESTS +
    size.definitions +
    writes +
    reads +
    tables.length +
    Math.ceil(vectors / VECTOR_ROWS_PER_PAGE) +
    uploads +
    lists +
    size.config_keys;
  const rows_written = sum(({ rows, indexes }) => rows * (1 + indexes));
  const vector_bytes = vectors * dimensions * VALUE_CHARS;
  const busy_s = (bytes + vector_bytes) / RESTORE_BYTES_PER_S;
  return {
    requests,
    rows_written,
    bytes,
    duration_s:
      (size.is_local ? LOCAL_DEPLOYMENTS_S : DEPLOYMENTS_S) +
      Math.ceil(Math.max(busy_s, new RequestBudget().wait_ms(requests) / 1000)),
    free_days: Math.ceil(rows_written / D1_FREE_ROWS_WRITTEN_PER_DAY),
  };
}

/** Quotes, commas and what JSON spells longer. */
const JSON_GROWTH = 1.1;
/** Of a vector's value in an upload. */
const VALUE_CHARS = 13;
/** Pages of a table begin small. */
const PAGES_FIRST = 2;
/** `vectorIds` of `ops/generation/vector-rows.ts` reads so many at a time. */
const IDS_PER_PAGE = 50_000;
/** Looking at the schema, the fence, waiting for the index, a sample of it. */
const FIXED_REQUESTS = 80;
/** A deployment that makes the generations and one that binds them, and looks at the stack before, between and after (eight requests each). */
const STACK_REQUESTS = 210;
/** The deployments; those of the local platform have no engine to start. */
const DEPLOYMENTS_S = 15;
const LOCAL_DEPLOYMENTS_S = 8;

function requestsFor(bytes: number, per_request: number): number {
  return Math.ceil(bytes / per_request);
}
