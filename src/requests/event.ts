/** Events as the log holds them. */
import type { Database } from "../db/client.ts";
import { batched } from "./batch.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";

export interface EventRow {
  /** UUID. */
  id: string;
  organizationId: string;
  type: string;
  entity: string | null;
  entityId: string | null;
  changes: string[];
  scope: Record<string, unknown> | null;
  actor: string | null;
  /** CloudEvents source, when it came as one. */
  source: string | null;
  occurredAt: Date;
  /** When it was accepted. */
  createdAt: Date;
}

export interface EventTexts {
  /** The payload's JSON text as it was sent. */
  payload: string;
  previous: string | null;
}

export interface EventNode extends EventRow {
  texts(): Promise<EventTexts>;
  /** Those it was read with, and what was read for all of them already (event-requests.ts). */
  readonly batch: { rows: readonly EventRow[]; pages: Map<string, unknown> };
}

const COLUMNS = `e.id, e.organization_id AS "organizationId", e.type, e.entity, e.entity_id AS "entityId", e.changes, e.scope, e.actor,
  e.source, e.occurred_at AS "occurredAt", e.created_at AS "createdAt"`;

/** Payloads of up to 1 MiB: so many at once and no more. */
const TEXT_SLICE = 25;
const NO_TEXTS: EventTexts = { payload: "null", previous: null };

async function readTexts(pool: Database["pool"], events: readonly EventRow[]): Promise<Map<EventRow, EventTexts>> {
  const { rows } = await pool.query<EventTexts & { id: string }>("SELECT id, payload, previous FROM event WHERE id = ANY($1::uuid[])", [
    events.map((e) => e.id),
  ]);
  const found = new Map(rows.map(({ id, ...texts }) => [id, texts]));
  return new Map(events.flatMap((e) => (found.has(e.id) ? [[e, found.get(e.id) as EventTexts]] : [])));
}

/** Makes nodes of events that were read together. */
export function eventNodes(db: Database, rows: readonly EventRow[]): EventNode[] {
  const texts = batched<EventRow, EventTexts>(rows, (slice) => readTexts(db.pool, slice), TEXT_SLICE);
  const batch: EventNode["batch"] = { rows, pages: new Map() };
  return rows.map((row) => Object.assign(row, { batch, texts: async () => (await texts(row)) ?? NO_TEXTS }));
}

export async function readEvents(db: Database, organizationId: string, ids: readonly string[]): Promise<EventNode[]> {
  const { rows } = await db.pool.query<EventRow>(`SELECT ${COLUMNS} FROM event e WHERE e.organization_id = $1 AND e.id = ANY($2::uuid[])`, [
    organizationId,
    ids,
  ]);
  return eventNodes(db, rows);
}

/** All events of an organization, newest first. Keyset by id: they sort by the time they were accepted. */
export async function listEvents(db: Database, organizationId: string, page: PageOf<string>): Promise<Slice<EventNode>> {
  const order = page.fromBack ? "ASC" : "DESC";
  const { rows } = await db.pool.query<EventRow>(
    `SELECT ${COLUMNS} FROM event e
      WHERE e.organization_id = $1 AND ($2::uuid IS NULL OR e.id < $2) AND ($3::uuid IS NULL OR e.id > $3)
      ORDER BY e.id ${order} LIMIT $4`,
    [organizationId, page.after ?? null, page.before ?? null, page.limit + 1],
  );
  return sliceOf(page, eventNodes(db, rows));
}

export async function countEvents(db: Database, organizationId: string): Promise<number> {
  const { rows } = await db.pool.query<{ count: number }>("SELECT count(*) AS count FROM event WHERE organization_id = $1", [
    organizationId,
  ]);
  return rows[0]?.count ?? 0;
}
