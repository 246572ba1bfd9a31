-- Hidden values: sealed, bound to where they may go; only what is marked public is shown to everybody. `properties` in clear is
-- what an earlier version stored: the next start seals it.
ALTER TABLE "webhook_definition" ADD COLUMN "public_headers" TEXT[] NOT NULL DEFAULT '{}',
  ADD COLUMN "public_properties" TEXT[] NOT NULL DEFAULT '{}',
  ADD COLUMN "hidden_properties" TEXT,
  ADD COLUMN "warning" TEXT;
ALTER TABLE "connection" ADD COLUMN "public_headers" TEXT[] NOT NULL DEFAULT '{}', ADD COLUMN "warning" TEXT;

-- An organization that is being erased: the one mark by which its audit entries may go, and the job's progress.
CREATE TABLE "organization_erasure" (
    "organization_id" UUID NOT NULL,
    "total" BIGINT NOT NULL DEFAULT 0,
    "done" BIGINT NOT NULL DEFAULT 0,
    "started_at" TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
    "finished_at" TIMESTAMPTZ(6),
    CONSTRAINT "organization_erasure_pkey" PRIMARY KEY ("organization_id")
);

-- When its payload was erased: there is nothing left that could be sent.
ALTER TABLE "event" ADD COLUMN "erased_at" TIMESTAMPTZ(6);

-- Erasures of payloads, with progress: as replays walk, by the id of requests.
CREATE TYPE "erasure_state" AS ENUM ('RUNNING', 'DONE', 'FAILED');
CREATE TABLE "erasure" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "filter" JSONB NOT NULL,
    "cancel_queued" BOOLEAN NOT NULL DEFAULT false,
    "total" INTEGER NOT NULL DEFAULT 0,
    "erased" INTEGER NOT NULL DEFAULT 0,
    "left_out" INTEGER NOT NULL DEFAULT 0,
    "state" "erasure_state" NOT NULL DEFAULT 'RUNNING',
    "last_id" UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    "until_id" UUID NOT NULL,
    "created_by_id" UUID,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
    CONSTRAINT "erasure_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "erasure_organization_id_idx" ON "erasure" ("organization_id");
ALTER TABLE "erasure" ADD CONSTRAINT "erasure_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The audit log by what people ask it.
CREATE INDEX "audit_entry_action_idx" ON "audit_entry" ("organization_id", "action", "id");
CREATE INDEX "audit_entry_subject_idx" ON "audit_entry" ("organization_id", "subject_id", "id") WHERE "subject_id" IS NOT NULL;
CREATE INDEX "audit_entry_user_idx" ON "audit_entry" ("organization_id", "user_id", "id") WHERE "user_id" IS NOT NULL;

-- Append-only, but for the two functions below, which run as the owner of the table: the logins that serve are never that, so the
-- setting alone opens nothing to them.
CREATE OR REPLACE FUNCTION "refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'TRUNCATE' AND current_setting('hookline.erasing', true) = OLD.organization_id::text
     AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only';
END $$;

-- Deletes up to `most` audit entries of an organization that is marked as being erased; of any other none. How many it deleted.
CREATE FUNCTION "erase_audit"(org uuid, most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE gone integer; named record;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM organization_erasure WHERE organization_id = org AND finished_at IS NULL) THEN
    RAISE EXCEPTION 'this organization is not being erased' USING ERRCODE = '42501';
  END IF;
  PERFORM set_config('hookline.erasing', org::text, true);
  DELETE FROM audit_entry WHERE id IN (SELECT id FROM audit_entry WHERE organization_id = org ORDER BY id LIMIT most);
  GET DIAGNOSTICS gone = ROW_COUNT;
  -- What the operator's own log says about it keeps no name.
  FOR named IN SELECT id, organization_id FROM audit_entry
      WHERE subject_type = 'Organization' AND subject_id = org AND organization_id <> org AND (before ? 'name' OR after ? 'name') LOOP
    PERFORM set_config('hookline.erasing', named.organization_id::text, true);
    UPDATE audit_entry SET before = before - 'name', after = after - 'name' WHERE id = named.id;
  END LOOP;
  PERFORM set_config('hookline.erasing', '', true);
  RETURN gone;
END $$;

-- Takes what names a person out of the audit entries about and by a user who is deleted: who did what stays, as an id that names
-- nobody any more. Of a user who is there: nothing.
CREATE FUNCTION "erase_person"(org uuid, person uuid) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE changed integer;
BEGIN
  IF COALESCE(NULLIF(current_setting('hookline.organization_id', true), ''), org::text) <> org::text THEN
    RAISE EXCEPTION 'another organization' USING ERRCODE = '42501';
  END IF;
  IF EXISTS (SELECT 1 FROM users WHERE id = person) THEN
    RAISE EXCEPTION 'this user is not deleted' USING ERRCODE = '42501';
  END IF;
  PERFORM set_config('hookline.erasing', org::text, true);
  -- Their own address, and that of whoever tried to sign in as them; not that of whoever changed them.
  UPDATE audit_entry SET address = CASE WHEN user_id = person OR user_id IS NULL THEN NULL ELSE address END,
      before = CASE WHEN subject_id = person THEN before - '{email,name,username}'::text[] ELSE before END,
      after = CASE WHEN subject_id = person THEN after - '{email,name,username}'::text[] ELSE after END
    WHERE organization_id = org AND (user_id = person OR subject_id = person);
  GET DIAGNOSTICS changed = ROW_COUNT;
  PERFORM set_config('hookline.erasing', '', true);
  RETURN changed;
END $$;
