/** doForms: a web service's notifications, which are the webhook requests of its definition. */
import type { Core } from "../core.ts";
import type { NotificationStatus } from "../wire/dialect.ts";

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

const SELECT = `
  SELECT r.id, r.organization_id AS "organizationId", r.notification_status AS status, r.notification_message AS message,
    r.created_at AS "createdAt", r.updated_at AS "updatedAt", r.event_type AS "eventType", e.payload
  FROM webhook_request r JOIN event e ON e.id = r.event_id
  WHERE r.organization_id = $1 AND r.definition_id = $2 AND r.notification_status IS NOT NULL`;

/** Undefined when it is unknown, or another web service's. */
export async function findNotification(core: Core, owner: Owner, id: string): Promise<Notification | undefined> {
  const { rows } = await core.db.pool.query<Notification>(`${SELECT} AND r.id = $3`, [owner.organizationId, owner.definitionId, id]);
  return rows[0];
}

/** Newest first. */
export async function listNotifications(
  core: Core,
  owner: Owner,
  { status, limit, skip }: { status: NotificationStatus | undefined; limit: number; skip: number },
): Promise<Notification[]> {
  const { rows } = await core.db.pool.query<Notification>(
    `${SELECT} AND ($3::notification_status IS NULL OR r.notification_status = $3) ORDER BY r.number DESC LIMIT $4 OFFSET $5`,
    [owner.organizationId, owner.definitionId, status ?? null, limit, skip],
  );
  return rows;
}
