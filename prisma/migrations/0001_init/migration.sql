-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "role" AS ENUM ('ADMIN', 'MEMBER', 'VIEWER');

-- CreateEnum
CREATE TYPE "feature" AS ENUM ('INBOUND_WEBHOOKS');

-- CreateEnum
CREATE TYPE "session_kind" AS ENUM ('BROWSER', 'COTALKER', 'CRMCOM', 'DOFORMS', 'SIGN_IN_LINK');

-- CreateEnum
CREATE TYPE "dialect" AS ENUM ('STANDARD', 'CRMCOM', 'DOFORMS', 'COTALKER', 'SUPEROFFICE');

-- CreateEnum
CREATE TYPE "webhook_definition_state" AS ENUM ('ACTIVE', 'STOPPED', 'TOO_MANY_ERRORS');

-- CreateEnum
CREATE TYPE "ordering" AS ENUM ('DEFINITION', 'KEY', 'NONE');

-- CreateEnum
CREATE TYPE "on_exhausted" AS ENUM ('SKIP', 'BLOCK', 'REQUEUE');

-- CreateEnum
CREATE TYPE "signature_version" AS ENUM ('V1', 'V1A');

-- CreateEnum
CREATE TYPE "hmac_algorithm" AS ENUM ('SHA256', 'SHA1');

-- CreateEnum
CREATE TYPE "hmac_encoding" AS ENUM ('HEX', 'BASE64');

-- CreateEnum
CREATE TYPE "target_type" AS ENUM ('WEBHOOK', 'CRMSCRIPT');

-- CreateEnum
CREATE TYPE "signing_secret_kind" AS ENUM ('STANDARD', 'TEXT', 'ED25519');

-- CreateEnum
CREATE TYPE "workflow_rule_state" AS ENUM ('ACTIVE', 'STOPPED');

-- CreateEnum
CREATE TYPE "priority" AS ENUM ('LOW', 'MEDIUM', 'HIGH');

-- CreateEnum
CREATE TYPE "webhook_request_state" AS ENUM ('PENDING', 'SENDING', 'WAITING', 'DELIVERED', 'REJECTED', 'SKIPPED', 'CANCELLED');

-- CreateEnum
CREATE TYPE "notification_status" AS ENUM ('NEW', 'RECEIVED', 'COMPLETED', 'FAILED');

-- CreateEnum
CREATE TYPE "attempt_outcome" AS ENUM ('DELIVERED', 'REJECTED', 'TIMED_OUT', 'REFUSED', 'BLOCKED', 'INTERRUPTED');

-- CreateEnum
CREATE TYPE "feed_kind" AS ENUM ('REQUEST', 'GOAL_VALUE');

-- CreateEnum
CREATE TYPE "replay_state" AS ENUM ('RUNNING', 'DONE', 'FAILED');

-- CreateEnum
CREATE TYPE "goal_direction" AS ENUM ('MAXIMIZE', 'MINIMIZE');

-- CreateEnum
CREATE TYPE "goal_status" AS ENUM ('RED', 'AMBER', 'GREEN');

-- CreateEnum
CREATE TYPE "inbound_target_type" AS ENUM ('GOAL');

-- CreateTable
CREATE TABLE "organization" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "features" "feature"[] DEFAULT ARRAY[]::"feature"[],
    "enforce_event_types" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organization_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "organization_counter" (
    "organization_id" UUID NOT NULL,
    "request_number" INTEGER NOT NULL DEFAULT 0,
    "feed_sequence" BIGINT NOT NULL DEFAULT 0,
    "definition_number" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "organization_counter_pkey" PRIMARY KEY ("organization_id")
);

-- CreateTable
CREATE TABLE "organization_catalog" (
    "organization_id" UUID NOT NULL,
    "version" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "organization_catalog_pkey" PRIMARY KEY ("organization_id")
);

-- CreateTable
CREATE TABLE "users" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "username" TEXT NOT NULL,
    "name" TEXT,
    "password_hash" TEXT,
    "role" "role" NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_token" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "role" "role" NOT NULL,
    "scopes" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "application" TEXT,
    "operator" BOOLEAN NOT NULL DEFAULT false,
    "expires_at" TIMESTAMPTZ(6),
    "last_used_at" TIMESTAMPTZ(6),
    "revoked_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "kind" "session_kind" NOT NULL,
    "hash" BYTEA NOT NULL,
    "user_id" UUID,
    "api_token_id" UUID,
    "web_service_id" UUID,
    "unit" TEXT,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,
    "revoked_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_entry" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "user_id" UUID,
    "token_prefix" TEXT,
    "address" TEXT,
    "action" TEXT NOT NULL,
    "subject_type" TEXT,
    "subject_id" UUID,
    "before" JSONB,
    "after" JSONB,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "event_type" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "schema" JSONB,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_type_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_definition" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "description" TEXT,
    "dialect" "dialect" NOT NULL DEFAULT 'STANDARD',
    "state" "webhook_definition_state" NOT NULL DEFAULT 'ACTIVE',
    "state_reason" TEXT,
    "event_types" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "filter" JSONB,
    "target_type" "target_type" NOT NULL DEFAULT 'WEBHOOK',
    "target_url" TEXT,
    "connection_id" UUID,
    "script_id" UUID,
    "headers" TEXT,
    "properties" JSONB,
    "ordering" "ordering",
    "concurrency" INTEGER,
    "on_exhausted" "on_exhausted",
    "retry_schedule" DOUBLE PRECISION[] DEFAULT ARRAY[]::DOUBLE PRECISION[],
    "retry_schedule_set" BOOLEAN NOT NULL DEFAULT false,
    "max_consecutive_errors" INTEGER,
    "max_consecutive_errors_set" BOOLEAN NOT NULL DEFAULT false,
    "timeout_ms" INTEGER,
    "signature_versions" "signature_version"[] DEFAULT ARRAY['V1']::"signature_version"[],
    "fields_set" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "secret_key_id" UUID,
    "hmac_algorithm" "hmac_algorithm" NOT NULL DEFAULT 'SHA256',
    "hmac_encoding" "hmac_encoding" NOT NULL DEFAULT 'HEX',
    "transformation" TEXT,
    "payload_query" TEXT,
    "errors_email" TEXT,
    "application" TEXT,
    "created_by_id" UUID,
    "updated_by_id" UUID,
    "created_unit" TEXT,
    "updated_unit" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "webhook_definition_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "definition_counter" (
    "definition_id" UUID NOT NULL,
    "consecutive_errors" INTEGER NOT NULL DEFAULT 0,
    "total_calls" BIGINT NOT NULL DEFAULT 0,
    "total_errors" BIGINT NOT NULL DEFAULT 0,
    "last_error" TEXT,
    "last_attempt_at" TIMESTAMPTZ(6),

    CONSTRAINT "definition_counter_pkey" PRIMARY KEY ("definition_id")
);

-- CreateTable
CREATE TABLE "signing_secret" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "definition_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "kind" "signing_secret_kind" NOT NULL,
    "ciphertext" TEXT NOT NULL,
    "last_four" TEXT NOT NULL,
    "public_key" TEXT,
    "expires_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "signing_secret_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "secret_key" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "ciphertext" TEXT NOT NULL,
    "last_four" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "secret_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "connection" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "url_added" TEXT,
    "url_edited" TEXT,
    "url_deleted" TEXT,
    "url_status" TEXT,
    "headers" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "connection_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "web_service" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "external_id" TEXT NOT NULL,
    "form" TEXT NOT NULL,
    "project" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "connection_id" UUID,
    "events" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "definition_id" UUID,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "web_service_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workflow_rule" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "description" TEXT,
    "entity" TEXT NOT NULL,
    "condition" JSONB,
    "priority" "priority" NOT NULL DEFAULT 'MEDIUM',
    "state" "workflow_rule_state" NOT NULL DEFAULT 'ACTIVE',
    "created_by_id" UUID,
    "updated_by_id" UUID,
    "created_unit" TEXT,
    "updated_unit" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "workflow_rule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workflow_rule_definition" (
    "rule_id" UUID NOT NULL,
    "definition_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,

    CONSTRAINT "workflow_rule_definition_pkey" PRIMARY KEY ("rule_id","definition_id")
);

-- CreateTable
CREATE TABLE "script" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "script_pkey" PRIMARY KEY ("id")
);

-- CreateTable
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

-- CreateTable
CREATE TABLE "idempotency_key" (
    "organization_id" UUID NOT NULL,
    "space" TEXT NOT NULL DEFAULT '',
    "key" TEXT NOT NULL,
    "body_hash" BYTEA NOT NULL,
    "status" INTEGER NOT NULL,
    "answer" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("organization_id","space","key")
);

-- CreateTable
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

-- CreateTable
CREATE TABLE "lane_entry" (
    "lane_id" UUID NOT NULL,
    "position" BIGINT NOT NULL,
    "request_id" UUID NOT NULL,
    "due_at" TIMESTAMPTZ(6),

    CONSTRAINT "lane_entry_pkey" PRIMARY KEY ("lane_id","position")
);

-- CreateTable
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

-- CreateTable
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

-- CreateTable
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

-- CreateTable
CREATE TABLE "replay" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "filter" JSONB NOT NULL,
    "total" INTEGER NOT NULL DEFAULT 0,
    "done" INTEGER NOT NULL DEFAULT 0,
    "state" "replay_state" NOT NULL DEFAULT 'RUNNING',
    "last_number" INTEGER NOT NULL DEFAULT 0,
    "until_number" INTEGER NOT NULL DEFAULT 0,
    "created_by_id" UUID,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "replay_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "goal" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "unit" TEXT,
    "direction" "goal_direction" NOT NULL,
    "good_threshold" DECIMAL(60,20),
    "bad_threshold" DECIMAL(60,20),
    "status" "goal_status",
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "goal_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "goal_value" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "goal_id" UUID NOT NULL,
    "date" DATE NOT NULL,
    "value" DECIMAL(60,20) NOT NULL,
    "good_threshold" DECIMAL(60,20),
    "bad_threshold" DECIMAL(60,20),
    "status" "goal_status",
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "goal_value_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "inbound_webhook" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "target_type" "inbound_target_type" NOT NULL DEFAULT 'GOAL',
    "goal_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "key_hash" BYTEA NOT NULL,
    "last_received_at" TIMESTAMPTZ(6),
    "last_errors" JSONB,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbound_webhook_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rate_bucket" (
    "key" TEXT NOT NULL,
    "count" INTEGER NOT NULL DEFAULT 0,
    "window_ends_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "rate_bucket_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE UNIQUE INDEX "users_number_key" ON "users"("number");

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE UNIQUE INDEX "users_username_key" ON "users"("username");

-- CreateIndex
CREATE INDEX "users_organization_id_idx" ON "users"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_token_hash_key" ON "api_token"("hash");

-- CreateIndex
CREATE INDEX "api_token_organization_id_idx" ON "api_token"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "session_hash_key" ON "session"("hash");

-- CreateIndex
CREATE INDEX "audit_entry_organization_id_id_idx" ON "audit_entry"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "event_type_organization_id_name_key" ON "event_type"("organization_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_definition_organization_id_number_key" ON "webhook_definition"("organization_id", "number");

-- CreateIndex
CREATE INDEX "signing_secret_definition_id_idx" ON "signing_secret"("definition_id");

-- CreateIndex
CREATE UNIQUE INDEX "secret_key_organization_id_name_key" ON "secret_key"("organization_id", "name");

-- CreateIndex
CREATE INDEX "connection_organization_id_idx" ON "connection"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "web_service_external_id_key" ON "web_service"("external_id");

-- CreateIndex
CREATE INDEX "web_service_organization_id_idx" ON "web_service"("organization_id");

-- CreateIndex
CREATE INDEX "web_service_definition_id_idx" ON "web_service"("definition_id");

-- CreateIndex
CREATE INDEX "workflow_rule_definition_definition_id_idx" ON "workflow_rule_definition"("definition_id");

-- CreateIndex
CREATE UNIQUE INDEX "script_organization_id_name_key" ON "script"("organization_id", "name");

-- CreateIndex
CREATE INDEX "event_organization_id_id_idx" ON "event"("organization_id", "id");

-- CreateIndex
CREATE INDEX "idempotency_key_created_at_idx" ON "idempotency_key"("created_at");

-- CreateIndex
CREATE INDEX "lane_organization_id_idx" ON "lane"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "lane_definition_id_key_key" ON "lane"("definition_id", "key");

-- CreateIndex
CREATE INDEX "webhook_request_definition_id_number_idx" ON "webhook_request"("definition_id", "number");

-- CreateIndex
CREATE INDEX "webhook_request_event_id_idx" ON "webhook_request"("event_id");

-- CreateIndex
CREATE INDEX "webhook_request_organization_id_event_type_number_idx" ON "webhook_request"("organization_id", "event_type", "number");

-- CreateIndex
CREATE INDEX "webhook_request_organization_id_entity_id_number_idx" ON "webhook_request"("organization_id", "entity_id", "number");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_request_organization_id_number_key" ON "webhook_request"("organization_id", "number");

-- CreateIndex
CREATE UNIQUE INDEX "attempt_request_id_number_key" ON "attempt"("request_id", "number");

-- CreateIndex
CREATE INDEX "feed_entry_created_at_idx" ON "feed_entry" USING BRIN ("created_at");

-- CreateIndex
CREATE INDEX "replay_organization_id_idx" ON "replay"("organization_id");

-- CreateIndex
CREATE INDEX "goal_organization_id_idx" ON "goal"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "goal_value_goal_id_date_key" ON "goal_value"("goal_id", "date");

-- CreateIndex
CREATE UNIQUE INDEX "inbound_webhook_key_hash_key" ON "inbound_webhook"("key_hash");

-- CreateIndex
CREATE INDEX "inbound_webhook_organization_id_idx" ON "inbound_webhook"("organization_id");

-- CreateIndex
CREATE INDEX "inbound_webhook_goal_id_idx" ON "inbound_webhook"("goal_id");

-- CreateIndex
CREATE INDEX "rate_bucket_window_ends_at_idx" ON "rate_bucket"("window_ends_at");

-- AddForeignKey
ALTER TABLE "organization_counter" ADD CONSTRAINT "organization_counter_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "organization_catalog" ADD CONSTRAINT "organization_catalog_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "users" ADD CONSTRAINT "users_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_api_token_id_fkey" FOREIGN KEY ("api_token_id") REFERENCES "api_token"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_web_service_id_fkey" FOREIGN KEY ("web_service_id") REFERENCES "web_service"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "event_type" ADD CONSTRAINT "event_type_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_definition" ADD CONSTRAINT "webhook_definition_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_definition" ADD CONSTRAINT "webhook_definition_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_definition" ADD CONSTRAINT "webhook_definition_script_id_fkey" FOREIGN KEY ("script_id") REFERENCES "script"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_definition" ADD CONSTRAINT "webhook_definition_secret_key_id_fkey" FOREIGN KEY ("secret_key_id") REFERENCES "secret_key"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "definition_counter" ADD CONSTRAINT "definition_counter_definition_id_fkey" FOREIGN KEY ("definition_id") REFERENCES "webhook_definition"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "signing_secret" ADD CONSTRAINT "signing_secret_definition_id_fkey" FOREIGN KEY ("definition_id") REFERENCES "webhook_definition"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "secret_key" ADD CONSTRAINT "secret_key_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "connection" ADD CONSTRAINT "connection_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "web_service" ADD CONSTRAINT "web_service_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "web_service" ADD CONSTRAINT "web_service_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "web_service" ADD CONSTRAINT "web_service_definition_id_fkey" FOREIGN KEY ("definition_id") REFERENCES "webhook_definition"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_rule" ADD CONSTRAINT "workflow_rule_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_rule_definition" ADD CONSTRAINT "workflow_rule_definition_rule_id_fkey" FOREIGN KEY ("rule_id") REFERENCES "workflow_rule"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workflow_rule_definition" ADD CONSTRAINT "workflow_rule_definition_definition_id_fkey" FOREIGN KEY ("definition_id") REFERENCES "webhook_definition"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "script" ADD CONSTRAINT "script_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "replay" ADD CONSTRAINT "replay_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "goal" ADD CONSTRAINT "goal_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "goal_value" ADD CONSTRAINT "goal_value_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "goal_value" ADD CONSTRAINT "goal_value_goal_id_fkey" FOREIGN KEY ("goal_id") REFERENCES "goal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "inbound_webhook" ADD CONSTRAINT "inbound_webhook_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "inbound_webhook" ADD CONSTRAINT "inbound_webhook_goal_id_fkey" FOREIGN KEY ("goal_id") REFERENCES "goal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- No foreign keys on the tables of the hot path (event, lane, webhook_request, attempt, lane_entry, feed_entry):
-- each costs a lookup and a row lock per insert, on rows that every writer shares. Who deletes there deletes what
-- hangs on it in the same statement.

-- ─── What Prisma cannot say ─────────────────────────────────────────────────

-- A definition's code and a rule's code are unique among the living (those of deleted ones are free again).
CREATE UNIQUE INDEX "webhook_definition_code_key" ON "webhook_definition" ("organization_id", "code") WHERE "deleted_at" IS NULL;
CREATE UNIQUE INDEX "workflow_rule_code_key" ON "workflow_rule" ("organization_id", "code") WHERE "deleted_at" IS NULL;
-- CRM.COM: the name too is unique among its own definitions.
CREATE UNIQUE INDEX "webhook_definition_crmcom_name_key" ON "webhook_definition" ("organization_id", "name") WHERE "deleted_at" IS NULL AND "dialect" = 'CRMCOM';

-- Lists of what failed are asked for often and are short. On "failed", not "state": a success then changes no index.
CREATE INDEX "webhook_request_failed_idx" ON "webhook_request" ("organization_id", "number") WHERE "failed";
CREATE INDEX "webhook_request_created_idx" ON "webhook_request" USING BRIN ("created_at");
-- Null for most requests, so these cost most of them nothing.
CREATE INDEX "webhook_request_error_idx" ON "webhook_request" ("organization_id", "error_code", "number") WHERE "error_code" IS NOT NULL;
CREATE INDEX "webhook_request_rule_idx" ON "webhook_request" ("workflow_rule_id", "number") WHERE "workflow_rule_id" IS NOT NULL;

-- Updated for every delivery: leave room on the page, so that the new version stays there (HOT).
ALTER TABLE "lane" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "webhook_request" SET (fillfactor = 80);
ALTER TABLE "organization_counter" SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "definition_counter" SET (fillfactor = 50);

ALTER TABLE "lane" ADD CONSTRAINT "lane_numbers" CHECK ("settled_number" <= "last_number" AND "last_number" <= "last_position");
ALTER TABLE "webhook_definition" ADD CONSTRAINT "webhook_definition_limits" CHECK ("timeout_ms" BETWEEN 100 AND 60000 AND "concurrency" BETWEEN 1 AND 100 AND cardinality("retry_schedule") <= 20);

-- What ingest matches against has a version per organization.
CREATE FUNCTION "bump_catalog"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE org uuid;
BEGIN
  IF TG_TABLE_NAME = 'workflow_rule_definition' THEN
    SELECT organization_id INTO org FROM workflow_rule WHERE id = COALESCE(NEW.rule_id, OLD.rule_id);
  ELSIF TG_TABLE_NAME = 'organization' THEN
    org := NEW.id;
  ELSE
    org := COALESCE(NEW.organization_id, OLD.organization_id);
  END IF;
  IF org IS NOT NULL AND EXISTS (SELECT 1 FROM organization WHERE id = org) THEN
    INSERT INTO organization_catalog (organization_id, version) VALUES (org, 1)
    ON CONFLICT (organization_id) DO UPDATE SET version = organization_catalog.version + 1;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "webhook_definition" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "signing_secret" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "secret_key" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "connection" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "web_service" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "workflow_rule" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "workflow_rule_definition" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "script" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE OR DELETE ON "event_type" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
CREATE TRIGGER "bump_catalog" AFTER INSERT OR UPDATE ON "organization" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();

-- Every organization has its counter from the first moment, every definition too.
CREATE FUNCTION "make_organization_counter"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO organization_counter (organization_id) VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER "make_counter" AFTER INSERT ON "organization" FOR EACH ROW EXECUTE FUNCTION "make_organization_counter"();
CREATE FUNCTION "make_definition_counter"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO definition_counter (definition_id) VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER "make_counter" AFTER INSERT ON "webhook_definition" FOR EACH ROW EXECUTE FUNCTION "make_definition_counter"();

-- The audit log is append-only.
CREATE FUNCTION "refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE TRIGGER "refuse_change" BEFORE UPDATE OR DELETE ON "audit_entry" FOR EACH ROW EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "refuse_truncate" BEFORE TRUNCATE ON "audit_entry" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();

-- A list is never unknown, at most empty.
ALTER TABLE "organization" ALTER COLUMN "features" SET NOT NULL;
ALTER TABLE "api_token" ALTER COLUMN "scopes" SET NOT NULL;
ALTER TABLE "webhook_definition" ALTER COLUMN "event_types" SET NOT NULL, ALTER COLUMN "retry_schedule" SET NOT NULL,
  ALTER COLUMN "signature_versions" SET NOT NULL, ALTER COLUMN "fields_set" SET NOT NULL;
ALTER TABLE "web_service" ALTER COLUMN "events" SET NOT NULL;
ALTER TABLE "event" ALTER COLUMN "changes" SET NOT NULL;
ALTER TABLE "webhook_request" ALTER COLUMN "fields_set" SET NOT NULL;
