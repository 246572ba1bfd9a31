-- Alerts: what is told once an episode, however many processes look.
ALTER TABLE "organization" ADD COLUMN "alert_email" TEXT;
CREATE TABLE "alert" (
  "organization_id" UUID NOT NULL,
  -- As the event's type, without `hookline.`.
  "kind" TEXT NOT NULL,
  -- The definition or lane.
  "subject_id" UUID NOT NULL,
  -- What tells one episode from the next.
  "cause" TEXT NOT NULL,
  "began_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "alert_pkey" PRIMARY KEY ("organization_id", "kind", "subject_id"),
  CONSTRAINT "alert_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
