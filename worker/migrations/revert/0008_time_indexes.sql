DROP INDEX job_parts_queued;
DROP INDEX feedback_by_creation;
