/** Events and what they trigger, written inside a transaction. */
import type { PoolClient } from "../db/client.ts";
import { arrayLiteral, jsonOrNull } from "../db/values.ts";
import type { Catalog, CatalogDefinition } from "../definitions/catalog.ts";
import { KEY_SEPARATOR, type Match, ROWS } from "../delivery/lane-enqueue.ts";
import type { EventView } from "../wire/dialect.ts";
import type { IncomingEvent } from "./input.ts";
import { writeEvents as writeEventRows } from "./sql/write-events.ts";

/** Of sql/accept-events.ts. Where no event is of a trace, null stands for the whole column. */
export function eventColumns(events: readonly IncomingEvent[]): (unknown[] | null)[] {
  const column = <T>(of: (event: IncomingEvent) => T) => events.map(of);
  const traced = events.some(({ trace }) => trace);
  return [
    column((e) => e.id),
    column((e) => e.type),
    column((e) => e.entity),
    column((e) => e.entityId),
    column((e) => e.payload),
    column((e) => e.previous),
    column((e) => arrayLiteral(e.changes)),
    column((e) => jsonOrNull(e.scope)),
    column((e) => e.actor),
    column((e) => e.callerNumber ?? null),
    column((e) => e.source),
    column((e) => e.occurredAt),
    column((e) => e.applicationId),
    traced ? column((e) => e.trace?.traceparent ?? null) : null,
    traced ? column((e) => e.trace?.tracestate ?? null) : null,
  ];
}

/** Inside somebody's transaction, in statements of at most `ROWS` rows. */
export async function writeEvents(client: PoolClient, events: readonly IncomingEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += ROWS) {
    const part = events.slice(at, at + ROWS);
    const [ids, ...others] = eventColumns(part);
    await writeEventRows.count(client, [ids, part.map((e) => e.organizationId), ...others, part.map((e) => e.acceptedAt)]);
  }
}

/** A request per definition that wants it, in the order in which they are numbered; with a pause behind each filter (turns.ts). */
export function* matchesOf(event: IncomingEvent, catalog: Catalog | undefined): Generator<void, Match[], void> {
  const found = catalog ? yield* catalog.walk(event) : [];
  return found.flatMap(({ definitionId, workflowRuleId }) => {
    const definition = catalog?.definition(definitionId);
    return (definition && matchFor(event, definition, workflowRuleId)) ?? [];
  });
}

/** Undefined: the dialect sends nothing for it (doForms: a connection without a URL for this action). */
export function matchFor(event: EventView, definition: CatalogDefinition, workflowRuleId: string | null): Match | undefined {
  const url = definition.url(event);
  if (url === null && definition.targetType === "WEBHOOK") return undefined;
  const laneKey = definition.ordering === "KEY" ? `${event.entity ?? ""}${KEY_SEPARATOR}${event.entityId ?? ""}` : "";
  const { id: definitionId, dialect, fieldsSet, orderingEpoch: laneEpoch } = definition;
  return { event, definitionId, dialect, workflowRuleId, laneKey, laneEpoch, free: definition.ordering === "NONE", url, fieldsSet };
}
