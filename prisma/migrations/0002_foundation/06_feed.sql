-- The feed: a row holds the changes of one transaction. What 0.1 kept for three days is not carried over: cursors have an epoch now.
UPDATE "organization_counter" SET "feed_sequence" = "feed_sequence";
INSERT INTO "feed_head" ("organization_id", "sequence") SELECT "organization_id", "feed_sequence" FROM "organization_counter";
ALTER TABLE "organization_counter" DROP COLUMN "feed_sequence";
DROP TABLE "feed_entry";
DROP TYPE "feed_kind";
CREATE TABLE "feed_entry" (
    "organization_id" UUID NOT NULL,
    "sequence" BIGINT NOT NULL,
    "changes" INTEGER NOT NULL,
    "body" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "feed_entry_pkey" PRIMARY KEY ("organization_id", "sequence", "created_at")
) PARTITION BY RANGE ("created_at");

-- Numbers the organization's rows that wait: one sequencer at a time, whoever asks. Who saw another's commit drew later, so the
-- order of the draws is the order of commits wherever two transactions touched the same row; a foreign transaction that stays
-- open delays nothing. The partition key is the moment of numbering, so that a number's partition is never gone before it.
-- @returns the last number given out; null when another session is at it.
CREATE FUNCTION "sequence_feed"(organization UUID) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE last BIGINT;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM feed_unsequenced WHERE organization_id = organization) THEN
    RETURN (SELECT h.sequence FROM feed_head h WHERE h.organization_id = organization);
  END IF;
  IF NOT pg_try_advisory_xact_lock(hashtextextended('hookline.feed', 0) # hashtextextended(organization::text, 0)) THEN
    RETURN NULL;
  END IF;
  WITH waiting AS (
    DELETE FROM feed_unsequenced WHERE organization_id = organization RETURNING draw, changes, body, created_at
  ), numbered AS (
    SELECT w.*, h.sequence + sum(w.changes) OVER (ORDER BY w.draw) AS upto FROM waiting w, feed_head h WHERE h.organization_id = organization
  ), written AS (
    INSERT INTO feed_entry (organization_id, sequence, changes, body, created_at)
    SELECT organization, n.upto, n.changes, to_char(n.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || n.body, clock_timestamp() FROM numbered n
    RETURNING sequence
  )
  UPDATE feed_head h SET sequence = (SELECT max(w.sequence) FROM written w)
  WHERE h.organization_id = organization AND EXISTS (SELECT 1 FROM written) RETURNING h.sequence INTO last;
  RETURN COALESCE(last, (SELECT h.sequence FROM feed_head h WHERE h.organization_id = organization));
END $$;
