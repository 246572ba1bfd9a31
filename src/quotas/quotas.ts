/** What an organization may use, by name. Pure. */
import type { QuotaLeft } from "../errors.ts";
import { RateLimitedError } from "../errors.ts";

export interface Quotas {
  /** Accepted over all doors; a second's worth may come at once. */
  eventsPerSecond: number;
  /** Webhook definitions that are not deleted. */
  definitions: number;
  /** Accepted and not settled. */
  queuedRequests: number;
  /** Of events and requests within the retention time. */
  storedBytes: number;
  /** Open ones, over all connections. */
  subscriptions: number;
}

export type QuotaName = keyof Quotas;
export const QUOTA_NAMES: readonly QuotaName[] = ["eventsPerSecond", "definitions", "queuedRequests", "storedBytes", "subscriptions"];

/** As set for an organization: null is the default. */
export type QuotaRow = { [Name in QuotaName]: number | null };

export function quotasOf(row: QuotaRow | undefined, defaults: Readonly<Quotas>): Quotas {
  const of = (name: QuotaName) => row?.[name] ?? defaults[name];
  return {
    eventsPerSecond: of("eventsPerSecond"),
    definitions: of("definitions"),
    queuedRequests: of("queuedRequests"),
    storedBytes: of("storedBytes"),
    subscriptions: of("subscriptions"),
  };
}

/** Retry-After where nothing says when there is room: somebody must delete, deliver or close something. */
export const RETRY_AFTER: Readonly<Record<Exclude<QuotaName, "eventsPerSecond">, number>> = {
  definitions: 60,
  queuedRequests: 5,
  storedBytes: 60,
  subscriptions: 5,
};

const WORDS: Readonly<Record<QuotaName, string>> = {
  eventsPerSecond: "events a second",
  definitions: "webhook definitions",
  queuedRequests: "queued requests",
  storedBytes: "stored bytes",
  subscriptions: "open subscriptions",
};

/** A token's own rate is no quota of the organization: whoever set it knows. */
export type RefusedBy = QuotaName | "tokenEventsPerSecond";

export class OverQuotaError extends RateLimitedError {
  readonly by: RefusedBy;
  constructor(by: RefusedBy, left: QuotaLeft) {
    const [whose, name] = by === "tokenEventsPerSecond" ? (["API token", "eventsPerSecond"] as const) : (["organization", by] as const);
    super(left.resetSeconds, { what: `this ${whose} may have ${left.limit} ${WORDS[name]}`, left });
    this.by = by;
  }
}
