-- phase: expand
--
-- Words that FTS5's tokenizer cannot find by itself (worker/rag/text/index-words.ts): other scripts, compounds, names with
-- symbols. NULL in a chunk that a Worker from before this migration wrote: found as it was then, until the scheduled
-- task `reword-chunks` fills it in. The rebuild reads every chunk once.
ALTER TABLE chunks ADD COLUMN words TEXT;
CREATE INDEX chunks_without_words ON chunks (id) WHERE words IS NULL;

DROP TRIGGER chunks_fts_insert;
DROP TRIGGER chunks_fts_delete;
DROP TABLE chunks_fts;
CREATE VIRTUAL TABLE chunks_fts USING fts5 (
  tenant_term, title, heading, text, words,
  content = 'chunks', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild');
CREATE TRIGGER chunks_fts_insert AFTER INSERT ON chunks BEGIN
  INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text, words)
  VALUES (NEW.id, NEW.tenant_term, NEW.title, NEW.heading, NEW.text, NEW.words);
END;
CREATE TRIGGER chunks_fts_delete AFTER DELETE ON chunks BEGIN
  INSERT INTO chunks_fts (chunks_fts, rowid, tenant_term, title, heading, text, words)
  VALUES ('delete', OLD.id, OLD.tenant_term, OLD.title, OLD.heading, OLD.text, OLD.words);
END;
CREATE TRIGGER chunks_fts_words AFTER UPDATE OF words ON chunks BEGIN
  INSERT INTO chunks_fts (chunks_fts, rowid, tenant_term, title, heading, text, words)
  VALUES ('delete', OLD.id, OLD.tenant_term, OLD.title, OLD.heading, OLD.text, OLD.words);
  INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text, words)
  VALUES (NEW.id, NEW.tenant_term, NEW.title, NEW.heading, NEW.text, NEW.words);
END;
