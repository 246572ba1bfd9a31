-- Attempts stand with their requests: the same partition, a key that finds them.
ALTER TABLE "attempt" RENAME TO "attempt_before";
ALTER TABLE "attempt_before" DROP CONSTRAINT "attempt_pkey";
DROP INDEX "attempt_request_id_number_key";
ALTER TABLE "attempt_before" DROP COLUMN "id";
-- A body that holds its event's payload is kept as what stands before it (request_body) and behind it (request_tail).
ALTER TABLE "attempt_before" ADD COLUMN "request_tail" TEXT, ADD COLUMN "rendering" TEXT, ADD COLUMN "rerendered" BOOLEAN NOT NULL DEFAULT false;
DO $$
DECLARE newest UUID;
BEGIN
  CREATE TABLE attempt (LIKE attempt_before INCLUDING DEFAULTS) PARTITION BY RANGE (request_id);
  ALTER TABLE attempt ADD CONSTRAINT attempt_pkey PRIMARY KEY (organization_id, request_id, number);
  -- Requests that 0.1 queued get their attempts after the upgrade: wherever those stand, these have a place.
  SELECT id INTO newest FROM webhook_request ORDER BY id DESC LIMIT 1;
  IF newest IS NULL THEN DROP TABLE attempt_before;
  ELSE
    EXECUTE format('ALTER TABLE attempt ATTACH PARTITION attempt_before FOR VALUES FROM (MINVALUE) TO (%L)',
      lowest_id(date_trunc('day', GREATEST(now(), time_of_id(newest)), 'UTC') + interval '1 day'));
  END IF;
END $$;
