-- Webhook requests: numbers of 64 bits, lists ordered by id, six indexes.
ALTER TABLE "webhook_request" RENAME TO "webhook_request_before";
ALTER TABLE "webhook_request_before" DROP CONSTRAINT "webhook_request_pkey";
DROP INDEX "webhook_request_definition_id_number_idx", "webhook_request_event_id_idx", "webhook_request_organization_id_event_type_number_idx",
  "webhook_request_organization_id_entity_id_number_idx", "webhook_request_organization_id_number_key", "webhook_request_failed_idx",
  "webhook_request_created_idx", "webhook_request_error_idx", "webhook_request_rule_idx";
INSERT INTO "number_block" ("organization_id", "from_number", "to_number", "first_id", "last_id")
  SELECT "organization_id", min("number"), max("number"), min("id"::text COLLATE "C")::uuid, max("id"::text COLLATE "C")::uuid
  FROM "webhook_request_before" GROUP BY "organization_id", ("number" - 1) / 10000;
ALTER TABLE "webhook_request_before" ALTER COLUMN "number" TYPE BIGINT;
-- A resend asked for a rendering by the definition as it then is.
ALTER TABLE "webhook_request_before" ADD COLUMN "rerender" BOOLEAN NOT NULL DEFAULT false;
CREATE TABLE "webhook_request" (LIKE "webhook_request_before" INCLUDING DEFAULTS) PARTITION BY RANGE ("id");
CREATE INDEX "webhook_request_definition_idx" ON "webhook_request" ("organization_id", "definition_id", "id");
CREATE INDEX "webhook_request_event_idx" ON "webhook_request" ("organization_id", "event_id");
CREATE INDEX "webhook_request_event_type_idx" ON "webhook_request" ("organization_id", "event_type", "id");
CREATE INDEX "webhook_request_entity_id_idx" ON "webhook_request" ("organization_id", "entity_id", "id");
-- Short, and asked for often. On "failed", not "state": a success then changes no index.
CREATE INDEX "webhook_request_failed_idx" ON "webhook_request" ("organization_id", "id") WHERE "failed";
-- The last: of indexes that look alike to the planner, as in a partition without statistics, it takes the one that was made last.
ALTER TABLE "webhook_request" ADD CONSTRAINT "webhook_request_pkey" PRIMARY KEY ("organization_id", "id");
DO $$
DECLARE newest UUID;
BEGIN
  SELECT id INTO newest FROM webhook_request_before ORDER BY id DESC LIMIT 1;
  IF newest IS NULL THEN DROP TABLE webhook_request_before;
  ELSE
    EXECUTE format('ALTER TABLE webhook_request ATTACH PARTITION webhook_request_before FOR VALUES FROM (MINVALUE) TO (%L)',
      lowest_id(date_trunc('day', GREATEST(now(), time_of_id(newest)), 'UTC') + interval '1 day'));
    ALTER TABLE webhook_request_before SET (fillfactor = 60);
  END IF;
END $$;
