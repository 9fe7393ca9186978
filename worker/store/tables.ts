/** The tables that the migrations make, but for what SQLite and D1 keep for themselves. */
export const TABLES = [
  "api_keys",
  "backup_marks",
  "change_log",
  "chunks",
  "chunks_fts",
  "dead_letters",
  "documents",
  "feedback",
  "idempotency",
  "job_parts",
  "jobs",
  "packs",
  "sequences",
  "tenants",
  "vector_outbox",
  "write_fence",
] as const;
