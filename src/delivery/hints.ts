/**
 * NOTIFY outside the transactions that write: a NOTIFY inside one takes an instance-wide lock until its commit is on
 * disk (measured: 7 893 → 1 963 commits/s). A hint that is lost in a crash costs a second: readers poll, lanes are swept.
 */
import type { Core } from "../core.ts";
import type { Channel } from "../db/notify.ts";
import type { LaneRef } from "./lane-id.ts";

export interface OutHints {
  /** The organization has new feed entries. */
  feed(organizationId: string): void;
  /** A lane that some other process holds has new work. One of several under a primary tells it over IPC (core.siblings). */
  lane(ref: LaneRef): void;
  /** Jobs wait in pg-boss. */
  job(queue: string): void;
  flush(): Promise<void>;
}

export function createOutHints(core: Core): OutHints {
  const pending: Record<"feed" | "lane" | "job", Set<string>> = { feed: new Set(), lane: new Set(), job: new Set() };
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    while (Object.values(pending).some((ids) => ids.size > 0)) {
      for (const channel of Object.keys(pending) as (keyof typeof pending & Channel)[]) {
        if (pending[channel].size === 0) continue;
        const ids = [...pending[channel]];
        pending[channel].clear();
        await core.db.pool.query(core.notify.statement(channel, ids)).catch(() => undefined);
      }
    }
    sending = undefined;
  }

  const add = (channel: keyof typeof pending, id: string) => {
    pending[channel].add(id);
    // In a microtask: what one settled batch has to say goes out together.
    sending ??= Promise.resolve().then(send);
  };
  return {
    feed: (id) => add("feed", id),
    lane: (id) => (core.siblings ? core.siblings.tell(id) : add("lane", id)),
    job: (queue) => add("job", queue),
    flush: () => sending ?? Promise.resolve(),
  };
}
