/** Calls as the columns of one statement, and what becomes of them when it writes: none of their keys was used before. */
import type { Accepting } from "../delivery/lane-accept.ts";
import { claimAsSettled, claimsOf, settleKeys, type Taken } from "./call-keys.ts";
import { claimId, type KeptAnswer, type KeyClaim } from "./idempotency.ts";
import type { IngestCall } from "./input.ts";
import type { Matched } from "./matched.ts";
import { eventColumns } from "./write.ts";

interface MatchedCall extends IngestCall {
  matched: Matched;
}

const NONE_KNOWN: ReadonlyMap<string, KeptAnswer> = new Map();

/** @param calls share no keys, and fit one statement */
export function atOnceOf<C extends MatchedCall>(
  calls: readonly C[],
  acceptedAt: Date,
): { columns: Pick<Accepting, "keys" | "events" | "matches">; outcome: { taken: Taken<C>[]; refused: Map<C, unknown> } } {
  const claims = new Map<string, KeyClaim>();
  const taken: Taken<C>[] = [];
  const refused = new Map<C, unknown>();
  for (const call of calls) {
    const own = new Map<string, KeyClaim>();
    for (const claim of claimsOf(call, call.matched.events)) if (!own.has(claimId(claim))) own.set(claimId(claim), claim);
    const settled = settleKeys(call, call.matched.events, own, NONE_KNOWN);
    if (settled instanceof Error) {
      refused.set(call, settled);
      continue;
    }
    const kept = claimAsSettled(settled, call.matched.events);
    if (kept) own.set(claimId(kept), kept);
    for (const [id, claim] of own) claims.set(id, claim);
    taken.push(settled);
  }
  // In everybody's order: a key that is being taken is waited for.
  const keys = [...claims].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim);
  const column = <T>(of: (claim: KeyClaim) => T) => keys.map(of);
  const fresh = taken.flatMap((t) => t.fresh);
  const written = new Set(fresh);
  // As their rows say it: what is sent from memory is what is sent after a restart.
  for (const event of fresh) event.acceptedAt = acceptedAt;
  return {
    columns: {
      keys: [
        column((k) => k.space),
        column((k) => k.key),
        column((k) => Buffer.from(k.bodyHash)),
        column((k) => k.status),
        column((k) => k.answer),
      ],
      events: eventColumns(fresh),
      // An event whose key another of the same call has is written once.
      matches: taken
        .flatMap(({ call }) => call.matched.matches ?? [])
        .filter((match) => written.has(match.event as (typeof fresh)[number])),
    },
    outcome: { taken, refused },
  };
}
