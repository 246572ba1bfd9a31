/** Writes what the live feed reads, as deliveries do: rows under the request's lock, `publish` as the last statement. */
import { newId } from "../../src/clock.ts";
import type { Core } from "../../src/core.ts";
import type { PoolClient } from "../../src/db/client.ts";
import type { RequestChanged } from "../../src/delivery/changes.ts";
import { publish } from "../../src/delivery/publish.ts";
import type { RequestState } from "../../src/requests/row.ts";

export interface LoggedRequest {
  id: string;
  number: number;
  definitionId: string;
}

let numbers = 0;

export async function addDefinition(core: Core, organizationId: string, name = "Orders"): Promise<{ id: string }> {
  const id = newId();
  await core.db.unscoped.webhookDefinition.create({
    data: { id, organizationId, number: ++numbers, name, code: `code-${id}`, targetUrl: "https://shop.example/hooks" },
  });
  return { id };
}

const change = (request: LoggedRequest, state: RequestState, attemptCount: number, errorCode: string | null = null): RequestChanged => ({
  ...{ kind: "REQUEST", requestId: request.id, definitionId: request.definitionId, state, attemptCount, waitMs: null },
  ...{ errorCode, errorDescription: null, url: "https://shop.example/hooks", notificationStatus: null },
});

/** Requests of one transaction. */
export async function addRequests(
  core: Core,
  organizationId: string,
  definition: { id: string },
  count: number,
  eventType = "order.created",
): Promise<LoggedRequest[]> {
  const made = Array.from({ length: count }, () => ({ id: newId(), number: ++numbers, definitionId: definition.id }));
  await core.db.transaction(async (client) => {
    await client.query(
      `INSERT INTO webhook_request (organization_id, id, number, definition_id, event_id, dialect, event_type, url, state)
       SELECT $1, m.id, m.number, $2, m.id, 'STANDARD', $3, 'https://shop.example/hooks', 'PENDING'
         FROM unnest($4::uuid[], $5::int8[]) AS m(id, number)`,
      [organizationId, definition.id, eventType, made.map((m) => m.id), made.map((m) => m.number)],
    );
    await client.query(core.notify.statement("feed", [organizationId]));
    await publish(client, new Map([[organizationId, made.map((request) => change(request, "PENDING", 0))]]));
  });
  return made;
}

export async function addRequest(
  core: Core,
  organizationId: string,
  definition: { id: string },
  { eventType }: { eventType?: string } = {},
): Promise<LoggedRequest> {
  return (await addRequests(core, organizationId, definition, 1, eventType))[0] as LoggedRequest;
}

export interface Settled {
  request: LoggedRequest;
  state: RequestState;
  errorCode?: string;
}

/** One transaction: each counts an attempt, under the lock of its row. @param late runs before the commit */
export async function settle(
  core: Core,
  organizationId: string,
  changes: readonly Settled[],
  late?: (client: PoolClient) => Promise<unknown>,
): Promise<void> {
  await core.db.transaction(async (client) => {
    const told: RequestChanged[] = [];
    for (const { request, state, errorCode } of [...changes].sort((a, b) => (a.request.id < b.request.id ? -1 : 1))) {
      const { rows } = await client.query<{ n: number }>(
        `UPDATE webhook_request SET state = $3, attempt_count = attempt_count + 1, error_code = $4
          WHERE organization_id = $1 AND id = $2 RETURNING attempt_count AS n`,
        [organizationId, request.id, state, errorCode ?? null],
      );
      told.push(change(request, state, rows[0]?.n as number, errorCode));
    }
    await client.query(core.notify.statement("feed", [organizationId]));
    await publish(client, new Map([[organizationId, told]]));
    await late?.(client);
  });
}
