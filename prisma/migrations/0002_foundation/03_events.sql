-- Events in partitions by the time in their ids. What 0.1 wrote becomes the first partition: nothing is copied.
ALTER TABLE "event" RENAME TO "event_before";
ALTER TABLE "event_before" DROP CONSTRAINT "event_pkey";
DROP INDEX "event_organization_id_id_idx";
CREATE TABLE "event" (LIKE "event_before" INCLUDING DEFAULTS) PARTITION BY RANGE ("id");
ALTER TABLE "event" ADD CONSTRAINT "event_pkey" PRIMARY KEY ("organization_id", "id");
DO $$
DECLARE newest UUID;
BEGIN
  SELECT id INTO newest FROM event_before ORDER BY id DESC LIMIT 1;
  IF newest IS NULL THEN DROP TABLE event_before;
  ELSE
    EXECUTE format('ALTER TABLE event ATTACH PARTITION event_before FOR VALUES FROM (MINVALUE) TO (%L)',
      lowest_id(date_trunc('day', GREATEST(now(), time_of_id(newest)), 'UTC') + interval '1 day'));
  END IF;
END $$;
