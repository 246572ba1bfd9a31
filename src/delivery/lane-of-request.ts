/**
 * The lane of a request, locked. A lane that was idle for a day is deleted, one of 0.1 had another id, and one of an earlier
 * ordering takes nothing more: a request that is sent again gets the lane where new requests of its kind go.
 */
import type { PoolClient } from "../db/client.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import type { DialectName, Ordering } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { KEY_SEPARATOR } from "./lane-enqueue.ts";
import { laneIdOf } from "./lane-id.ts";
import { takeLaneNumbers } from "./sql/take-lane-numbers.ts";

interface Found {
  lane_id: string | null;
  is_test: boolean;
  entity: string | null;
  entity_id: string | null;
  dialect: DialectName;
  definition_id: string;
  ordering: Ordering | null;
  ordering_epoch: number;
  /** Nothing of it waits in its lane, which is of an earlier ordering. */
  outlived: boolean;
}

const FOUND = `
  SELECT r.lane_id, r.is_test, r.entity, r.entity_id, d.dialect, r.definition_id, d.ordering, d.ordering_epoch,
    EXISTS (SELECT 1 FROM lane l WHERE l.organization_id = r.organization_id AND l.id = r.lane_id AND l.epoch < d.ordering_epoch)
    AND NOT EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = r.organization_id AND e.lane_id = r.lane_id
      AND e.position = r.position AND e.request_id = r.id) AS outlived
  FROM webhook_request r JOIN webhook_definition d ON d.id = r.definition_id WHERE r.organization_id = $1 AND r.id = $2`;

const LOCK = "SELECT id FROM lane WHERE organization_id = $1 AND id = $2 FOR UPDATE";

/**
 * Locks it, or makes it.
 * @throws NotFoundError no such request of this organization · ConflictError a test stands outside every lane
 */
export async function laneForRequest(client: PoolClient, organizationId: string, requestId: string): Promise<string> {
  const { rows } = await client.query<Found>(FOUND, [organizationId, requestId]);
  const found = rows[0];
  if (!found) throw new NotFoundError("the webhook request");
  if (found.is_test || found.lane_id === null)
    throw new ConflictError("a test stands outside every lane; send another test instead", "NOT_IN_A_LANE");
  // In the lane of before it would go out beside what the present ordering keeps apart.
  if (!found.outlived) {
    const locked = await client.query(LOCK, [organizationId, found.lane_id]);
    if (locked.rowCount === 1) return found.lane_id;
  }
  const ordering = found.ordering ?? dialects[found.dialect].defaults.ordering;
  const key = ordering === "KEY" ? `${found.entity ?? ""}${KEY_SEPARATOR}${found.entity_id ?? ""}` : "";
  const laneId = laneIdOf(found.definition_id, found.ordering_epoch, key);
  // No numbers are taken: the row comes into being above the floor, and is locked.
  await takeLaneNumbers.rows(client, [
    [organizationId],
    [laneId],
    [found.definition_id],
    [key],
    [found.ordering_epoch],
    [ordering === "NONE"],
    [0],
  ]);
  return laneId;
}
