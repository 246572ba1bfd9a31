/** What a call that a quota refuses was answered before, under its keys: a client that lost the answer learns it, whatever is used up since. */
import type { Core } from "../core.ts";
import { claimsOf, settleKeys } from "./call-keys.ts";
import { claimId, type KeyClaim, knownKeys } from "./idempotency.ts";
import type { IncomingEvent, IngestCall, IngestResult } from "./input.ts";

/** Looks of one organization at once; a call beyond them is refused without one: refusing must stay cheap. */
const LOOKS = 4;

/** @returns undefined when there is anything new in a call. It rejects with IdempotencyKeyReusedError and ConflictError for a key that stands for another one */
export function createAcceptedBefore(core: Core): (call: IngestCall, views: readonly IncomingEvent[]) => Promise<IngestResult | undefined> {
  const looks = new Map<string, number>();
  return async (call, views) => {
    const { organizationId } = call;
    const under = looks.get(organizationId) ?? 0;
    const claims = new Map<string, KeyClaim>();
    for (const claim of claimsOf(call, views)) claims.set(claimId(claim), claims.get(claimId(claim)) ?? claim);
    if (claims.size === 0 || under >= LOOKS) return undefined;
    looks.set(organizationId, under + 1);
    try {
      const settled = settleKeys(call, views, claims, await knownKeys(core.db.pool, [...claims.values()]));
      if (settled instanceof Error) throw settled;
      return settled.fresh.length === 0 ? settled.result : undefined;
    } finally {
      const left = (looks.get(organizationId) ?? 1) - 1;
      if (left > 0) looks.set(organizationId, left);
      else looks.delete(organizationId);
    }
  };
}
