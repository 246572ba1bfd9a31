/** What a call that a quota refuses was answered before, under its keys: a client that lost the answer learns it, whatever is used up since. */
import type { Core } from "../core.ts";
import { claimsOf, keysOf, settleKeys } from "./call-keys.ts";
import { claimId, type KeyClaim, knownKeys } from "./idempotency.ts";
import type { IncomingEvent, IngestCall, IngestResult } from "./input.ts";

/** Looks at once, of one organization and in all, as a part of the pool that ingest lives by. A call beyond them is refused without one: refusing must stay cheap. */
const OF_ONE = 2;
const OF_ALL = 1 / 4;

/** @returns undefined when there is anything new in a call. It rejects with IdempotencyKeyReusedError and ConflictError for a key that stands for another one */
export function createAcceptedBefore(core: Core): (call: IngestCall, views: readonly IncomingEvent[]) => Promise<IngestResult | undefined> {
  const looks = new Map<string, number>();
  const most = Math.max(1, Math.floor(core.config.databasePool * OF_ALL));
  let all = 0;
  return async (call, views) => {
    const { organizationId } = call;
    const own = looks.get(organizationId) ?? 0;
    // Before anything of it is hashed.
    if (own >= OF_ONE || all >= most || keysOf(call).length === 0) return undefined;
    const claims = new Map<string, KeyClaim>();
    for (const claim of claimsOf(call, views)) claims.set(claimId(claim), claims.get(claimId(claim)) ?? claim);
    all += 1;
    looks.set(organizationId, own + 1);
    try {
      const settled = settleKeys(call, views, claims, await knownKeys(core.db.pool, [...claims.values()]));
      if (settled instanceof Error) throw settled;
      return settled.fresh.length === 0 ? settled.result : undefined;
    } finally {
      all -= 1;
      const left = (looks.get(organizationId) ?? 1) - 1;
      if (left > 0) looks.set(organizationId, left);
      else looks.delete(organizationId);
    }
  };
}
