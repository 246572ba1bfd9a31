-- What an organization may use at most; null is the installation's default.
CREATE TABLE "organization_quota" (
  "organization_id" UUID NOT NULL,
  "events_per_second" INTEGER,
  "definitions" INTEGER,
  "queued_requests" BIGINT,
  "stored_bytes" BIGINT,
  "subscriptions" INTEGER,
  CONSTRAINT "organization_quota_pkey" PRIMARY KEY ("organization_id"),
  CONSTRAINT "organization_quota_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
ALTER TABLE "api_token" ADD COLUMN "events_per_second" INTEGER;
-- A token bucket an organization, and one for each API token with a rate of its own. Processes tell it now and then what they
-- took, and never while an event waits: the row is changed a few times a second, whatever comes in.
CREATE TABLE "event_bucket" (
  "organization_id" UUID NOT NULL,
  "id" UUID NOT NULL,
  "rate" DOUBLE PRECISION NOT NULL,
  "level" DOUBLE PRECISION NOT NULL,
  "told_at" TIMESTAMPTZ(6) NOT NULL,
  CONSTRAINT "event_bucket_pkey" PRIMARY KEY ("organization_id", "id"),
  CONSTRAINT "event_bucket_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX "event_bucket_told_at_idx" ON "event_bucket"("told_at");
-- Bytes accepted, by the day; those of days that retention has passed no longer count.
CREATE TABLE "stored_day" (
  "organization_id" UUID NOT NULL,
  "day" DATE NOT NULL,
  "bytes" BIGINT NOT NULL,
  CONSTRAINT "stored_day_pkey" PRIMARY KEY ("organization_id", "day"),
  CONSTRAINT "stored_day_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX "stored_day_day_idx" ON "stored_day"("day");
-- Subscriptions that a process holds open; a process that died no longer tells, and counts for nothing soon after.
CREATE TABLE "subscription_count" (
  "organization_id" UUID NOT NULL,
  "process_id" UUID NOT NULL,
  "subscriptions" INTEGER NOT NULL,
  "told_at" TIMESTAMPTZ(6) NOT NULL,
  CONSTRAINT "subscription_count_pkey" PRIMARY KEY ("organization_id", "process_id"),
  CONSTRAINT "subscription_count_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX "subscription_count_told_at_idx" ON "subscription_count"("told_at");
