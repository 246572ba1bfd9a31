/**
 * Who runs next. Organizations take turns, and so do the owners (definitions) inside one; an organization never holds
 * the last free thread, and an owner holds one at most. So a source that loops for ever costs its own definition a
 * second per run, and another organization nothing.
 */
import { RateLimitedError } from "../../errors.ts";

export interface Owner {
  organizationId: string;
  /** A definition, an inbound webhook, or what else asks: `dry-run`. */
  key: string;
  /** So many of it may wait; absent: as many as come, as of a definition's lanes, each of which waits for its run. */
  most?: number | undefined;
}

interface Waiting<T> {
  owner: Owner;
  item: T;
}

/** Runs that people ask for, of which so many of one organization may wait: those of deliveries need no bound, and must not meet this one. */
export const MOST_TRIED = 50;

export interface FairQueue<T> {
  /** @throws RateLimitedError when this owner has too many waiting */
  add(owner: Owner, item: T): void;
  /** The next that may run; undefined: none waits, or none that waits may run beside what runs. */
  take(): Waiting<T> | undefined;
  /** What `take` gave has ended. */
  done(owner: Owner): void;
  /** Empties the queue. */
  clear(): T[];
}

/** @param threads how many run at once */
export function createFairQueue<T>(threads: number): FairQueue<T> {
  const perOrganization = Math.max(1, threads - 1);
  // Maps keep insertion order: who had a turn is put behind the others.
  const waiting = new Map<string, { count: number; owners: Map<string, Waiting<T>[]> }>();
  const running = new Map<string, Set<string>>();

  return {
    add(owner, item) {
      const mine = waiting.get(owner.organizationId) ?? { count: 0, owners: new Map<string, Waiting<T>[]>() };
      const list = mine.owners.get(owner.key) ?? [];
      if (owner.most !== undefined && list.length >= owner.most) throw new RateLimitedError(1);
      waiting.set(owner.organizationId, mine);
      mine.count += 1;
      list.push({ owner, item });
      mine.owners.set(owner.key, list);
    },
    take() {
      for (const [organizationId, mine] of waiting) {
        const busy = running.get(organizationId) ?? new Set<string>();
        if (busy.size >= perOrganization) continue;
        for (const [key, list] of mine.owners) {
          if (busy.has(key)) continue;
          const next = list.shift() as Waiting<T>;
          mine.count -= 1;
          mine.owners.delete(key);
          if (list.length > 0) mine.owners.set(key, list);
          waiting.delete(organizationId);
          if (mine.count > 0) waiting.set(organizationId, mine);
          running.set(organizationId, busy.add(key));
          return next;
        }
      }
      return undefined;
    },
    done(owner) {
      const busy = running.get(owner.organizationId);
      busy?.delete(owner.key);
      if (busy?.size === 0) running.delete(owner.organizationId);
    },
    clear() {
      const all = [...waiting.values()].flatMap((mine) => [...mine.owners.values()].flat().map((w) => w.item));
      waiting.clear();
      return all;
    },
  };
}
