-- Applications: an organization's own customers, each with definitions of its own.
CREATE TABLE "application" (
  "id" UUID NOT NULL,
  "organization_id" UUID NOT NULL,
  "uid" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "deleted_at" TIMESTAMPTZ(6),
  CONSTRAINT "application_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "application_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "application_uid_key" ON "application" ("organization_id", "uid") WHERE "deleted_at" IS NULL;

ALTER TABLE "webhook_definition" ADD COLUMN "application_id" UUID,
  ADD CONSTRAINT "webhook_definition_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "application"("id") ON DELETE SET NULL ON UPDATE CASCADE;
CREATE INDEX "webhook_definition_application_idx" ON "webhook_definition" ("application_id", "number") WHERE "application_id" IS NOT NULL;

-- Whose event it was, as the emitter said. No key: the log outlives what it names.
ALTER TABLE "event" ADD COLUMN "application_id" UUID;

-- Ingest finds applications in the catalogue that it keeps in memory; a name is nothing to it.
CREATE TRIGGER "bump_catalog" AFTER INSERT OR DELETE OR UPDATE OF "uid", "deleted_at" ON "application" FOR EACH ROW EXECUTE FUNCTION "bump_catalog"();
