/** Roll-ups of deliveries: everything that counts reads these rows, never the attempts themselves. */

import { statement } from "../../db/statement.ts";
import { ZERO_ID } from "../../db/values.ts";

/** Whose rows count for the totals already. */
export const FOLDED = ZERO_ID;

/** Whose rows are those of a whole organization; there are such of folded minutes alone. */
export const EVERY_DEFINITION = FOLDED;

const ROW = {
  definitionId: "uuid",
  minute: "timestamptz",
  delivered: "int4",
  retried: "int4",
  rejected: "int4",
  durations: "int4[]",
} as const;

/**
 * $1 organization · $2 since. Of the organization: a row per minute (ten after two hours, an hour after two days), and one per definition, minute
 * and process where nothing was folded yet. Of each definition: a row without a minute and without durations. One statement, so that both agree.
 */
export const readMinutes = statement({
  name: "read-delivery-minutes",
  text: `SELECT NULL::uuid AS "definitionId", m.minute, m.delivered::int8 AS delivered, m.retried::int8 AS retried, m.rejected::int8 AS rejected, m.durations
      FROM delivery_minute m WHERE m.organization_id = $1::uuid AND m.definition_id = '${EVERY_DEFINITION}' AND m.minute >= $2::timestamptz
    UNION ALL
    SELECT NULL, m.minute, m.delivered, m.retried, m.rejected, m.durations
      FROM delivery_minute m WHERE m.organization_id = $1::uuid AND m.process <> '${FOLDED}' AND m.minute >= $2::timestamptz
    UNION ALL
    SELECT m.definition_id, NULL, sum(m.delivered), sum(m.retried), sum(m.rejected), ARRAY[]::int4[]
      FROM delivery_minute m WHERE m.organization_id = $1::uuid AND m.definition_id <> '${EVERY_DEFINITION}' AND m.minute >= $2::timestamptz
     GROUP BY m.definition_id`,
  row: { definitionId: "uuid?", minute: "timestamptz?", delivered: "int8", retried: "int8", rejected: "int8", durations: "int4[]" },
});

/**
 * Of one definition: $1 organization · $2 since · $3 definition · a row per stretch and process. By definition and minute in one: with
 * `minute >= $2` by itself a session that planned it on an empty table went on reading the rows of the whole organization.
 */
export const readDefinitionMinutes = statement({
  name: "read-delivery-minutes-of-definition",
  text: `SELECT m.definition_id AS "definitionId", m.minute, m.delivered, m.retried, m.rejected, m.durations FROM delivery_minute m
    WHERE m.organization_id = $1::uuid AND m.definition_id = $3::uuid
      AND (m.definition_id, m.minute) >= ($3::uuid, $2::timestamptz) AND m.definition_id <> '${EVERY_DEFINITION}'`,
  row: ROW,
});

/** How often a definition called, ever: what was folded, and what was not yet. For statements over `FROM_TOTALS`. */
export const TOTALS = `(c.total_calls + COALESCE(m.calls, 0))::int8 AS "totalCalls", (c.total_errors + COALESCE(m.errors, 0))::int8 AS "totalErrors",
      GREATEST(c.last_attempt_at, m.last_attempt_at) AS "lastAttemptAt"`;
export const FROM_TOTALS = `FROM definition_counter c
    LEFT JOIN LATERAL (
      SELECT sum(m.delivered::int8 + m.retried + m.rejected) AS calls, sum(m.retried::int8 + m.rejected) AS errors, max(m.last_attempt_at) AS last_attempt_at
      FROM delivery_minute m WHERE m.organization_id = c.organization_id AND m.definition_id = c.definition_id AND m.process <> '${FOLDED}'
        AND m.minute > now() - interval '31 days') m ON true`;

/** $1 organization · $2 definitions */
export const readTotals = statement({
  name: "read-totals",
  text: `SELECT c.definition_id AS "definitionId", ${TOTALS} ${FROM_TOTALS}
    WHERE c.organization_id = $1::uuid AND c.definition_id = ANY($2::uuid[])`,
  row: { definitionId: "uuid", totalCalls: "int8", totalErrors: "int8", lastAttemptAt: "timestamptz?" },
});
