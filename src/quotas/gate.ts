/**
 * The quotas of every organization, as one process keeps them: README.md. What may be decided from memory is, without waiting;
 * what was taken is told in the background (telling.ts).
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import type { QuotaLeft } from "../errors.ts";
import { type Bucket, fullBucket, heard, missing, setRate, take } from "./bucket.ts";
import { OverQuotaError, type Quotas, quotasOf, RETRY_AFTER } from "./quotas.ts";
import { countQueued, readBucket, readQuotas } from "./sql/read-quotas.ts";

/** An API token's own rate. */
export interface TokenRate {
  /** UUID. */
  id: string;
  /** Events a second. */
  eventsPerSecond: number;
}

/** What a call would add. */
export interface Wanted {
  events: number;
  /** Of them, as ingest counts: their payloads, and what an event holds beside it. */
  bytes: number;
  /** Requests that they make. */
  requests: number;
  token?: TokenRate | undefined;
}

/** What a process knows of a number that the database counts. */
export interface Known {
  /** As it was counted. */
  count: number;
  /** Added here, and not in that count. */
  since: number;
  /** Not counted again before then, in monotonic milliseconds. */
  again: number;
}

export interface Own {
  organizationId: string;
  quotas: Quotas | undefined;
  /** Undefined while nothing is known, or after somebody changed it. */
  loading: Promise<void> | undefined;
  loadedAt: number;
  bucket: Bucket | undefined;
  tokens: Map<string, Bucket>;
  queued: Known;
  /** Requests of calls that have not ended here: no count sees those that are not committed yet. */
  open: number;
  /** What is queued is being counted. */
  counting: Promise<void> | undefined;
  /** Counted without being asked from then on, in monotonic milliseconds. */
  recount: number;
  stored: Known;
  /** Bytes that the ledger was not told of. */
  untold: number;
  /** Open here, and in other processes. */
  subscriptions: number;
  elsewhere: number;
}

/** Read again after so long, should a notification have been lost. */
const STALE_MS = 30_000;
/** Between two counts of the same thing: at least so long, and ten times as long as the count took. */
const COUNT_MS = 200;
const COUNT_FACTOR = 10;
/** Between two counts of what is queued that nobody asked for, for the sake of what other processes added; and a hundred times as long as one took. */
const RECOUNT_MS = 5_000;
const RECOUNT_FACTOR = 100;
/** Counted only where more than this part of the quota is known to be used. */
const NOTABLE = 8;
/** What a request holds: its row, its places in indexes, an attempt. */
const REQUEST_BYTES = 800;

const DAY_MS = 86_400_000;
const dayOf = (moment: Date): string => moment.toISOString().slice(0, 10);
export const today = (core: Core): string => dayOf(core.clock.now());
/** Of those that the installation keeps; an organization that keeps less counts from a later one (sql/read-quotas.ts). */
export const firstDay = (core: Core): string => dayOf(new Date(core.clock.now().getTime() - core.config.retentionDays * DAY_MS));

export interface Gate {
  readonly organizations: Map<string, Own>;
  of(organizationId: string): Own;
  /** Read now, if it is not known yet. */
  load(own: Own): Promise<void>;
  /** Takes what it may. @returns a promise where something must be read first @throws RateLimitedError, also by the promise */
  admit(organizationId: string, wanted: Wanted): Promise<void> | undefined;
  /** A call is refused for what `admit` said: counted, and told of. */
  refused(organizationId: string, error: OverQuotaError): void;
  /** The call that was admitted has ended. @param taken its requests are committed; else there are none */
  ended(organizationId: string, requests: number, taken: boolean): void;
  /** @returns how many the organization may have, when it has them; undefined: this is one more. Of quotas that are not loaded it knows nothing */
  subscribe(organizationId: string): number | undefined;
  unsubscribe(organizationId: string): void;
  /**
   * For who only looks: what is queued of the organization nearest to that quota is from a recent count, unless little is. Nobody else
   * counts for one that has stopped calling.
   */
  recountNearest(): Promise<void>;
  stop(): void;
}

const unknown = (): Known => ({ count: 0, since: 0, again: 0 });

/** @param dirty called when there is something to tell */
export function createGate(core: Core, processId: string, dirty: () => void): Gate {
  const organizations = new Map<string, Own>();
  const now = () => core.clock.monotonic();

  function of(organizationId: string): Own {
    let own = organizations.get(organizationId);
    if (!own) {
      own = {
        ...{ organizationId, quotas: undefined, loading: undefined, loadedAt: 0, bucket: undefined, tokens: new Map() },
        ...{ queued: unknown(), open: 0, counting: undefined, recount: 0, stored: unknown(), untold: 0, subscriptions: 0, elsewhere: 0 },
      };
      organizations.set(organizationId, own);
    }
    return own;
  }

  async function read(own: Own): Promise<void> {
    const { organizationId } = own;
    const [row] = await readQuotas.rows(core.db.pool, [organizationId, firstDay(core), processId]);
    own.quotas = quotasOf(row, core.config.quotas);
    own.stored = { count: (row?.stored ?? 0) + own.untold, since: 0, again: now() + COUNT_MS };
    own.elsewhere = row?.elsewhere ?? 0;
    const rate = own.quotas.eventsPerSecond;
    if (own.bucket) setRate(own.bucket, rate, now());
    else own.bucket = await bucketOf(organizationId, organizationId, rate);
    own.loadedAt = now();
  }

  async function bucketOf(organizationId: string, id: string, rate: number): Promise<Bucket> {
    const [row] = await readBucket.rows(core.db.pool, [organizationId, id, rate]);
    const bucket = fullBucket(rate, now());
    if (row) heard(bucket, 0, row.level, now());
    return bucket;
  }

  function load(own: Own): Promise<void> {
    own.loading ??= read(own).finally(() => {
      own.loading = undefined;
    });
    return own.loading;
  }

  const isLoaded = (own: Own): boolean => {
    if (!own.quotas || !own.bucket) return false;
    if (now() - own.loadedAt > STALE_MS) {
      own.loadedAt = now();
      load(own).catch((error: Error) => core.log.warn({ err: error.message }, "quotas could not be read anew"));
    }
    return true;
  };

  /** What a quota of the kind that is counted says to so much more. */
  function over(own: Own, name: "queuedRequests" | "storedBytes", known: Known, more: number): QuotaLeft | undefined {
    const limit = own.quotas?.[name] ?? 0;
    const used = known.count + known.since;
    if (more === 0 || used + more <= limit) return undefined;
    return { limit, remaining: Math.max(0, limit - used), resetSeconds: RETRY_AFTER[name] };
  }

  const bytesOf = ({ bytes, requests }: Wanted) => bytes + requests * REQUEST_BYTES;

  /** @throws RateLimitedError */
  function judge(own: Own, wanted: Wanted): void {
    const { token } = wanted;
    const stored = over(own, "storedBytes", own.stored, bytesOf(wanted));
    if (stored) throw new OverQuotaError("storedBytes", stored);
    const queued = over(own, "queuedRequests", own.queued, wanted.requests);
    if (queued) throw new OverQuotaError("queuedRequests", queued);
    const tokenBucket = token && own.tokens.get(token.id);
    const tooFast = tokenBucket && missing(tokenBucket, wanted.events, now());
    if (tooFast) throw new OverQuotaError("tokenEventsPerSecond", tooFast);
    const late = own.bucket && missing(own.bucket, wanted.events, now());
    if (late) throw new OverQuotaError("eventsPerSecond", late);
    for (const bucket of [own.bucket, tokenBucket]) if (bucket) take(bucket, wanted.events, now());
    own.queued.since += wanted.requests;
    own.open += wanted.requests;
    if (wanted.requests > 0 && now() >= own.recount && isNotable(own)) recount(own);
    own.stored.since += bytesOf(wanted);
    own.untold += bytesOf(wanted);
    dirty();
  }

  function tokenIsKnown(own: Own, token: TokenRate | undefined): boolean {
    const bucket = token && own.tokens.get(token.id);
    if (bucket) setRate(bucket, token.eventsPerSecond, now());
    return token === undefined || bucket !== undefined;
  }

  const isFull = (own: Own, { requests }: Wanted): boolean => over(own, "queuedRequests", own.queued, requests) !== undefined;

  /** Before a count says no it is taken anew, unless it is fresh and alone. */
  const mustCount = (own: Own, wanted: Wanted): boolean =>
    (isFull(own, wanted) && (own.counting !== undefined || now() >= own.queued.again || own.queued.since > 0)) ||
    (over(own, "storedBytes", own.stored, bytesOf(wanted)) !== undefined && now() >= own.stored.again);

  async function count(own: Own, wanted: Wanted): Promise<void> {
    if (over(own, "storedBytes", own.stored, bytesOf(wanted)) && now() >= own.stored.again) await load(own);
    if (isFull(own, wanted) && (own.counting || now() >= own.queued.again)) await countQueue(own);
    if (!isFull(own, wanted) || own.queued.since === 0) return;
    // Calls that were open may be in that count as well as here: once they have had time to end it is taken again.
    await sleep(Math.max(0, own.queued.again - now()));
    if (isFull(own, wanted)) await countQueue(own);
  }

  function countQueue(own: Own): Promise<void> {
    own.counting ??= countNow(own).finally(() => {
      own.counting = undefined;
    });
    return own.counting;
  }

  async function countNow(own: Own): Promise<void> {
    const began = now();
    const seen = own.queued.since - own.open;
    try {
      const [row] = await countQueued.rows(core.db.pool, [own.organizationId, (own.quotas?.queuedRequests ?? 0) + 1]);
      own.queued = { ...own.queued, count: row?.count ?? 0, since: Math.max(0, own.queued.since - seen) };
    } finally {
      const took = now() - began;
      own.queued.again = now() + Math.max(COUNT_MS, took * COUNT_FACTOR);
      own.recount = now() + Math.max(RECOUNT_MS, took * RECOUNT_FACTOR);
    }
  }

  /** Nothing is known yet, or so much that a few processes with as much would pass the quota together. */
  const isNotable = ({ queued, quotas, recount: at }: Own): boolean =>
    at === 0 || queued.count + queued.since > (quotas?.queuedRequests ?? 0) / NOTABLE;

  async function recountNearest(): Promise<void> {
    const used = ({ queued, quotas }: Own) => (queued.count + queued.since) / Math.max(1, quotas?.queuedRequests ?? 1);
    for (;;) {
      const [nearest] = [...organizations.values()].filter((own) => own.quotas && isNotable(own)).sort((a, b) => used(b) - used(a));
      if (!nearest || now() < nearest.recount) return;
      await countQueue(nearest);
    }
  }

  function recount(own: Own): void {
    countQueue(own).catch((error: Error) => core.log.warn({ err: error.message }, "what is queued could not be counted"));
  }

  async function admitLater(own: Own, wanted: Wanted): Promise<void> {
    const { token } = wanted;
    if (!isLoaded(own)) await load(own);
    if (token && !tokenIsKnown(own, token)) {
      const bucket = await bucketOf(own.organizationId, token.id, token.eventsPerSecond);
      // Several may have asked at once.
      if (!own.tokens.has(token.id)) own.tokens.set(token.id, bucket);
    }
    if (mustCount(own, wanted)) await count(own, wanted);
    judge(own, wanted);
  }

  const forget = core.notify.on("quotas", (ids) => {
    for (const own of ids.length === 0 ? organizations.values() : ids.flatMap((id) => organizations.get(id) ?? [])) own.quotas = undefined;
  });

  return {
    organizations,
    of,
    load,
    admit(organizationId, wanted) {
      const own = of(organizationId);
      if (!isLoaded(own) || !tokenIsKnown(own, wanted.token) || mustCount(own, wanted)) return admitLater(own, wanted);
      judge(own, wanted);
      return undefined;
    },
    refused(organizationId, { by, left }) {
      core.metrics.overQuota(by);
      if (by !== "tokenEventsPerSecond") core.refusals.refused(organizationId, by, left?.limit ?? 0);
    },
    ended(organizationId, requests, taken) {
      const own = of(organizationId);
      own.open -= requests;
      if (!taken) own.queued.since = Math.max(0, own.queued.since - requests);
    },
    subscribe(organizationId) {
      const own = of(organizationId);
      if (!isLoaded(own)) load(own).catch((error: Error) => core.log.warn({ err: error.message }, "quotas could not be read"));
      if (own.quotas && own.subscriptions + own.elsewhere >= own.quotas.subscriptions) {
        core.metrics.overQuota("subscriptions");
        core.refusals.refused(organizationId, "subscriptions", own.quotas.subscriptions);
        return own.quotas.subscriptions;
      }
      own.subscriptions += 1;
      dirty();
      return undefined;
    },
    unsubscribe(organizationId) {
      const own = of(organizationId);
      own.subscriptions = Math.max(0, own.subscriptions - 1);
      dirty();
    },
    recountNearest,
    stop: forget,
  };
}
