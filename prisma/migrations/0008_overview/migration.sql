-- Roll-ups of whole organizations: definition zero. The overview adds up a row a minute instead of a row a minute and webhook.
WITH sums AS (
  SELECT "organization_id", "minute", sum("delivered")::int AS "delivered", sum("retried")::int AS "retried", sum("rejected")::int AS "rejected",
    max("last_attempt_at") AS "last_attempt_at"
  FROM "delivery_minute" WHERE "process" = '00000000-0000-0000-0000-000000000000' GROUP BY 1, 2
), places AS (
  SELECT m."organization_id", m."minute", u."place", sum(u."n")::int AS "n"
  FROM "delivery_minute" m CROSS JOIN LATERAL unnest(m."durations") WITH ORDINALITY AS u("n", "place")
  WHERE m."process" = '00000000-0000-0000-0000-000000000000' GROUP BY 1, 2, 3
), histograms AS (
  SELECT "organization_id", "minute", array_agg("n" ORDER BY "place") AS "durations" FROM places GROUP BY 1, 2
)
INSERT INTO "delivery_minute" ("organization_id", "definition_id", "minute", "process", "delivered", "retried", "rejected", "durations", "last_attempt_at")
SELECT s."organization_id", '00000000-0000-0000-0000-000000000000', s."minute", '00000000-0000-0000-0000-000000000000', s."delivered", s."retried", s."rejected",
  COALESCE(h."durations", ARRAY[]::INTEGER[]), s."last_attempt_at"
FROM sums s LEFT JOIN histograms h USING ("organization_id", "minute");
