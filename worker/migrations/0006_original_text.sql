-- phase: expand
--
-- Where a chunk's `text` leaves out the data of data URIs (worker/rag/text/data-uris.ts), the text as it was written; NULL where
-- both are the same. It is part of the document and of no index.
ALTER TABLE chunks ADD COLUMN original TEXT;

DROP TRIGGER chunks_immutable;
CREATE TRIGGER chunks_immutable BEFORE UPDATE OF id, document_id, tenant_term, title, heading, text, original ON chunks BEGIN
  SELECT RAISE(ABORT, 'chunks are immutable: delete and insert instead');
END;
