/**
 * Single rows that somebody looks at: a definition, a replay. Not a log: only the latest state counts, so a subscriber
 * that is slow just sees fewer steps. A row's `xmin` is the version Postgres itself keeps; one statement per table and
 * tick reads it for all rows watched in this process, and a hint on the channel `definition` makes that at once.
 */
import { setMaxListeners } from "node:events";
import type { Core } from "../core.ts";

const TABLES = {
  definition: { table: "webhook_definition", pollMs: 2_000 },
  replay: { table: "replay", pollMs: 500 },
} as const;
export type Watched = keyof typeof TABLES;

export interface WatchOptions {
  organizationId: string;
  /** UUID. */
  id: string;
  signal?: AbortSignal | undefined;
  /** Yield once at the start too. */
  initial?: boolean;
}

export interface Watch {
  /** Yields after each change of the row; several at once may be one. Ends when the row is gone. */
  changes(kind: Watched, options: WatchOptions): Promise<AsyncIterableIterator<{ id: string }>>;
  start(): void;
  stop(): void;
}

interface Watcher {
  id: string;
  version: string;
  changed(): void;
  end(): void;
}

export function createWatch(core: Core): Watch {
  const watchers: Record<Watched, Set<Watcher>> = { definition: new Set(), replay: new Set() };
  const timers: NodeJS.Timeout[] = [];
  let stopListening: (() => void) | undefined;
  let stopped = true;

  /** @param organizationId undefined: of rows that were watched already, so their owner is known */
  async function versionsOf(kind: Watched, ids: string[], organizationId?: string): Promise<Map<string, string>> {
    const { rows } = await core.db.pool.query<{ id: string; version: string }>(
      `SELECT id, xmin::text AS version FROM ${TABLES[kind].table} WHERE id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR organization_id = $2)`,
      [ids, organizationId ?? null],
    );
    return new Map(rows.map((row) => [row.id, row.version]));
  }

  async function look(kind: Watched, only?: readonly string[]): Promise<void> {
    const watching = [...watchers[kind]].filter((w) => !only || only.length === 0 || only.includes(w.id));
    if (watching.length === 0) return;
    try {
      const versions = await versionsOf(kind, [...new Set(watching.map((w) => w.id))]);
      for (const watcher of watching) {
        const version = versions.get(watcher.id);
        if (version === undefined) watcher.end();
        else if (version !== watcher.version) {
          watcher.version = version;
          watcher.changed();
        }
      }
    } catch (error) {
      core.log.debug({ err: error, kind }, "watched rows could not be read, trying again");
    }
  }

  return {
    async changes(kind, { organizationId, id, signal, initial = false }) {
      const version = (await versionsOf(kind, [id], organizationId)).get(id);
      let pending = initial;
      let ended = version === undefined || stopped || signal?.aborted === true;
      let waiting: (() => void) | undefined;
      const tell = () => {
        waiting?.();
        waiting = undefined;
      };
      const watcher: Watcher = {
        id,
        version: version ?? "",
        changed() {
          pending = true;
          tell();
        },
        end() {
          ended = true;
          watchers[kind].delete(watcher);
          signal?.removeEventListener("abort", watcher.end);
          tell();
        },
      };
      if (signal) setMaxListeners(0, signal);
      if (!ended) {
        watchers[kind].add(watcher);
        signal?.addEventListener("abort", watcher.end);
      }
      const done = { done: true as const, value: undefined };
      const stream: AsyncIterableIterator<{ id: string }> = {
        async next() {
          while (!pending && !ended) {
            await new Promise<void>((resolve) => {
              waiting = resolve;
            });
          }
          if (!pending) return done;
          pending = false;
          return { done: false, value: { id } };
        },
        async return() {
          pending = false;
          watcher.end();
          return done;
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
      return stream;
    },
    start() {
      stopped = false;
      stopListening = core.notify.on("definition", (ids) => void look("definition", ids));
      for (const kind of Object.keys(TABLES) as Watched[]) {
        const timer = setInterval(() => void look(kind), TABLES[kind].pollMs);
        timer.unref();
        timers.push(timer);
      }
    },
    stop() {
      stopped = true;
      stopListening?.();
      for (const timer of timers.splice(0)) clearInterval(timer);
      for (const set of Object.values(watchers)) for (const watcher of [...set]) watcher.end();
    },
  };
}
