-- How long an organization's log is kept, in days; null: as long as the installation keeps any (HOOKLINE_RETENTION_DAYS).
ALTER TABLE "organization" ADD COLUMN "retention_days" INTEGER
  CONSTRAINT "organization_retention_days_check" CHECK ("retention_days" >= 1);
