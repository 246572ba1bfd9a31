/** Tells the database in the background what this process took: no call waits for it, and at rest nothing is told. */
import type { Core } from "../core.ts";
import { type Bucket, heard, toTell } from "./bucket.ts";
import { type Own, today } from "./gate.ts";
import { tellBuckets } from "./sql/tell-buckets.ts";
import { addStored, subscriptionsElsewhere, tellSubscriptions } from "./sql/tell-usage.ts";

/** Buckets are told so soon after something was taken. */
const BUCKETS_MS = 100;
/** What was stored, so soon: as much is forgotten when a process is killed. */
const STORED_MS = 5_000;
/** Subscriptions when their number changed, and now and then while there are any. */
const SUBSCRIPTIONS_MS = 1_000;
const HEARTBEAT_MS = 10_000;
/** Organizations that did nothing for so long are forgotten. */
const IDLE_MS = 600_000;

export interface Telling {
  /** There may be something to tell. */
  dirty(): void;
  /** Tells all, and nothing more. */
  stop(): Promise<void>;
}

export function createTelling(core: Core, processId: string, organizations: () => Map<string, Own>): Telling {
  const told = new Map<string, { subscriptions: number; at: number }>();
  const now = () => core.clock.monotonic();
  let storedAt = now();
  let subscriptionsAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  async function tellTaken(): Promise<void> {
    const all = [...organizations().values()].flatMap((own): [string, string, Bucket][] => [
      ...(own.bucket ? [[own.organizationId, own.organizationId, own.bucket] as [string, string, Bucket]] : []),
      ...[...own.tokens].map(([id, bucket]): [string, string, Bucket] => [own.organizationId, id, bucket]),
    ]);
    const due = all.flatMap(([organization, id, bucket]) => {
      const taken = bucket.taken > 0 ? toTell(bucket, now()) : 0;
      return taken > 0 ? [{ organization, id, bucket, taken }] : [];
    });
    if (due.length === 0) return;
    const levels = await tellBuckets.rows(core.db.pool, [
      due.map((one) => one.organization),
      due.map((one) => one.id),
      due.map((one) => one.bucket.rate),
      due.map((one) => one.taken),
    ]);
    const byId = new Map(levels.map((row) => [`${row.organizationId} ${row.id}`, row.level]));
    for (const { organization, id, bucket, taken } of due) heard(bucket, taken, byId.get(`${organization} ${id}`) ?? bucket.level, now());
  }

  async function tellStored(): Promise<void> {
    const due = [...organizations().values()].filter((own) => own.untold > 0);
    if (due.length === 0) return;
    const bytes = due.map((own) => own.untold);
    await addStored.count(core.db.pool, [due.map((own) => own.organizationId), bytes, today(core)]);
    for (const [i, own] of due.entries()) own.untold -= bytes[i] as number;
  }

  async function tellOpen(): Promise<void> {
    const due = [...organizations().values()].filter(({ organizationId, subscriptions }) => {
      const last = told.get(organizationId);
      return last ? last.subscriptions !== subscriptions || (subscriptions > 0 && now() - last.at > HEARTBEAT_MS) : subscriptions > 0;
    });
    if (due.length === 0) return;
    const ids = due.map((own) => own.organizationId);
    await tellSubscriptions.count(core.db.pool, [processId, ids, due.map((own) => own.subscriptions)]);
    for (const { organizationId, subscriptions } of due) {
      if (subscriptions === 0) told.delete(organizationId);
      else told.set(organizationId, { subscriptions, at: now() });
    }
    const elsewhere = await subscriptionsElsewhere.rows(core.db.pool, [processId, ids]);
    const counts = new Map(elsewhere.map((row) => [row.organizationId, row.subscriptions]));
    for (const own of due) own.elsewhere = counts.get(own.organizationId) ?? 0;
  }

  /** When something is left to be told; undefined: nothing is. */
  const next = (): number | undefined => {
    const all = [...organizations().values()];
    const taken = (own: Own) => (own.bucket?.taken ?? 0) > 0 || [...own.tokens.values()].some((bucket) => bucket.taken > 0);
    if (all.some(taken)) return BUCKETS_MS;
    const open = (own: Own) => own.untold > 0 || own.subscriptions > 0 || told.has(own.organizationId);
    return all.some(open) ? SUBSCRIPTIONS_MS : undefined;
  };

  async function tell(last: boolean): Promise<void> {
    try {
      await tellTaken();
      if (last || now() - storedAt >= STORED_MS) {
        await tellStored();
        storedAt = now();
      }
      if (last || now() - subscriptionsAt >= SUBSCRIPTIONS_MS) {
        await tellOpen();
        subscriptionsAt = now();
      }
    } catch (error) {
      core.log.warn({ err: (error as Error).message }, "what quotas count is told later");
    }
    for (const [id, own] of organizations())
      if (own.untold === 0 && own.subscriptions === 0 && !told.has(id) && now() - (own.bucket?.at ?? 0) > IDLE_MS)
        organizations().delete(id);
  }

  let soon = false;
  function plan(ms: number): void {
    if (stopped || (timer && (soon || ms > BUCKETS_MS))) return;
    clearTimeout(timer);
    soon = ms === BUCKETS_MS;
    timer = setTimeout(() => {
      // While it tells, what comes in is left for the next time.
      soon = true;
      running = tell(false).finally(() => {
        timer = undefined;
        const wait = next();
        if (wait !== undefined) plan(wait);
      });
    }, ms);
    timer.unref();
  }

  return {
    dirty: () => plan(BUCKETS_MS),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      for (const own of organizations().values()) own.subscriptions = 0;
      await tell(true);
    },
  };
}
