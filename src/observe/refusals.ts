/**
 * What quotas refuse, gathered in memory: a refused call costs no statement. The first refusal of an organization and quota is told at
 * once, in the background; then at most one a minute. What came after the last one told is told when the minute ends, so that whoever
 * is told knows when refusals stopped. They are told one after the other: many organizations at once take one connection.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "./log.ts";

export interface Refusal {
  /** UUID. */
  organizationId: string;
  /** The quota's name. */
  quota: string;
  limit: number;
  /** Milliseconds since it last refused. */
  agoMs: number;
}

export interface Refusals {
  /** A quota of an organization refused a call. */
  refused(organizationId: string, quota: string, limit: number): void;
  /** Whom to tell; without anybody nothing is kept. */
  to(tell: (refusal: Refusal) => Promise<unknown>): void;
  /** Tells what was not told, and nothing more. */
  stop(): Promise<void>;
}

const EVERY_MS = 60_000;
/** Pairs of organization and quota held in memory; beyond them a refusal is not told while there is no room. */
const MOST = 10_000;

interface Held {
  organizationId: string;
  quota: string;
  limit: number;
  /** Of the last refusal, in monotonic milliseconds. */
  at: number;
  untold: boolean;
  timer: NodeJS.Timeout;
}

export function createRefusals(clock: Clock, log: Log, everyMs: number = EVERY_MS): Refusals {
  const held = new Map<string, Held>();
  let tell: ((refusal: Refusal) => Promise<unknown>) | undefined;
  let telling: Promise<void> = Promise.resolve();

  async function send(entry: Held, whom: NonNullable<typeof tell>): Promise<void> {
    const { organizationId, quota, limit, at } = entry;
    entry.untold = false;
    try {
      await whom({ organizationId, quota, limit, agoMs: clock.monotonic() - at });
    } catch (error) {
      entry.untold = true;
      log.warn({ organizationId, quota, err: (error as Error).message }, "that a quota refused something is told later");
    }
  }

  function plan(entry: Held): void {
    const whom = tell;
    if (whom) telling = telling.then(() => send(entry, whom));
  }

  const later = (key: string) => setTimeout(() => due(key), everyMs).unref();

  /** The minute is over. */
  function due(key: string): void {
    const entry = held.get(key);
    if (!entry) return;
    if (!entry.untold) {
      held.delete(key);
      return;
    }
    entry.timer = later(key);
    plan(entry);
  }

  return {
    refused(organizationId, quota, limit) {
      if (!tell) return;
      const key = `${organizationId} ${quota}`;
      const at = clock.monotonic();
      const known = held.get(key);
      if (known) {
        Object.assign(known, { limit, at, untold: true });
        return;
      }
      if (held.size >= MOST) return;
      const entry = { organizationId, quota, limit, at, untold: true, timer: later(key) };
      held.set(key, entry);
      plan(entry);
    },
    to(whom) {
      tell = whom;
    },
    async stop() {
      await telling;
      for (const entry of held.values()) {
        clearTimeout(entry.timer);
        if (entry.untold) plan(entry);
      }
      held.clear();
      tell = undefined;
      await telling;
    },
  };
}
