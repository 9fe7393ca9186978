-- phase: expand
--
-- Proof of descent for incremental backups. A number of the change log is none: after a Time Travel back, new writes reach
-- the same numbers with other content. A backup leaves a random nonce here; the next one may continue from it only if it
-- is still there (docs/snapshot-format.md). Marks are few: a backup removes old ones.
CREATE TABLE backup_marks (
  id INTEGER NOT NULL PRIMARY KEY,
  nonce TEXT NOT NULL,
  made_at_ms INTEGER NOT NULL
);

CREATE TRIGGER backup_marks_log_insert AFTER INSERT ON backup_marks BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('backup_marks', json_array(NEW.id));
END;
CREATE TRIGGER backup_marks_log_update AFTER UPDATE ON backup_marks BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('backup_marks', json_array(OLD.id));
  INSERT INTO change_log (table_name, row_key) SELECT 'backup_marks', json_array(NEW.id) WHERE json_array(NEW.id) <> json_array(OLD.id);
END;
CREATE TRIGGER backup_marks_log_delete AFTER DELETE ON backup_marks BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('backup_marks', json_array(OLD.id));
END;
