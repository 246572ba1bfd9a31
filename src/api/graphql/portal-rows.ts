/** Which rows a portal's session may see: those of its application's definitions. One place for every noun. */
import { idRange } from "../../db/values.ts";
import { readEvents } from "../../requests/event.ts";
import { showLanes } from "../../requests/lanes.ts";
import { showRequests } from "../../requests/show.ts";
import { parseGlobalId } from "../../wire/ids.ts";
import { type Context, callerOf } from "./context.ts";
import { loader } from "./loader.ts";

type Row = { id?: string; definitionId?: string; applicationId?: string | null; eventId?: string };

async function ownDefinitions(context: Context, applicationId: string): Promise<ReadonlySet<string>> {
  const { organizationId } = callerOf(context);
  const { rows } = await context.doors.core.db
    .tenant(organizationId)
    .query<{ id: string }>("SELECT id FROM webhook_definition WHERE organization_id = $1 AND application_id = $2", [
      organizationId,
      applicationId,
    ]);
  return new Set(rows.map(({ id }) => id));
}

/** Longest belief, in milliseconds: a subscription stays open while definitions are moved. */
const FRESH_MS = 2_000;
const known = new WeakMap<Context, { since: number; ids: Promise<ReadonlySet<string>> }>();

async function isOwn(context: Context, applicationId: string, definitionId: string | undefined): Promise<boolean> {
  if (definitionId === undefined) return false;
  const since = context.doors.core.clock.monotonic();
  const before = known.get(context);
  if (before && since - before.since < FRESH_MS && (await before.ids).has(definitionId)) return true;
  // One that is not among them may have been made by this very operation.
  const ids = ownDefinitions(context, applicationId);
  known.set(context, { since, ids });
  return (await ids).has(definitionId);
}

/** What lists and subscriptions are narrowed to; of everybody else: nothing. */
export async function narrowing(context: Context): Promise<{ definitionIds?: string[] }> {
  const { portal } = callerOf(context);
  return portal ? { definitionIds: [...(await ownDefinitions(context, portal.applicationId))] } : {};
}

/** And the requests among them: not those of another application's events, from before a definition was moved here. */
export function ownEvents(context: Context): { eventApplicationId?: string } {
  const { portal } = callerOf(context);
  return portal ? { eventApplicationId: portal.applicationId } : {};
}

const applicationOfEvent = loader<string | null>(async (context, ids) => {
  const { organizationId } = callerOf(context);
  const { rows } = await context.doors.core.db
    .tenant(organizationId)
    .query<{ id: string; applicationId: string | null }>(
      `SELECT id, application_id AS "applicationId" FROM event WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND id >= $3 AND id <= $4`,
      [organizationId, ids, ...idRange(ids)],
    );
  return new Map(rows.map(({ id, applicationId }) => [id, applicationId]));
});

/** By type: every noun that a portal's session may come across has a row here. */
const SEEN: Record<string, (context: Context, row: Row, applicationId: string) => boolean | Promise<boolean>> = {
  Application: (_context, row, applicationId) => row.id === applicationId,
  Event: (_context, row, applicationId) => row.applicationId === applicationId,
  EventType: () => true,
  Lane: (context, row, applicationId) => isOwn(context, applicationId, row.definitionId),
  WebhookDefinition: (context, row, applicationId) => isOwn(context, applicationId, row.id),
  WebhookRequest: async (context, row, applicationId) =>
    row.eventId !== undefined &&
    (await isOwn(context, applicationId, row.definitionId)) &&
    (await applicationOfEvent(context, row.eventId)) === applicationId,
};

export const isNoun = (type: string): boolean => Object.hasOwn(SEEN, type);

/** Whether a row of that type may be seen; of a type that is no row here: not. */
export async function isSeen(context: Context, type: string, row: unknown): Promise<boolean> {
  const applicationId = callerOf(context).portal?.applicationId;
  if (applicationId === undefined) return true;
  return (await SEEN[type]?.(context, row as Row, applicationId)) ?? false;
}

/** Whether what a global id names may be seen; an unknown one is as a foreign one. */
export async function isSeenId(context: Context, id: string): Promise<boolean> {
  const parsed = parseGlobalId(id);
  if (!parsed) return false;
  const { organizationId } = callerOf(context);
  const { core } = context.doors;
  const read: Record<string, () => Promise<unknown>> = {
    Application: async () => ({ id: parsed.id }),
    Event: async () => (await readEvents(core.db, organizationId, [parsed.id]))[0],
    EventType: async () => ({ id: parsed.id }),
    Lane: async () => (await showLanes(core, organizationId, [parsed.id]))[0],
    WebhookDefinition: async () => ({ id: parsed.id }),
    WebhookRequest: async () => (await showRequests(core.db, organizationId, [parsed.id]))[0],
  };
  const row = await read[parsed.type]?.();
  return row !== undefined && row !== null && isSeen(context, parsed.type, row);
}
