-- phase: expand
--
-- The audit log: a hash chain (worker/audit/chain.ts). Entries are added and never changed; `UNIQUE (prev_hash)` lets one of two
-- writers that race add the next entry, so that the chain cannot fork. What leaves the table lies in the audit bucket already:
-- `audit_anchors` names the archived segments, and only entries up to the last of them can be deleted.
CREATE TABLE audit_log (
  seq INTEGER NOT NULL PRIMARY KEY,
  prev_hash TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL,
  -- Of whoever reports: the same when the report is repeated.
  entry_id TEXT NOT NULL UNIQUE,
  at_ms INTEGER NOT NULL,
  chained_at_ms INTEGER NOT NULL,
  source TEXT NOT NULL,
  actor TEXT NOT NULL,
  key_id TEXT NOT NULL,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  subject TEXT NOT NULL,
  -- Canonical JSON.
  detail TEXT NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at_ms, seq);
CREATE INDEX audit_log_by_action ON audit_log (action, at_ms, seq);

CREATE TABLE audit_anchors (
  last_seq INTEGER NOT NULL PRIMARY KEY,
  first_seq INTEGER NOT NULL,
  last_hash TEXT NOT NULL,
  object_key TEXT NOT NULL,
  made_at_ms INTEGER NOT NULL
);

CREATE TRIGGER audit_log_unchanged BEFORE UPDATE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'audit entries are never changed');
END;
CREATE TRIGGER audit_log_kept BEFORE DELETE ON audit_log
WHEN OLD.seq > (SELECT COALESCE(MAX(last_seq), 0) FROM audit_anchors) BEGIN
  SELECT RAISE(ABORT, 'audit entries are kept until they are archived');
END;
CREATE TRIGGER audit_anchors_unchanged BEFORE UPDATE ON audit_anchors BEGIN
  SELECT RAISE(ABORT, 'audit anchors are never changed');
END;
CREATE TRIGGER audit_anchors_kept BEFORE DELETE ON audit_anchors BEGIN
  SELECT RAISE(ABORT, 'audit anchors are kept');
END;

CREATE TRIGGER audit_log_log_insert AFTER INSERT ON audit_log BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('audit_log', json_array(NEW.seq));
END;
CREATE TRIGGER audit_log_log_update AFTER UPDATE ON audit_log BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('audit_log', json_array(OLD.seq));
  INSERT INTO change_log (table_name, row_key) SELECT 'audit_log', json_array(NEW.seq) WHERE json_array(NEW.seq) <> json_array(OLD.seq);
END;
CREATE TRIGGER audit_log_log_delete AFTER DELETE ON audit_log BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('audit_log', json_array(OLD.seq));
END;
CREATE TRIGGER audit_anchors_log_insert AFTER INSERT ON audit_anchors BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('audit_anchors', json_array(NEW.last_seq));
END;
CREATE TRIGGER audit_anchors_log_update AFTER UPDATE ON audit_anchors BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('audit_anchors', json_array(OLD.last_seq));
  INSERT INTO change_log (table_name, row_key) SELECT 'audit_anchors', json_array(NEW.last_seq) WHERE json_array(NEW.last_seq) <> json_array(OLD.last_seq);
END;
CREATE TRIGGER audit_anchors_log_delete AFTER DELETE ON audit_anchors BEGIN
  INSERT INTO change_log (table_name, row_key) VALUES ('audit_anchors', json_array(OLD.last_seq));
END;
