/** What a process accepted and holds open, told in the background. */
import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** $1 organizations · $2 bytes of each · $3 the day */
export const addStored = statement({
  name: "add-stored-bytes",
  text: `INSERT INTO stored_day AS s (organization_id, day, bytes)
    SELECT w.organization_id, $3::date, w.bytes FROM ${rowsFrom("w", { organization_id: "$1::uuid[]", bytes: "$2::int8[]" })}
      CROSS JOIN (SELECT set_config('synchronous_commit', 'off', true)) AS fast
      WHERE EXISTS (SELECT 1 FROM organization o WHERE o.id = w.organization_id)
      ORDER BY w.organization_id
    ON CONFLICT (organization_id, day) DO UPDATE SET bytes = s.bytes + excluded.bytes`,
  row: {},
});

/** $1 this process · $2 organizations · $3 subscriptions of each */
export const tellSubscriptions = statement({
  name: "tell-subscriptions",
  text: `INSERT INTO subscription_count AS c (organization_id, process_id, subscriptions, told_at)
    SELECT w.organization_id, $1::uuid, w.subscriptions, now() FROM ${rowsFrom("w", { organization_id: "$2::uuid[]", subscriptions: "$3::int4[]" })}
      CROSS JOIN (SELECT set_config('synchronous_commit', 'off', true)) AS fast
      WHERE EXISTS (SELECT 1 FROM organization o WHERE o.id = w.organization_id)
      ORDER BY w.organization_id
    ON CONFLICT (organization_id, process_id) DO UPDATE SET subscriptions = excluded.subscriptions, told_at = excluded.told_at`,
  row: {},
});

/** $1 this process · $2 organizations: what the others hold open */
export const subscriptionsElsewhere = statement({
  name: "subscriptions-elsewhere",
  text: `SELECT c.organization_id AS "organizationId", sum(c.subscriptions)::int8 AS subscriptions FROM subscription_count c
    WHERE c.organization_id = ANY($2::uuid[]) AND c.process_id <> $1::uuid AND c.told_at > now() - interval '30 seconds'
    GROUP BY c.organization_id`,
  row: { organizationId: "uuid", subscriptions: "int8" },
});

/** $1 the first day that counts. What nobody needs any more. */
export const dropOldDays = statement({
  name: "drop-old-stored-days",
  text: `DELETE FROM stored_day s USING organization o
    WHERE o.id = s.organization_id AND s.day < GREATEST($1::date, (now() AT TIME ZONE 'UTC')::date - o.retention_days)`,
  row: {},
});
export const dropOldBuckets = statement({
  name: "drop-old-event-buckets",
  text: "DELETE FROM event_bucket WHERE told_at < now() - interval '1 hour'",
  row: {},
});
export const dropOldSubscriptions = statement({
  name: "drop-old-subscription-counts",
  text: "DELETE FROM subscription_count WHERE told_at < now() - interval '10 minutes'",
  row: {},
});
