-- W3C Trace Context of the call that brought an event, or of the event itself; null: there was none. Nullable and without a
-- default: no row is rewritten, partitions get the columns with their parent.
ALTER TABLE "event" ADD COLUMN "traceparent" TEXT, ADD COLUMN "tracestate" TEXT;
