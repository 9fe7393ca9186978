-- phase: expand
--
-- The change log: which rows changed since a point, so that a backup copies 1 % of the rows for 1 % of changes.
--
-- A row names table and key; what changed is read from the table itself when the log is replayed. `idempotency`
-- is left out: it is a cache of answers that expires within a day.

CREATE TABLE change_log (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  table_name TEXT NOT NULL,
  -- JSON array of the primary key's values, in the key's column order.
  row_key TEXT NOT NULL
);

CREATE TRIGGER tenants_log_insert AFTER INSERT ON tenants BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('tenants', json_array(NEW.tenant));
END;
CREATE TRIGGER tenants_log_update AFTER UPDATE ON tenants BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('tenants', json_array(OLD.tenant));
  INSERT INTO change_log (table_name, row_key) SELECT 'tenants', json_array(NEW.tenant) WHERE json_array(NEW.tenant) <> json_array(OLD.tenant);
END;
CREATE TRIGGER tenants_log_delete AFTER DELETE ON tenants BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('tenants', json_array(OLD.tenant));
END;

CREATE TRIGGER documents_log_insert AFTER INSERT ON documents BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('documents', json_array(NEW.id));
END;
CREATE TRIGGER documents_log_update AFTER UPDATE ON documents BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('documents', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'documents', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER documents_log_delete AFTER DELETE ON documents BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('documents', json_array(OLD.id));
END;

CREATE TRIGGER packs_log_insert AFTER INSERT ON packs BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('packs', json_array(NEW.id));
END;
CREATE TRIGGER packs_log_update AFTER UPDATE ON packs BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('packs', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'packs', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER packs_log_delete AFTER DELETE ON packs BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('packs', json_array(OLD.id));
END;

CREATE TRIGGER chunks_log_insert AFTER INSERT ON chunks BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('chunks', json_array(NEW.id));
END;
CREATE TRIGGER chunks_log_update AFTER UPDATE ON chunks BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('chunks', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'chunks', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER chunks_log_delete AFTER DELETE ON chunks BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('chunks', json_array(OLD.id));
END;

CREATE TRIGGER vector_outbox_log_insert AFTER INSERT ON vector_outbox BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('vector_outbox', json_array(NEW.id));
END;
CREATE TRIGGER vector_outbox_log_update AFTER UPDATE ON vector_outbox BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('vector_outbox', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'vector_outbox', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER vector_outbox_log_delete AFTER DELETE ON vector_outbox BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('vector_outbox', json_array(OLD.id));
END;

CREATE TRIGGER jobs_log_insert AFTER INSERT ON jobs BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('jobs', json_array(NEW.id));
END;
CREATE TRIGGER jobs_log_update AFTER UPDATE ON jobs BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('jobs', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'jobs', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER jobs_log_delete AFTER DELETE ON jobs BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('jobs', json_array(OLD.id));
END;

CREATE TRIGGER job_parts_log_insert AFTER INSERT ON job_parts BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('job_parts', json_array(NEW.job_id, NEW.part));
END;
CREATE TRIGGER job_parts_log_update AFTER UPDATE ON job_parts BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('job_parts', json_array(OLD.job_id, OLD.part));
  INSERT INTO change_log (table_name, row_key) SELECT 'job_parts', json_array(NEW.job_id, NEW.part) WHERE json_array(NEW.job_id, NEW.part) <> json_array(OLD.job_id, OLD.part);
END;
CREATE TRIGGER job_parts_log_delete AFTER DELETE ON job_parts BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('job_parts', json_array(OLD.job_id, OLD.part));
END;

CREATE TRIGGER dead_letters_log_insert AFTER INSERT ON dead_letters BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('dead_letters', json_array(NEW.id));
END;
CREATE TRIGGER dead_letters_log_update AFTER UPDATE ON dead_letters BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('dead_letters', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'dead_letters', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER dead_letters_log_delete AFTER DELETE ON dead_letters BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('dead_letters', json_array(OLD.id));
END;

CREATE TRIGGER api_keys_log_insert AFTER INSERT ON api_keys BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('api_keys', json_array(NEW.id));
END;
CREATE TRIGGER api_keys_log_update AFTER UPDATE ON api_keys BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('api_keys', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'api_keys', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER api_keys_log_delete AFTER DELETE ON api_keys BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('api_keys', json_array(OLD.id));
END;

CREATE TRIGGER feedback_log_insert AFTER INSERT ON feedback BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('feedback', json_array(NEW.request_id, NEW.key_id));
END;
CREATE TRIGGER feedback_log_update AFTER UPDATE ON feedback BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('feedback', json_array(OLD.request_id, OLD.key_id));
  INSERT INTO change_log (table_name, row_key) SELECT 'feedback', json_array(NEW.request_id, NEW.key_id) WHERE json_array(NEW.request_id, NEW.key_id) <> json_array(OLD.request_id, OLD.key_id);
END;
CREATE TRIGGER feedback_log_delete AFTER DELETE ON feedback BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('feedback', json_array(OLD.request_id, OLD.key_id));
END;

CREATE TRIGGER sequences_log_insert AFTER INSERT ON sequences BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('sequences', json_array(NEW.name));
END;
CREATE TRIGGER sequences_log_update AFTER UPDATE ON sequences BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('sequences', json_array(OLD.name));
  INSERT INTO change_log (table_name, row_key) SELECT 'sequences', json_array(NEW.name) WHERE json_array(NEW.name) <> json_array(OLD.name);
END;
CREATE TRIGGER sequences_log_delete AFTER DELETE ON sequences BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('sequences', json_array(OLD.name));
END;
