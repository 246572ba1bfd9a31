/** Lanes that nobody here holds, offered to the statement that writes their next requests: it claims them where it may (lane-accept.ts). */
import { type Clock, newId } from "../clock.ts";
import type { Bytes } from "./fairness/bytes.ts";
import type { Place, Places } from "./fairness/places.ts";
import type { Offer, Offered } from "./lane-accept.ts";
import type { ClaimedLane } from "./lane-claim.ts";
import type { LaneTicket } from "./lane-enqueue.ts";
import type { LaneRef } from "./lane-id.ts";

/** The window of a lane that was just claimed: one request (decide.ts). */
const FIRST_WINDOW = 1;

export interface ClaimOffers {
  readonly size: number;
  /** @returns undefined: it has to wait for its turn */
  offer(lane: Offered): Offer | undefined;
  /** @param at when its lease began, at the earliest: monotonic milliseconds @returns undefined: it was not claimed by what was offered here */
  taken(ticket: LaneTicket, catalogVersion: number): { lane: ClaimedLane; place: Place; at: number } | undefined;
  /** Nothing came of it. @returns false: there was none */
  withdraw(ref: LaneRef): boolean;
}

export function createClaimOffers(clock: Clock, places: Places, bytes: Bytes): ClaimOffers {
  const offers = new Map<LaneRef, { token: string; at: number; place: Place; free: boolean }>();
  return {
    get size() {
      return offers.size;
    },
    offer({ ref, owner, free }) {
      if (offers.has(ref) || places.queued(ref) || !bytes.may(owner, 1)) return undefined;
      const place = places.enter(owner);
      if (!place) return undefined;
      const token = newId(clock);
      offers.set(ref, { token, at: clock.monotonic(), place, free });
      return { token, known: null, sending: FIRST_WINDOW };
    },
    taken(ticket, catalogVersion) {
      const { ref, laneId, organizationId, definitionId, revision, before } = ticket;
      const offer = offers.get(ref);
      if (!offer || offer.token !== ticket.leaseToken) return undefined;
      offers.delete(ref);
      const { token, free, place, at } = offer;
      return { lane: { ref, laneId, organizationId, definitionId, token, revision, lastNumber: before, catalogVersion, free }, place, at };
    },
    withdraw(ref) {
      const offer = offers.get(ref);
      if (offer) places.give(offer.place);
      return offers.delete(ref);
    },
  };
}
