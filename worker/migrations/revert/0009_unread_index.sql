CREATE INDEX chunks_without_words ON chunks (id) WHERE words IS NULL;
