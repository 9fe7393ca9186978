-- Documents stay whole: what was left out is text again, and is found by its words.
DROP TRIGGER chunks_immutable;
UPDATE chunks SET text = original WHERE original IS NOT NULL;
ALTER TABLE chunks DROP COLUMN original;
INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild');
CREATE TRIGGER chunks_immutable BEFORE UPDATE OF id, document_id, tenant_term, title, heading, text ON chunks BEGIN
  SELECT RAISE(ABORT, 'chunks are immutable: delete and insert instead');
END;
