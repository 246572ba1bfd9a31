-- Inbound sources: an inbound webhook may make events of what is posted. Its settings, and a log of the posts without their content.

ALTER TYPE "inbound_target_type" ADD VALUE IF NOT EXISTS 'EVENT';

CREATE TYPE "inbound_verification" AS ENUM ('NONE', 'STANDARD_WEBHOOKS', 'GITHUB', 'STRIPE', 'SHOPIFY', 'SLACK', 'HMAC');
CREATE TYPE "inbound_outcome" AS ENUM ('ACCEPTED', 'DUPLICATE', 'SKIPPED', 'CHALLENGE', 'REFUSED');

ALTER TABLE "inbound_webhook"
  ALTER COLUMN "goal_id" DROP NOT NULL,
  -- A template such as github.{header:x-github-event}.
  ADD COLUMN "event_type" TEXT,
  ADD COLUMN "verification" "inbound_verification" NOT NULL DEFAULT 'NONE',
  ADD COLUMN "secret_ciphertext" TEXT,
  ADD COLUMN "secret_last_four" TEXT,
  -- Of HMAC alone.
  ADD COLUMN "signature_header" TEXT,
  ADD COLUMN "signature_encoding" "hmac_encoding" NOT NULL DEFAULT 'HEX',
  ADD COLUMN "transformation" TEXT,
  ADD COLUMN "dedupe_header" TEXT,
  ADD COLUMN "dedupe_path" TEXT,
  ADD COLUMN "accepted_count" BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN "duplicate_count" BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN "refused_count" BIGINT NOT NULL DEFAULT 0,
  -- One that makes events has their type and no goal. By the text: a value that is new in this transaction cannot be used in it.
  ADD CONSTRAINT "inbound_webhook_target_check" CHECK (("target_type"::text = 'EVENT') = ("event_type" IS NOT NULL)
    AND ("event_type" IS NULL OR "goal_id" IS NULL));

CREATE TABLE "inbound_post" (
  "organization_id" UUID NOT NULL,
  "id" UUID NOT NULL,
  "inbound_webhook_id" UUID NOT NULL,
  "received_at" TIMESTAMPTZ(6) NOT NULL,
  "outcome" "inbound_outcome" NOT NULL,
  -- Of the answer.
  "status" INTEGER NOT NULL,
  -- Why it was refused, for the owner: never what was posted.
  "reason" TEXT,
  "event_id" UUID,
  CONSTRAINT "inbound_post_pkey" PRIMARY KEY ("organization_id", "id"),
  CONSTRAINT "inbound_post_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT "inbound_post_inbound_webhook_id_fkey" FOREIGN KEY ("inbound_webhook_id") REFERENCES "inbound_webhook"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "inbound_post_inbound_webhook_id_id_idx" ON "inbound_post" ("inbound_webhook_id", "id");
CREATE INDEX "inbound_post_received_at_idx" ON "inbound_post" ("received_at");
