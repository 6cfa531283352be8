-- The words of messages, taken from `messages` itself. Indexed after the send, in batches, so that a send pays nothing.
CREATE VIRTUAL TABLE message_words USING fts5 (
    body, content = 'messages', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2'
);
-- How far indexing has come.
CREATE TABLE message_words_progress (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO message_words_progress VALUES (1, 0);

CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE state = 'done';
