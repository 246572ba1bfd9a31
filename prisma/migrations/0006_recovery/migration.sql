-- Recovery: replays of what was rejected and of what was missed, at a rate, cancelled by hand; all deliveries of an organization paused.

CREATE TYPE "replay_kind" AS ENUM ('REJECTED', 'MISSED');
ALTER TYPE "replay_state" ADD VALUE IF NOT EXISTS 'CANCELLED';

ALTER TABLE "replay"
  ADD COLUMN "kind" "replay_kind" NOT NULL DEFAULT 'REJECTED',
  -- MISSED: the definition, and when its events were accepted, both ends included.
  ADD COLUMN "definition_id" UUID,
  ADD COLUMN "since" TIMESTAMPTZ(6),
  ADD COLUMN "until" TIMESTAMPTZ(6),
  ADD COLUMN "rate_per_second" INTEGER,
  ADD COLUMN "failed" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "finished_at" TIMESTAMPTZ(6),
  ADD CONSTRAINT "replay_missed_check" CHECK ("kind" <> 'MISSED' OR ("definition_id" IS NOT NULL AND "since" IS NOT NULL AND "until" IS NOT NULL));
UPDATE "replay" SET "finished_at" = "updated_at" WHERE "state" <> 'RUNNING';

-- What an event and a definition had to do with each other where the log does not say it at the event's own time: a request that a
-- MISSED replay made later, or one that somebody deleted. Its key keeps any number of replays from making a second request.
CREATE TABLE "recovered_event" (
  "organization_id" UUID NOT NULL,
  "event_id" UUID NOT NULL,
  "definition_id" UUID NOT NULL,
  -- Null: the request was deleted.
  "request_id" UUID,
  -- It was a test, whose event is nobody else's.
  "is_test" BOOLEAN NOT NULL DEFAULT false,
  CONSTRAINT "recovered_event_pkey" PRIMARY KEY ("organization_id", "event_id", "definition_id")
);
-- Retention asks for what is old, whoever's it is.
CREATE INDEX "recovered_event_event_id_idx" ON "recovered_event" ("event_id");

ALTER TABLE "organization" ADD COLUMN "deliveries_paused_at" TIMESTAMPTZ(6),
  -- It was resumed then, and its lanes have still to be set going (a chore, in batches).
  ADD COLUMN "deliveries_go_on_since" TIMESTAMPTZ(6);
