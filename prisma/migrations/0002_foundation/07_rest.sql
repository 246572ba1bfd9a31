-- Replays walk by id; and the partitions of the coming days.
ALTER TABLE "replay" DROP COLUMN "last_number", DROP COLUMN "until_number",
  ADD COLUMN "last_id" UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN "until_id" UUID NOT NULL DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff';
-- lz4 where this server was built with it: payloads and bodies that are large enough to be compressed cost less CPU. Partitions
-- that are made from here on inherit it.
DO $$
DECLARE large RECORD;
BEGIN
  IF EXISTS (SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
    FOR large IN SELECT * FROM (VALUES ('event', 'payload'), ('event', 'previous'), ('attempt', 'request_body'), ('attempt', 'response_body')) AS t(name, col) LOOP
      EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION lz4', large.name, large.col);
    END LOOP;
  END IF;
END $$;
SELECT make_partitions(now() + interval '8 days', 1440);
