-- Lanes: ids that follow from definition and key, no state of the definition on them, the queue's key begins with its owner.
ALTER TABLE "lane" ADD COLUMN "epoch" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "free" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "read_from" BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN "idle_since" TIMESTAMPTZ(6);
UPDATE "lane" l SET "free" = true FROM "webhook_definition" d
  WHERE d."id" = l."definition_id" AND COALESCE(d."ordering"::text, CASE WHEN d."dialect" IN ('CRMCOM', 'DOFORMS', 'SUPEROFFICE') THEN 'NONE' END) = 'NONE';

ALTER TABLE "lane_entry" ADD COLUMN "organization_id" UUID;
UPDATE "lane_entry" e SET "organization_id" = l."organization_id", "lane_id" = lane_id(l."definition_id", 0, l."key"),
  -- A free lane is read by what is due: each of its entries has a time.
  "due_at" = CASE WHEN l."free" THEN COALESCE(e."due_at", '-infinity') ELSE e."due_at" END
  FROM "lane" l WHERE l."id" = e."lane_id";
DELETE FROM "lane_entry" WHERE "organization_id" IS NULL;
ALTER TABLE "lane_entry" ALTER COLUMN "organization_id" SET NOT NULL;
ALTER TABLE "lane_entry" DROP CONSTRAINT "lane_entry_pkey";
CREATE INDEX "lane_entry_due_idx" ON "lane_entry" ("organization_id", "lane_id", "due_at", "position") WHERE "due_at" IS NOT NULL;
-- Primary keys come last: of indexes that look alike to the planner, as in an empty table, it takes the one that was made last.
ALTER TABLE "lane_entry" ADD CONSTRAINT "lane_entry_pkey" PRIMARY KEY ("organization_id", "lane_id", "position");
ALTER TABLE "lane_entry" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Leases end with the stop of every process that this upgrade asks for; what was being sent is found by its state.
UPDATE "webhook_request" r SET "lane_id" = e."lane_id" FROM "lane_entry" e WHERE r."id" = e."request_id" AND r."lane_id" IS DISTINCT FROM e."lane_id";
ALTER TABLE "lane" DROP CONSTRAINT "lane_pkey";
DROP INDEX "lane_definition_id_key_key";
DROP INDEX "lane_organization_id_idx";
UPDATE "lane" SET "id" = lane_id("definition_id", 0, "key"), "lease_token" = COALESCE("lease_token", "id");
CREATE INDEX "lane_definition_id_id_idx" ON "lane" ("organization_id", "definition_id", "id");
CREATE INDEX "lane_idle_idx" ON "lane" ("idle_since") WHERE "idle_since" IS NOT NULL;
CREATE INDEX "lane_held_up_idx" ON "lane" ("organization_id", "definition_id", "id") WHERE "blocked_request_id" IS NOT NULL OR "paused_at" IS NOT NULL;
ALTER TABLE "lane" ADD CONSTRAINT "lane_pkey" PRIMARY KEY ("organization_id", "id");
ALTER TABLE "lane" DROP COLUMN "stopped_at";
ALTER TABLE "lane" ALTER COLUMN "id" DROP DEFAULT;

INSERT INTO "lane_due" ("organization_id", "lane_id", "definition_id", "due_at")
  SELECT l."organization_id", l."id", l."definition_id", GREATEST(l."leased_until", l."retry_at", now()) FROM "lane" l
  WHERE l."paused_at" IS NULL AND l."blocked_request_id" IS NULL
    AND EXISTS (SELECT 1 FROM "lane_entry" e WHERE e."organization_id" = l."organization_id" AND e."lane_id" = l."id");
UPDATE "lane" l SET "idle_since" = now() WHERE NOT EXISTS (SELECT 1 FROM "lane_entry" e WHERE e."organization_id" = l."organization_id" AND e."lane_id" = l."id");
