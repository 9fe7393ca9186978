-- The next backup finds no mark to continue from and is a full one.
DROP TRIGGER backup_marks_log_insert;
DROP TRIGGER backup_marks_log_update;
DROP TRIGGER backup_marks_log_delete;
DROP TABLE backup_marks;
