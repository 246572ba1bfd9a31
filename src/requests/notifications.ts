/** doForms: a web service's notifications, which are the webhook requests of its definition. */
import type { Core } from "../core.ts";
import type { NotificationStatus } from "../wire/dialect.ts";
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
  /** JSON text of the event. */
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

/** Newest first. */
export async function listNotifications(
  core: Core,
  owner: Owner,
  { status, limit, skip }: { status: NotificationStatus | undefined; limit: number; skip: number },
): Promise<Notification[]> {
  const values = [owner.organizationId, owner.definitionId, status ?? null, limit, skip];
  return (await listNotificationsNewestFirst.rows(core.db.tenant(owner.organizationId), values)) as Notification[];
}
