-- A new instance takes away what the one before it let expire, without looking at everything its agent ever received.
CREATE INDEX deliveries_held ON deliveries (recipient) WHERE state IN ('ready', 'dead') AND instance IS NOT NULL;
