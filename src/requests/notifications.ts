/** doForms: a web service's notifications, which are the webhook requests of its definition. */
import type { Core } from "../core.ts";
import type { NotificationStatus } from "../wire/dialect.ts";
import { shownPayload } from "../wire/dialects/doforms.ts";
import { readBodies } from "./budget.ts";
import { rangeOf } from "./id-range.ts";
import { readEventPayloads } from "./sql/read-events.ts";
import { findNotificationById, listNotificationsNewestFirst } from "./sql/read-notifications.ts";

export interface Notification {
  /** UUID of the request. */
  id: string;
  organizationId: string;
  status: NotificationStatus;
  message: string | null;
  createdAt: Date;
  updatedAt: Date;
  eventType: string;
  /** JSON text of the event; in a list, of what a notification shows of it. */
  payload: string;
}

/** Whose notifications: a web service without a target has none. */
export interface Owner {
  organizationId: string;
  definitionId: string | null;
}

/** Undefined when it is unknown, or another web service's. */
export async function findNotification(core: Core, owner: Owner, id: string): Promise<Notification | undefined> {
  const rows = await findNotificationById.rows(core.db.tenant(owner.organizationId), [owner.organizationId, owner.definitionId, id]);
  return rows[0] as Notification | undefined;
}

/** Payloads of up to 1 MiB: so many at once and no more. */
const SLICE = 25;

/** By event. Of a thousand payloads little is kept. */
async function shownPayloads(core: Core, organizationId: string, eventIds: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let from = 0; from < eventIds.length; from += SLICE) {
    const ids = eventIds.slice(from, from + SLICE);
    const load = async () => {
      const rows = await readEventPayloads.rows(core.db.tenant(organizationId), [organizationId, ids, ...rangeOf(ids)]);
      return rows.map(({ id, payload }) => ({ id, payload: shownPayload(payload) }));
    };
    for (const { id, payload } of await readBodies(load, (row) => row.payload.length)) found.set(id, payload);
  }
  return found;
}

/** Newest first; none whose event is gone. */
export async function listNotifications(
  core: Core,
  owner: Owner,
  { status, limit, skip }: { status: NotificationStatus | undefined; limit: number; skip: number },
): Promise<Notification[]> {
  const values = [owner.organizationId, owner.definitionId, status ?? null, limit, skip];
  const rows = await listNotificationsNewestFirst.rows(core.db.tenant(owner.organizationId), values);
  const payloads = await shownPayloads(core, owner.organizationId, [...new Set(rows.map((row) => row.eventId))]);
  return rows.flatMap(({ eventId, ...row }) => {
    const payload = payloads.get(eventId);
    return payload === undefined ? [] : [{ ...row, payload } as Notification];
  });
}
