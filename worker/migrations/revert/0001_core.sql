-- Takes every document with it: the way back to an empty database, for a rehearsal.
-- Children go before their parents; triggers and indexes go with their tables.
DROP TABLE idempotency;
DROP TABLE feedback;
DROP TABLE api_keys;
DROP TABLE dead_letters;
DROP TABLE job_parts;
DROP TABLE jobs;
DROP TABLE vector_outbox;
DROP TABLE chunks_fts;
DROP TABLE chunks;
DROP TABLE packs;
DROP TABLE documents;
DROP TABLE tenants;
DROP TABLE sequences;
