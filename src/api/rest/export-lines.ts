/** A request and an event as a line of an export, with what belongs to them read for a page at once. */
import type { Caller } from "../../accounts/caller.ts";
import type { Database } from "../../db/client.ts";
import type { EventNode } from "../../requests/event.ts";
import { requestsOfEvent } from "../../requests/event-requests.ts";
import type { PageOf } from "../../requests/page.ts";
import type { RequestNode } from "../../requests/related.ts";
import { shownTarget } from "../../requests/shown.ts";
import { globalId } from "../../wire/ids.ts";
import { withoutFragment } from "../../wire/target.ts";
import type { Line } from "./lines.ts";

const timeOf = (at: Date | null): string | null => at?.toISOString() ?? null;
const LATEST: PageOf<number> = { limit: 1, fromBack: true, after: undefined, before: undefined };
/** Requests that an event's line names. */
const MOST_REQUESTS = 20;
const FIRST: PageOf<string> = { limit: MOST_REQUESTS, fromBack: true, after: undefined, before: undefined };

export const REQUEST_LINE = [
  ...["number", "id", "state", "eventType", "entity", "entityId", "webhook", "webhookDefinitionId", "eventId", "url", "attemptCount"],
  ...["statusCode", "durationMs", "errorCode", "errorDescription", "isTest", "createdAt", "nextAttemptAt", "settledAt"],
] as const;

export async function requestLine(caller: Caller, row: RequestNode): Promise<Line> {
  const [definition, attempts] = await Promise.all([row.definition(), row.attempts(LATEST)]);
  const latest = attempts.rows[0];
  const line: Record<(typeof REQUEST_LINE)[number], Line[string]> = {
    ...{ number: row.number, id: globalId("WebhookRequest", row.id), state: row.state, eventType: row.eventType },
    ...{ entity: row.entity, entityId: row.entityId, webhook: definition?.name ?? null },
    ...{ webhookDefinitionId: globalId("WebhookDefinition", row.definitionId), eventId: globalId("Event", row.eventId) },
    ...{ url: shownTarget(caller, row.url === null ? null : withoutFragment(row.url)), attemptCount: row.attemptCount },
    ...{ statusCode: latest?.statusCode ?? null, durationMs: latest?.durationMs ?? null, errorCode: row.errorCode },
    ...{ errorDescription: row.errorDescription, isTest: row.isTest, createdAt: timeOf(row.createdAt) },
    ...{ nextAttemptAt: row.state === "WAITING" ? timeOf(row.nextAttemptAt) : null, settledAt: timeOf(row.settledAt) },
  };
  return line;
}

export const EVENT_LINE = [
  ...["id", "type", "entity", "entityId", "applicationId", "actor", "source", "changes", "occurredAt", "createdAt", "requests"],
] as const;

export async function eventLine(db: Database, row: EventNode): Promise<Line> {
  const requests = await requestsOfEvent(db, row, FIRST);
  const line: Record<(typeof EVENT_LINE)[number], Line[string]> = {
    ...{ id: globalId("Event", row.id), type: row.type, entity: row.entity, entityId: row.entityId },
    ...{ applicationId: row.applicationId && globalId("Application", row.applicationId), actor: row.actor, source: row.source },
    ...{ changes: row.changes, occurredAt: timeOf(row.occurredAt), createdAt: timeOf(row.createdAt) },
    requests: requests.rows.map(({ number }) => number).sort((a, b) => a - b),
  };
  return line;
}
