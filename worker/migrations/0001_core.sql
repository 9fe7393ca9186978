-- phase: expand
--
-- Documents, their chunks, and what confines them to a tenant.
--
-- Every table has an explicit key: implicit rowids do not survive an export, and backups and the change log
-- name rows by key. AUTOINCREMENT is not needed for chunks: ids are reserved from `sequences` and never reused,
-- so that a stale vector can never point at another chunk.

CREATE TABLE sequences (
  name TEXT NOT NULL PRIMARY KEY,
  next INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO sequences (name, next) VALUES ('documents', 1), ('chunks', 1);

-- index_version grows with every write of a tenant's documents: caches are keyed by it.
CREATE TABLE tenants (
  tenant TEXT NOT NULL PRIMARY KEY,
  index_version INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
  id INTEGER NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  external_id TEXT NOT NULL,
  title TEXT NOT NULL,
  url TEXT,
  format TEXT NOT NULL,
  metadata TEXT NOT NULL DEFAULT '{}',
  content_hash TEXT NOT NULL,
  -- The document's text is its chunks in this order; chunks themselves are immutable.
  chunk_ids TEXT NOT NULL,
  token_count INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  UNIQUE (tenant, external_id)
);

-- Two writers that read the same version: the second one aborts its whole batch and reads again.
CREATE TRIGGER documents_version_guard BEFORE UPDATE OF version ON documents
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'document version conflict');
END;

-- Immutable files of vectors in R2; a row is written only after its file.
CREATE TABLE packs (
  id INTEGER NOT NULL PRIMARY KEY,
  object_key TEXT NOT NULL UNIQUE,
  embedding_model TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  vector_count INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- When the daily collection first saw no chunk pointing here; NULL while one does.
  unreferenced_at_ms INTEGER
);

CREATE TABLE chunks (
  id INTEGER NOT NULL PRIMARY KEY,
  document_id INTEGER NOT NULL REFERENCES documents (id),
  tenant_term TEXT NOT NULL,
  title TEXT NOT NULL,
  heading TEXT NOT NULL,
  text TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  token_count INTEGER NOT NULL,
  -- NULL while the embedding is still owed (AI was down); vector_outbox remembers it.
  pack_id INTEGER REFERENCES packs (id),
  pack_slot INTEGER
);
CREATE INDEX chunks_by_document ON chunks (document_id);
CREATE INDEX chunks_by_pack ON chunks (pack_id);

CREATE VIRTUAL TABLE chunks_fts USING fts5 (
  tenant_term, title, heading, text,
  content = 'chunks', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunks_fts_insert AFTER INSERT ON chunks BEGIN
  INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text)
  VALUES (NEW.id, NEW.tenant_term, NEW.title, NEW.heading, NEW.text);
END;
CREATE TRIGGER chunks_fts_delete AFTER DELETE ON chunks BEGIN
  INSERT INTO chunks_fts (chunks_fts, rowid, tenant_term, title, heading, text)
  VALUES ('delete', OLD.id, OLD.tenant_term, OLD.title, OLD.heading, OLD.text);
END;
-- Chunks are immutable in what is searched; only the vector's place may be filled in later.
CREATE TRIGGER chunks_immutable BEFORE UPDATE OF id, document_id, tenant_term, title, heading, text ON chunks BEGIN
  SELECT RAISE(ABORT, 'chunks are immutable: delete and insert instead');
END;

-- What Vectorize still owes us. Written in the same batch as the chunks, removed once the mutation was accepted.
CREATE TABLE vector_outbox (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  upsert_chunk_ids TEXT NOT NULL,
  delete_chunk_ids TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Asynchronous ingestion: one job a batch request, one part a queue message.
CREATE TABLE jobs (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  document_count INTEGER NOT NULL,
  part_count INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE job_parts (
  job_id TEXT NOT NULL REFERENCES jobs (id),
  part INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'failed')),
  -- JSON {created, updated, unchanged, failed, errors: [{id, detail}]}
  outcome TEXT NOT NULL,
  finished_at_ms INTEGER,
  PRIMARY KEY (job_id, part)
) WITHOUT ROWID;
CREATE TABLE dead_letters (
  id TEXT NOT NULL PRIMARY KEY,
  queue TEXT NOT NULL,
  body TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  failed_at_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  tenant TEXT NOT NULL,
  -- HMAC-SHA-256 of the secret under KEY_PEPPER, hex.
  secret_hash TEXT NOT NULL,
  -- JSON array of scopes.
  scopes TEXT NOT NULL,
  rate_tier TEXT NOT NULL,
  daily_quota INTEGER,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX api_keys_by_creation ON api_keys (created_at_ms, id);

CREATE TABLE feedback (
  request_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
  comment TEXT,
  created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (request_id, key_id)
) WITHOUT ROWID;

-- Answers to POSTs that carried an Idempotency-Key; removed after a day.
CREATE TABLE idempotency (
  key_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (key_id, idempotency_key)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_creation ON idempotency (created_at_ms);
