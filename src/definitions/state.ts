/**
 * A definition's state and its changes. ACTIVE → *stop* → STOPPED → *activate* → ACTIVE; ACTIVE → *410 or too many errors
 * in a row* (the delivery core) → STOPPED or TOO_MANY_ERRORS → *activate* → ACTIVE; TOO_MANY_ERRORS → *stop* → STOPPED.
 * While it is not ACTIVE, what is queued is kept and new events are not taken.
 *
 * SuperOffice's receivers may subscribe to the changes themselves (`webhook12.started`, `.stopped`, `.errors`). Whoever
 * changes a state gets the changes back and emits `stateEvents` of them, once the transaction is committed.
 */
import { type Caller, demand } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { lockCounters, markGoOn } from "../delivery/lane-chores.ts";
import { NotFoundError, ValidationError } from "../errors.ts";
import type { DialectName } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { record } from "./record.ts";
import type { DefinitionRow, DefinitionState } from "./settings.ts";
import { columnsOf, rowOf } from "./sql.ts";

/** A real one: `before` and `after` differ. */
export interface StateChange {
  definitionId: string;
  number: number;
  name: string;
  dialect: DialectName;
  before: DefinitionState;
  after: DefinitionState;
}

/** In the form of ingest's EventInput. */
export interface StateEvent {
  type: string;
  entity: "webhook";
  /** The definition's number. */
  entityId: string;
  /** JSON text. */
  payload: string;
}

/** Where a dialect knows such events, in its words; the other dialects' changes are told live alone. */
export function stateEvents(changes: readonly StateChange[]): StateEvent[] {
  return changes.flatMap(({ dialect, before, after, number, name }) => {
    const event = before === after ? null : dialects[dialect].stateEvent({ number, name, state: after });
    return event ? [{ ...event, entity: "webhook" as const, entityId: String(number) }] : [];
  });
}

export interface StateResult {
  /** All that were named, in that order, as they are now. */
  definitions: DefinitionRow[];
  changes: StateChange[];
}

export const MAX_AT_ONCE = 100;

/**
 * What is queued goes on, in order, with the errors in a row at 0; a blocked lane goes on too, also of one that is ACTIVE.
 * @throws NotFoundError ValidationError ForbiddenError
 */
export function activateDefinitions(core: Core, caller: Caller, ids: readonly string[], also?: Also): Promise<StateResult> {
  return changeStates(core, caller, ids, "ACTIVE", also);
}

/** What else is written in the transaction that changes their state. */
export type Also = (client: PoolClient) => Promise<void>;

/** What is in flight ends; what is queued is kept. @throws NotFoundError ValidationError ForbiddenError */
export function stopDefinitions(core: Core, caller: Caller, ids: readonly string[]): Promise<StateResult> {
  return changeStates(core, caller, ids, "STOPPED");
}

async function changeStates(
  core: Core,
  caller: Caller,
  ids: readonly string[],
  state: "ACTIVE" | "STOPPED",
  also: Also = async () => undefined,
): Promise<StateResult> {
  demand(caller, "webhooks:write");
  if (ids.length === 0 || ids.length > MAX_AT_ONCE) {
    throw new ValidationError([{ path: "ids", message: `must be 1 to ${MAX_AT_ONCE} ids` }]);
  }
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const before = await client.query<{ id: string; state: DefinitionState }>(
      "SELECT id, state FROM webhook_definition WHERE organization_id = $1 AND deleted_at IS NULL AND id = ANY($2::uuid[])",
      [caller.organizationId, ids],
    );
    if (before.rows.length !== new Set(ids).size) throw new NotFoundError("a webhook definition");
    const others = before.rows.filter((row) => row.state !== state).map(({ id }) => id);
    const changes = await setState(core, client, caller, others, state, ids);
    if (state === "ACTIVE" && changes.length < ids.length) await client.query(core.notify.statement("definition", ids));
    await also(client);
    const { rows } = await client.query(
      `SELECT ${columnsOf("webhook_definition")} FROM webhook_definition WHERE organization_id = $1 AND id = ANY($2::uuid[])
       ORDER BY array_position($2::uuid[], id)`,
      [caller.organizationId, ids],
    );
    return { definitions: rows.map((row) => rowOf<DefinitionRow>(row)), changes };
  });
}

/**
 * Inside the caller's transaction, and before it touches the definitions: their counters are locked first, as everywhere.
 * @param ids of this organization's living definitions
 * @param goOn those whose lanes go on: a lane that stands blocked does also where its definition was ACTIVE all along
 * @returns those that really changed
 */
export async function setState(
  core: Core,
  client: PoolClient,
  caller: Caller,
  ids: readonly string[],
  state: DefinitionState,
  goOn: readonly string[] = ids,
): Promise<StateChange[]> {
  // However many lanes they have: a chore tells them, and a stop is asked for with every claim and every settlement.
  if (state === "ACTIVE" && goOn.length > 0) await markGoOn(client, caller.organizationId, goOn);
  if (ids.length === 0) return [];
  if (state !== "ACTIVE") await lockCounters(client, caller.organizationId, ids);
  // The former state is read in the same statement that locks the row: of two who stop it at once, one changed it.
  const { rows } = await client.query<StateChange>(
    `UPDATE webhook_definition d SET state = $3, state_reason = $4, updated_at = now(), updated_by_id = $5, updated_unit = $6
     FROM (SELECT id, state FROM webhook_definition WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND state <> $3 ORDER BY id FOR NO KEY UPDATE) was
     WHERE d.id = was.id RETURNING d.id AS "definitionId", d.number, d.name, d.dialect, was.state AS before, d.state AS after`,
    [
      caller.organizationId,
      ids,
      state,
      state === "ACTIVE" ? null : `${state === "STOPPED" ? "stopped" : "set to too many errors"} by hand`,
      caller.userId ?? null,
      caller.unit ?? null,
    ],
  );
  for (const { definitionId, before, after } of rows) {
    await record(core, client, caller, {
      action: after === "ACTIVE" ? "webhookDefinition.activate" : "webhookDefinition.stop",
      subjectType: "WebhookDefinition",
      subjectId: definitionId,
      before: { state: before },
      after: { state: after },
      definitionIds: [definitionId],
    });
  }
  return rows;
}
