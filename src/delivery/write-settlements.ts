/** Settlements and what follows from them, inside a transaction that holds the lanes' rows: requests, log, counts, feed. */
import type { PoolClient } from "../db/client.ts";
import { arrayLiteral, idRange, jsonOrNull } from "../db/values.ts";
import type { RequestChanged } from "./changes.ts";
import { addDuration } from "./durations.ts";
import { afterCallbacks } from "./lane-callback.ts";
import { type ChangesByOrganization, publish } from "./publish.ts";
import { cutHeaders, cutPayload } from "./sent-text.ts";
import type { AttemptRow, Settlement } from "./settlement.ts";
import { addDeliveries, countErrors } from "./sql/count-attempts.ts";
import { logAttempts } from "./sql/log-attempts.ts";
import { settleRequests } from "./sql/settle-requests.ts";
import { storable } from "./storable.ts";

const errorCodeOf = (s: Settlement) => (s.state === "DELIVERED" ? null : (s.attempt?.errorCode ?? null));
const errorDescriptionOf = (s: Settlement) => (s.state === "DELIVERED" ? null : (s.attempt?.errorDescription ?? null));
const attemptCountOf = (s: Settlement) => s.attempt?.number ?? s.request.attemptCount;

/** Of sql/settle-requests.ts. */
export function settleValues(settlements: readonly Settlement[], places: Places): unknown[] {
  const column = <T>(of: (s: Settlement) => T) => settlements.map(of);
  return [
    column((s) => s.request.organizationId),
    column((s) => s.request.id),
    column((s) => s.request.laneId || null),
    column((s) => s.request.position),
    column((s) => s.state),
    column(attemptCountOf),
    column((s) => s.tries),
    column((s) => s.waitMs),
    column(places.requeueAt),
    column((s) => s.blocks),
    column((s) => s.url),
    column((s) => s.authenticationCode),
    column((s) => arrayLiteral(s.fieldsSet)),
    column(errorCodeOf),
    column(errorDescriptionOf),
    column((s) => s.notificationStatus),
    column((s) => s.notificationMessage),
    column(places.isFree),
    ...idRange(column((s) => s.request.id)),
  ];
}

/** Of sql/log-attempts.ts. @returns undefined when nothing was called */
export function attemptValues(settlements: readonly Settlement[]): unknown[] | undefined {
  const made = settlements.flatMap((s) => (s.attempt ? [{ a: s.attempt, r: s.request }] : []));
  if (made.length === 0) return undefined;
  const column = <T>(of: (m: { a: AttemptRow; r: Settlement["request"] }) => T) => made.map(of);
  const bodies = column(({ a, r }) => cutPayload(a.requestBody, r.event));
  return [
    column(({ r }) => r.organizationId),
    column(({ r }) => r.id),
    column(({ a }) => a.number),
    column(({ a }) => a.outcome),
    column(({ a }) => a.manual),
    column(({ a }) => a.statusCode),
    column(({ a }) => a.durationMs),
    column(({ a }) => a.errorCode),
    column(({ a }) => a.errorDescription),
    column(({ a }) => a.warning),
    column(({ a }) => a.requestUrl),
    column(({ a, r }) => jsonOrNull(cutHeaders(a.requestHeaders, r.event))),
    bodies.map(([head]) => head),
    bodies.map(([, tail]) => tail),
    column(({ a }) => a.rendering),
    column(({ a }) => a.rerendered),
    column(({ a }) => jsonOrNull(a.responseHeaders)),
    column(({ a }) => a.responseBody),
    column(({ a }) => a.responseTruncated),
    column(({ a }) => a.startedAt),
  ];
}

interface Tally {
  organizationId: string;
  success: boolean;
  /** Failed attempts after the last success. */
  trailing: number;
  delivered: number;
  retried: number;
  rejected: number;
  durations: number[];
  lastError: string | null;
}

function talliesOf(settlements: readonly Settlement[]): [definitionId: string, tally: Tally][] {
  const tallies = new Map<string, Tally>();
  for (const { request, attempt, state, lastError } of settlements) {
    // What we gave up ourselves is no failure of the receiver.
    if (!attempt || request.isTest || attempt.outcome === "INTERRUPTED") continue;
    let tally = tallies.get(request.definitionId);
    if (!tally) {
      const { organizationId } = request;
      tally = { organizationId, success: false, trailing: 0, delivered: 0, retried: 0, rejected: 0, durations: [], lastError: null };
      tallies.set(request.definitionId, tally);
    }
    if (attempt.statusCode !== null) addDuration(tally.durations, attempt.durationMs);
    if (attempt.outcome === "DELIVERED") {
      tally.delivered += 1;
      tally.success = true;
      tally.trailing = 0;
    } else {
      if (state === "REJECTED") tally.rejected += 1;
      else tally.retried += 1;
      tally.trailing += 1;
      tally.lastError = lastError;
    }
  }
  return [...tallies].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Of sql/count-attempts.ts. @returns undefined when there is nothing to count */
export function countValues(
  settlements: readonly Settlement[],
  processId: string,
): { definitionIds: string[]; deliveries: unknown[]; errors: unknown[] } | undefined {
  const tallies = talliesOf(settlements);
  if (tallies.length === 0) return undefined;
  const definitionIds = tallies.map(([id]) => id);
  const column = <T>(of: (t: Tally) => T) => tallies.map(([, t]) => of(t));
  return {
    definitionIds,
    deliveries: [
      ...[processId, column((t) => t.organizationId), definitionIds, column((t) => t.delivered), column((t) => t.retried)],
      ...[column((t) => t.rejected), column((t) => `{${t.durations.join(",")}}`)],
    ],
    errors: [definitionIds, column((t) => t.success), column((t) => t.trailing), column((t) => t.lastError)],
  };
}

/** Only successes, and none failed before: the row was not touched. @returns failed attempts in a row per definition, now */
export function errorsInRow(
  definitionIds: readonly string[],
  changed: readonly { definition_id: string; consecutive_errors: number }[],
): Map<string, number> {
  const errors = new Map(definitionIds.map((id) => [id, 0]));
  for (const row of changed) errors.set(row.definition_id, row.consecutive_errors);
  return errors;
}

/** What the feed is told. */
export function settledChanges(settlements: readonly Settlement[]): ChangesByOrganization {
  const byOrganization = Map.groupBy(settlements, (s) => s.request.organizationId);
  return new Map([...byOrganization].map(([organizationId, group]) => [organizationId, group.map(changeOf)]));
}

const changeOf = (s: Settlement): RequestChanged => ({
  kind: "REQUEST",
  requestId: s.request.id,
  definitionId: s.request.definitionId,
  state: s.state,
  attemptCount: attemptCountOf(s),
  waitMs: s.waitMs,
  errorCode: errorCodeOf(s),
  errorDescription: errorDescriptionOf(s),
  url: s.url,
  notificationStatus: s.notificationStatus,
});

/** Where a settled request goes in its queue. */
export interface Places {
  requeueAt(settlement: Settlement): number | null;
  /** Whether its lane is ordered NONE. */
  isFree(settlement: Settlement): boolean;
}

export const OUTSIDE_LANES: Places = { requeueAt: () => null, isFree: () => false };

/**
 * Writes settlements and what follows from them; for steps of lanes, and for tests outside every lane.
 * @param processId whose roll-ups are added to
 * @param counted told how many failed in a row, before the feed is told
 */
export async function writeSettlements(
  client: PoolClient,
  given: readonly Settlement[],
  processId: string,
  places: Places = OUTSIDE_LANES,
  counted: (errors: Map<string, number>) => Promise<void> = async () => undefined,
): Promise<void> {
  const settlements = await afterCallbacks(client, given.map(storable));
  await settleRequests.rows(client, settleValues(settlements, places));
  const attempts = attemptValues(settlements);
  if (attempts) await logAttempts.count(client, attempts);
  const counts = countValues(settlements, processId);
  if (counts) await addDeliveries.count(client, counts.deliveries);
  await counted(counts ? errorsInRow(counts.definitionIds, await countErrors.rows(client, counts.errors)) : new Map());
  // Last, after every lock: see changes.ts.
  await publish(client, settledChanges(settlements));
}
