-- The portal: sessions of an application's own people, which see that application alone. PORTAL_LINK is used up for one of PORTAL.
ALTER TYPE "session_kind" ADD VALUE IF NOT EXISTS 'PORTAL_LINK';
ALTER TYPE "session_kind" ADD VALUE IF NOT EXISTS 'PORTAL';
ALTER TABLE "session"
  ADD COLUMN "application_id" UUID,
  ADD COLUMN "read_only" BOOLEAN NOT NULL DEFAULT false,
  ADD CONSTRAINT "session_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "application"("id") ON DELETE CASCADE ON UPDATE CASCADE;
CREATE INDEX "session_application_id_idx" ON "session" ("application_id") WHERE "application_id" IS NOT NULL;
