-- Since when a definition takes no events: what it missed is counted from here. `updated_at` moves with every later setting.
ALTER TABLE "webhook_definition" ADD COLUMN "stopped_at" TIMESTAMPTZ(6);
UPDATE "webhook_definition" SET "stopped_at" = "updated_at" WHERE "state" <> 'ACTIVE';

-- Stops come from people, faces, receivers that answer 410 and errors in a row: here none of them can forget it.
CREATE FUNCTION "tell_stopped_at"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.stopped_at := CASE WHEN NEW.state = 'ACTIVE' THEN NULL WHEN TG_OP = 'UPDATE' THEN coalesce(OLD.stopped_at, now()) ELSE now() END;
  RETURN NEW;
END $$;
CREATE TRIGGER "tell_stopped_at" BEFORE INSERT OR UPDATE OF "state" ON "webhook_definition"
  FOR EACH ROW EXECUTE FUNCTION "tell_stopped_at"();
