-- The index of before: other scripts are found no better than then.
DROP TRIGGER chunks_fts_words;
DROP TRIGGER chunks_fts_insert;
DROP TRIGGER chunks_fts_delete;
DROP TABLE chunks_fts;
DROP INDEX chunks_without_words;
ALTER TABLE chunks DROP COLUMN words;
CREATE VIRTUAL TABLE chunks_fts USING fts5 (
  tenant_term, title, heading, text,
  content = 'chunks', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild');
CREATE TRIGGER chunks_fts_insert AFTER INSERT ON chunks BEGIN
  INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text)
  VALUES (NEW.id, NEW.tenant_term, NEW.title, NEW.heading, NEW.text);
END;
CREATE TRIGGER chunks_fts_delete AFTER DELETE ON chunks BEGIN
  INSERT INTO chunks_fts (chunks_fts, rowid, tenant_term, title, heading, text)
  VALUES ('delete', OLD.id, OLD.tenant_term, OLD.title, OLD.heading, OLD.text);
END;
