-- Replays walk by id; and the partitions of the coming days.
ALTER TABLE "replay" DROP COLUMN "last_number", DROP COLUMN "until_number",
  ADD COLUMN "last_id" UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN "until_id" UUID NOT NULL DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff';
SELECT make_partitions(now() + interval '8 days', 1440);
