-- The event catalogue: examples, versions, deprecation, and payloads judged by their schemas where an organization asks for it.
-- enforce_event_types and this one together are OFF, NAMES or SCHEMAS.
ALTER TABLE "organization" ADD COLUMN "enforce_schemas" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "event_type"
  -- JSON, not JSONB: what is sent as a test has its numbers as they were written.
  ADD COLUMN "examples" JSON NOT NULL DEFAULT '[]',
  ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1,
  ADD COLUMN "deprecated" BOOLEAN NOT NULL DEFAULT false;
