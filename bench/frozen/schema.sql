-- The tables of migration 0001 (commit 357844b) that the baselines write, with every index and storage setting they had there.
CREATE TYPE "dialect" AS ENUM ('STANDARD', 'CRMCOM', 'DOFORMS', 'COTALKER', 'SUPEROFFICE');
CREATE TYPE "webhook_request_state" AS ENUM ('PENDING', 'SENDING', 'WAITING', 'DELIVERED', 'REJECTED', 'SKIPPED', 'CANCELLED');
CREATE TYPE "notification_status" AS ENUM ('NEW', 'RECEIVED', 'COMPLETED', 'FAILED');
CREATE TYPE "attempt_outcome" AS ENUM ('DELIVERED', 'REJECTED', 'TIMED_OUT', 'REFUSED', 'BLOCKED', 'INTERRUPTED');
CREATE TYPE "feed_kind" AS ENUM ('REQUEST', 'GOAL_VALUE');

CREATE TABLE "event" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "entity" TEXT,
    "entity_id" TEXT,
    "payload" TEXT NOT NULL,
    "previous" TEXT,
    "changes" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "scope" JSONB,
    "actor" TEXT,
    "caller_number" INTEGER,
    "source" TEXT,
    "occurred_at" TIMESTAMPTZ(6) NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "lane" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "definition_id" UUID NOT NULL,
    "key" TEXT NOT NULL DEFAULT '',
    "last_number" BIGINT NOT NULL DEFAULT 0,
    "last_position" BIGINT NOT NULL DEFAULT 0,
    "settled_number" BIGINT NOT NULL DEFAULT 0,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "lease_token" UUID,
    "leased_until" TIMESTAMPTZ(6),
    "retry_at" TIMESTAMPTZ(6),
    "blocked_reason" TEXT,
    "blocked_request_id" UUID,
    "paused_at" TIMESTAMPTZ(6),
    "stopped_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "lane_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "lane_entry" (
    "lane_id" UUID NOT NULL,
    "position" BIGINT NOT NULL,
    "request_id" UUID NOT NULL,
    "due_at" TIMESTAMPTZ(6),

    CONSTRAINT "lane_entry_pkey" PRIMARY KEY ("lane_id","position")
);

CREATE TABLE "webhook_request" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "definition_id" UUID NOT NULL,
    "event_id" UUID NOT NULL,
    "workflow_rule_id" UUID,
    "lane_id" UUID,
    "lane_number" BIGINT NOT NULL DEFAULT 0,
    "position" BIGINT NOT NULL DEFAULT 0,
    "state" "webhook_request_state" NOT NULL DEFAULT 'PENDING',
    "attempt_count" INTEGER NOT NULL DEFAULT 0,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "manual" BOOLEAN NOT NULL DEFAULT false,
    "next_attempt_at" TIMESTAMPTZ(6),
    "sending_at" TIMESTAMPTZ(6),
    "is_test" BOOLEAN NOT NULL DEFAULT false,
    "failed" BOOLEAN NOT NULL DEFAULT false,
    "dialect" "dialect" NOT NULL,
    "event_type" TEXT NOT NULL,
    "entity" TEXT,
    "entity_id" TEXT,
    "url" TEXT,
    "fields_set" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "authentication_code" TEXT,
    "error_code" TEXT,
    "error_description" TEXT,
    "notification_status" "notification_status",
    "notification_message" TEXT,
    "updated_by_id" UUID,
    "updated_unit" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(6),

    CONSTRAINT "webhook_request_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "attempt" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "request_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "outcome" "attempt_outcome" NOT NULL,
    "manual" BOOLEAN NOT NULL DEFAULT false,
    "status_code" INTEGER,
    "duration_ms" INTEGER NOT NULL,
    "error_code" TEXT,
    "error_description" TEXT,
    "warning" TEXT,
    "request_url" TEXT NOT NULL,
    "request_headers" JSONB,
    "request_body" TEXT,
    "response_headers" JSONB,
    "response_body" TEXT,
    "response_truncated" BOOLEAN NOT NULL DEFAULT false,
    "started_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "attempt_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "feed_entry" (
    "organization_id" UUID NOT NULL,
    "sequence" BIGINT NOT NULL,
    "kind" "feed_kind" NOT NULL,
    "subject_id" UUID NOT NULL,
    "topic_id" UUID NOT NULL,
    "state" "webhook_request_state",
    "attempt_count" INTEGER,
    "next_attempt_at" TIMESTAMPTZ(6),
    "settled_at" TIMESTAMPTZ(6),
    "error_code" TEXT,
    "error_description" TEXT,
    "url" TEXT,
    "notification_status" "notification_status",
    "snapshot" JSONB,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "feed_entry_pkey" PRIMARY KEY ("organization_id","sequence")
);

CREATE INDEX "event_organization_id_id_idx" ON "event"("organization_id", "id");
CREATE INDEX "lane_organization_id_idx" ON "lane"("organization_id");
CREATE UNIQUE INDEX "lane_definition_id_key_key" ON "lane"("definition_id", "key");
CREATE INDEX "webhook_request_definition_id_number_idx" ON "webhook_request"("definition_id", "number");
CREATE INDEX "webhook_request_event_id_idx" ON "webhook_request"("event_id");
CREATE INDEX "webhook_request_organization_id_event_type_number_idx" ON "webhook_request"("organization_id", "event_type", "number");
CREATE INDEX "webhook_request_organization_id_entity_id_number_idx" ON "webhook_request"("organization_id", "entity_id", "number");
CREATE UNIQUE INDEX "webhook_request_organization_id_number_key" ON "webhook_request"("organization_id", "number");
CREATE UNIQUE INDEX "attempt_request_id_number_key" ON "attempt"("request_id", "number");
CREATE INDEX "feed_entry_created_at_idx" ON "feed_entry" USING BRIN ("created_at");
CREATE INDEX "webhook_request_failed_idx" ON "webhook_request" ("organization_id", "number") WHERE "failed";
CREATE INDEX "webhook_request_created_idx" ON "webhook_request" USING BRIN ("created_at");
CREATE INDEX "webhook_request_error_idx" ON "webhook_request" ("organization_id", "error_code", "number") WHERE "error_code" IS NOT NULL;
CREATE INDEX "webhook_request_rule_idx" ON "webhook_request" ("workflow_rule_id", "number") WHERE "workflow_rule_id" IS NOT NULL;
ALTER TABLE "lane" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "webhook_request" SET (fillfactor = 80);
ALTER TABLE "lane" ADD CONSTRAINT "lane_numbers" CHECK ("settled_number" <= "last_number" AND "last_number" <= "last_position");
ALTER TABLE "event" ALTER COLUMN "changes" SET NOT NULL;
ALTER TABLE "webhook_request" ALTER COLUMN "fields_set" SET NOT NULL;
