-- How much of one sender waits for one recipient is looked up at every send, by an index of its own. SQLite adds no
-- NOT NULL column without a default.
ALTER TABLE deliveries ADD COLUMN sender TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET sender = (SELECT sender FROM messages WHERE messages.seq = deliveries.seq);
CREATE INDEX deliveries_unread ON deliveries (recipient, sender) WHERE state = 'ready';
