/**
 * NOTIFY outside the transactions that write: a NOTIFY inside one takes an instance-wide lock until its commit is on
 * disk (measured: 7 893 → 1 963 commits/s). A hint that is lost in a crash costs a second: readers poll, lanes are swept.
 * Readers of the feed in this process are told at once; those of others when what a few moments bring has gathered, so that
 * a lone event does not pay for two notifications.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Core } from "../core.ts";
import type { Channel } from "../db/notify.ts";
import type { LaneRef } from "./lane-id.ts";
import { tell } from "./sql/tell.ts";

export interface OutHints {
  /** The organization has new feed entries. */
  feed(organizationId: string): void;
  /** A lane that some other process holds has new work. One of several under a primary tells it over IPC (core.siblings). */
  lane(ref: LaneRef): void;
  /** A lane that this process let go of has something to do, now or later. */
  free(ref: LaneRef): void;
  /** Jobs wait in pg-boss. */
  job(queue: string): void;
  flush(): Promise<void>;
}

/** Gathering of what is said of the feed, in milliseconds. */
const FEED_MS = 25;

export function createOutHints(core: Core): OutHints {
  const pending: Record<"feed" | "held" | "lane" | "job", Set<string>> = {
    feed: new Set(),
    held: new Set(),
    lane: new Set(),
    job: new Set(),
  };
  let sending: Promise<void> | undefined;
  /** Organizations whose readers elsewhere are not told yet. */
  const later = new Set<string>();
  let gathering: NodeJS.Timeout | undefined;

  async function send(): Promise<void> {
    while (Object.values(pending).some((ids) => ids.size > 0)) {
      for (const channel of Object.keys(pending) as (keyof typeof pending & Channel)[]) {
        if (pending[channel].size === 0) continue;
        const ids = [...pending[channel]];
        pending[channel].clear();
        await tell.count(core.db.pool, core.notify.statement(channel, ids).values).catch(() => undefined);
      }
    }
    sending = undefined;
  }

  const add = (channel: keyof typeof pending, id: string) => {
    pending[channel].add(id);
    // What one turn of the event loop has to say goes out together.
    sending ??= turn().then(send);
  };
  const gathered = () => {
    clearTimeout(gathering);
    gathering = undefined;
    for (const id of later) add("feed", id);
    later.clear();
  };
  return {
    feed(id) {
      core.notify.tell("feed", [id]);
      later.add(id);
      gathering ??= setTimeout(gathered, FEED_MS).unref();
    },
    lane: (id) => (core.siblings ? core.siblings.tell(id) : add("held", id)),
    free: (ref) => add("lane", ref),
    job: (queue) => add("job", queue),
    flush() {
      gathered();
      return sending ?? Promise.resolve();
    },
  };
}
