-- phase: expand
--
-- An index that no statement reads: chunks are read again by a cursor in `sequences` (worker/store/chunk-words.ts). It says expand, for
-- the version before it goes on working: a contraction would wait for a second deployment, and stand in the way of a rollback.
DROP INDEX chunks_without_words;
