-- phase: expand
--
-- What cron asks every five minutes read whole tables that grow: ratings of the last hours, and parts of jobs that still wait (jobs
-- are kept for 90 days, and a waiting part is rare).
CREATE INDEX feedback_by_creation ON feedback (created_at_ms, rating);
CREATE INDEX job_parts_queued ON job_parts (job_id, part) WHERE state = 'queued';
