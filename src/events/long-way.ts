/** Step by step in a transaction: calls whose keys were used before, calls too large for one statement, a caller's own transaction. */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Catalog, Catalogs } from "../definitions/catalog.ts";
import { enqueue, type LaneTicket, type Match } from "../delivery/lane-enqueue.ts";
import type { Numbers } from "../delivery/numbers.ts";
import { claimAsSettled, claimsOf, settleKeys, type Taken } from "./call-keys.ts";
import { claimId, giveKeysBack, type KeptAnswer, type KeyClaim, keepAnswers, takeKeys } from "./idempotency.ts";
import type { EventInput, IncomingEvent, IngestCall } from "./input.ts";
import { type Matched, match, matchAnew, wholeOf } from "./matched.ts";
import { writeEvents } from "./write.ts";

/** What one transaction came to. */
export interface Outcome<C extends IngestCall> {
  taken: Taken<C>[];
  refused: Map<C, unknown>;
  catalog: Catalog | undefined;
  tickets: LaneTicket[];
}

interface MatchedCall extends IngestCall {
  matched: Matched;
}

/** @throws NumbersNeeded before anything is locked but keys: begin anew */
export async function acceptLongWay<C extends MatchedCall>(
  core: Core,
  client: PoolClient,
  { catalogs, numbers }: { catalogs: Catalogs; numbers: Numbers },
  organizationId: string,
  calls: readonly C[],
): Promise<Outcome<C>> {
  const catalog = (await catalogs.of(client, [organizationId])).get(organizationId);
  const refused = new Map<C, unknown>();
  const current: { call: C; matched: Matched }[] = [];
  for (const call of calls) {
    try {
      const stands = call.matched.catalog === catalog;
      const matched = stands ? call.matched : await matchAnew(core, organizationId, call.inputs, call.matched, catalog);
      current.push({ call, matched });
    } catch (error) {
      refused.set(call, error);
    }
  }
  const taken = await takeAllKeys(client, current, refused);
  const acceptedAt = current[0]?.matched.acceptedAt ?? core.clock.now();
  const tickets = await write(
    core,
    client,
    numbers,
    taken.flatMap((t) => t.fresh),
    current.map(({ matched }) => matched),
    acceptedAt,
  );
  return { taken, refused, catalog, tickets };
}

/** Events that bring no keys, in the caller's transaction. */
export async function eventsOf(
  core: Core,
  client: PoolClient,
  numbers: Numbers,
  organizationId: string,
  inputs: readonly EventInput[],
  catalog: Catalog | undefined,
): Promise<LaneTicket[]> {
  const matched = await match(core, organizationId, inputs, catalog);
  return write(core, client, numbers, matched.events, [matched], matched.acceptedAt);
}

/** @param matched by one catalogue; what `events` are of */
async function write(
  core: Core,
  client: PoolClient,
  numbers: Numbers,
  events: readonly IncomingEvent[],
  matched: readonly Matched[],
  acceptedAt: Date,
): Promise<LaneTicket[]> {
  if (events.length === 0) return [];
  // Events first: should numbers be missing, no lane is locked yet.
  await writeEvents(client, events);
  const written = new Set<Match["event"]>(events);
  const found: Match[] = [];
  for (const each of matched) {
    const { matches = [] } = await wholeOf(core, each);
    for (const match of matches) if (written.has(match.event)) found.push(match);
  }
  return enqueue(client, found, acceptedAt, numbers);
}

/** Sorts out which events are new; a call that cannot be taken lands in `refused`, and the others go on. */
async function takeAllKeys<C extends MatchedCall>(
  client: PoolClient,
  drafts: readonly { call: C; matched: Matched }[],
  refused: Map<C, unknown>,
): Promise<Taken<C>[]> {
  const claims = new Map<string, KeyClaim>();
  for (const { call, matched } of drafts)
    for (const claim of claimsOf(call, matched.events)) claims.set(claimId(claim), claims.get(claimId(claim)) ?? claim);
  const known = claims.size > 0 ? await takeKeys(client, [...claims.values()]) : new Map<string, KeptAnswer>();
  const taken: Taken<C>[] = [];
  const undo: KeyClaim[] = [];
  const settled: KeyClaim[] = [];
  for (const { call, matched } of drafts) {
    const outcome = settleKeys(call, matched.events, claims, known);
    if (outcome instanceof Error) {
      refused.set(call, outcome);
      undo.push(
        ...claimsOf(call, matched.events).filter(
          (claim) => claims.get(claimId(claim))?.answer === claim.answer && !known.has(claimId(claim)),
        ),
      );
    } else {
      taken.push(outcome);
      const kept = claimAsSettled(outcome, matched.events);
      if (kept) settled.push(kept);
    }
  }
  await giveKeysBack(client, undo);
  await keepAnswers(client, settled);
  return taken;
}
