import { rowsFrom } from "../../db/values.ts";
import { definitionOf } from "../../delivery/sql/definition-of.ts";

/**
 * What hangs on something that is not there. There are no foreign keys between the hot tables, so these look. Each walks a
 * table along its key, a stretch at a time, and asks by keys: OFFSET 0 keeps the planner from joining whole tables.
 */

/** Columns of a key, with their types. */
type Key = readonly (readonly [column: string, type: "uuid" | "int4" | "int8"])[];

export interface Kind {
  /** Quoted already where it is a partition. */
  table: string;
  key: Key;
  /** SQL over a row `w`. */
  orphan: string;
}

/** A row to look at again, or where to go on. */
export interface Looked {
  key: string[];
  orphan: boolean;
  /** The last row of a full stretch. */
  last: boolean;
}

const FIRST = { uuid: "00000000-0000-0000-0000-000000000000", int4: "-2147483648", int8: "-9223372036854775808" };
export const firstKey = ({ key }: Kind): string[] => key.map(([, type]) => FIRST[type]);

const noRequest = (id: string) =>
  `NOT EXISTS (SELECT 1 FROM webhook_request r WHERE r.organization_id = w.organization_id AND r.id = w.${id} OFFSET 0)`;
const NO_EVENT = "NOT EXISTS (SELECT 1 FROM event v WHERE v.organization_id = w.organization_id AND v.id = w.event_id OFFSET 0)";
const NO_LANE = "NOT EXISTS (SELECT 1 FROM lane l WHERE l.organization_id = w.organization_id AND l.id = w.lane_id OFFSET 0)";
/** A lane of a deleted definition is emptied by a chore, and claimed by nobody. */
export const MISSES_DUE = `w.paused_at IS NULL AND w.blocked_request_id IS NULL AND (w.leased_until IS NULL OR w.leased_until <= now())
  AND NOT EXISTS (SELECT 1 FROM lane_due q WHERE q.organization_id = w.organization_id AND q.lane_id = w.id OFFSET 0)
  AND EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = w.organization_id AND e.lane_id = w.id AND e.position >= w.read_from OFFSET 0)
  AND EXISTS (SELECT 1 FROM ${definitionOf("w.definition_id")} d WHERE d.deleted_at IS NULL)`;

const ORGANIZATION = ["organization_id", "uuid"] as const;

export const ENTRIES: Kind = {
  table: "lane_entry",
  key: [ORGANIZATION, ["lane_id", "uuid"], ["position", "int8"]],
  orphan: noRequest("request_id"),
};
export const DUE: Kind = { table: "lane_due", key: [ORGANIZATION, ["lane_id", "uuid"]], orphan: NO_LANE };
export const LANES: Kind = { table: "lane", key: [ORGANIZATION, ["id", "uuid"]], orphan: MISSES_DUE };
export const attemptsOf = (table: string): Kind => ({
  table,
  key: [ORGANIZATION, ["request_id", "uuid"], ["number", "int4"]],
  orphan: noRequest("request_id"),
});
export const requestsOf = (table: string): Kind => ({ table, key: [ORGANIZATION, ["id", "uuid"]], orphan: NO_EVENT });

/** $1 how many rows · from $2 the key after which it goes on. @returns its orphans, and the last row of a full stretch */
export function lookAlong({ table, key, orphan }: Kind): string {
  const columns = key.map(([column]) => `w.${column}`).join(", ");
  const after = key.map(([, type], i) => `$${i + 2}::${type}`).join(", ");
  return `
  WITH stretch AS MATERIALIZED (SELECT w.* FROM ${table} w WHERE (${columns}) > (${after}) ORDER BY ${columns} LIMIT $1::int8),
  walked AS (SELECT w.*, row_number() OVER (ORDER BY ${columns}) = $1::int8 AS last FROM stretch w),
  judged AS (SELECT ARRAY[${key.map(([column]) => `w.${column}::text`).join(", ")}] AS key, ${orphan} AS orphan, w.last FROM walked w)
  SELECT key, orphan, last FROM judged WHERE orphan OR last ORDER BY last`;
}

/** From $1 one array for each column of the key: those that are orphans still. */
export function lookAgain({ table, key, orphan }: Kind): string {
  const names = key.map(([column]) => column);
  const arrays = Object.fromEntries(key.map(([column, type], i) => [column, `$${i + 1}::${type}[]`]));
  return `
  SELECT ARRAY[${names.map((name) => `w.${name}::text`).join(", ")}] AS key
  FROM ${rowsFrom("u", arrays)}
  CROSS JOIN LATERAL (SELECT w.* FROM ${table} w WHERE ${names.map((name) => `w.${name} = u.${name}`).join(" AND ")} OFFSET 0) w
  WHERE ${orphan}`;
}
