/**
 * doForms: a receiver says later, by a call of its own, what became of a notification. Its word wins over the reply of a
 * call that is still under way, and ends retries that wait.
 *
 *   NEW ─ reply with a status, or a call back → COMPLETED | FAILED      NEW ─ empty reply → RECEIVED ─ call back → COMPLETED | FAILED
 *   NEW ─ 5xx, no answer → NEW, tried again → FAILED when the schedule ends      any other answer → FAILED      resend by hand → NEW
 */
import { audit } from "../accounts/audit.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import type { DialectName, NotificationStatus } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { publishRequest } from "./control.ts";
import { laneRef } from "./lane-id.ts";
import { touchLane } from "./lane-touch.ts";
import { finalStatuses } from "./sql/final-statuses.ts";

export type FinalStatus = "COMPLETED" | "FAILED";

const LOCK_LANE = `SELECT l.id FROM lane l JOIN webhook_request r ON r.organization_id = l.organization_id AND r.lane_id = l.id
  WHERE r.id = $1 AND r.organization_id = $2 FOR UPDATE OF l`;

/** A request that waits for a retry was received after all. One in flight is settled by its own answer. */
const CONFIRM = `
  UPDATE webhook_request SET notification_status = $2, notification_message = $3, updated_at = now(),
    state = CASE WHEN state = 'WAITING' THEN 'DELIVERED' ELSE state END,
    settled_at = CASE WHEN state = 'WAITING' THEN now() ELSE settled_at END,
    error_code = CASE WHEN state = 'WAITING' THEN NULL ELSE error_code END,
    error_description = CASE WHEN state = 'WAITING' THEN NULL ELSE error_description END, next_attempt_at = NULL
  WHERE id = $1 AND organization_id = $4`;

/**
 * Idempotent for the same status.
 * @throws ConflictError when it is final with the other status; NotFoundError
 */
export async function confirmNotification(
  core: Core,
  organizationId: string,
  requestId: string,
  status: FinalStatus,
  message: string | null,
): Promise<void> {
  await core.db.transaction(async (client) => {
    await client.query(LOCK_LANE, [requestId, organizationId]);
    const { rows } = await client.query<{
      state: string;
      notification: NotificationStatus | null;
      lane_id: string | null;
      position: number;
    }>(
      `SELECT state, notification_status AS notification, lane_id, position FROM webhook_request
       WHERE id = $1 AND organization_id = $2 FOR UPDATE`,
      [requestId, organizationId],
    );
    const request = rows[0];
    if (!request) throw new NotFoundError("the notification");
    if (request.notification === status) return;
    if (request.notification === "COMPLETED" || request.notification === "FAILED") {
      throw new ConflictError(`the notification is ${request.notification.toLowerCase()} already`, "NOTIFICATION_FINAL");
    }
    const subject = { type: "WebhookRequest", id: requestId };
    await audit(
      core,
      { organizationId, userId: undefined },
      "webhookRequest.confirm",
      subject,
      { status: request.notification },
      { status },
      client,
    );
    await client.query(CONFIRM, [requestId, status, message, organizationId]);
    if (request.state === "WAITING" && request.lane_id !== null) {
      await client.query("DELETE FROM lane_entry WHERE organization_id = $1 AND lane_id = $2 AND position = $3", [
        organizationId,
        request.lane_id,
        request.position,
      ]);
      await touchLane(client, organizationId, request.lane_id, requestId);
      await client.query(core.notify.statement("lane", [laneRef(organizationId, request.lane_id)]));
    }
    await publishRequest(client, organizationId, requestId);
    await client.query(core.notify.statement("feed", [organizationId]));
  });
}

/** As much of a settlement (lane-settle.ts) as a call back can change. */
interface Settling {
  request: { id: string; organizationId: string; dialect: DialectName };
  state: string;
  waitMs: number | null;
  requeue: boolean;
  notificationStatus: NotificationStatus | null;
  notificationMessage: string | null;
}

/**
 * What becomes of settlements whose receiver has called back meanwhile: its status stands, and there is no further try.
 * @param client holds the lanes' locks
 */
export async function afterCallbacks<S extends Settling>(client: PoolClient, settlements: readonly S[]): Promise<readonly S[]> {
  const asked = settlements.filter((s) => dialects[s.request.dialect].callsBack).map((s) => s.request);
  if (asked.length === 0) return settlements;
  const rows = await finalStatuses.rows(client, [asked.map((r) => r.organizationId), asked.map((r) => r.id)]);
  const final = new Map(rows.map((row) => [row.id, row.status as FinalStatus]));
  return settlements.map((settlement) => {
    const notificationStatus = final.get(settlement.request.id);
    if (notificationStatus === undefined) return settlement;
    const kept = { ...settlement, notificationStatus, notificationMessage: null };
    return settlement.state === "WAITING" ? { ...kept, state: "DELIVERED", waitMs: null, requeue: false } : kept;
  });
}
