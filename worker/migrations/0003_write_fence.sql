-- phase: expand
--
-- The fence that a cut-over puts up (docs/decisions/0009-generations-and-the-write-fence.md): while its row is here and
-- `lifted_at_ms` is NULL, triggers that ops installs refuse every write; once lifted, the row stays until the writes that
-- were deferred meanwhile have been applied, so that the Worker keeps their order. No row: nothing is deferred anywhere.
CREATE TABLE write_fence (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  reason TEXT NOT NULL,
  installed_by TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  lifted_at_ms INTEGER
);
