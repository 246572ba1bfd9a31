/**
 * Lines that an operator reads: one as soon as something happens, then at most one a minute for each kind and subject, with
 * the count of what made no line meanwhile. What is held back when the minute ends makes a line then, so nothing is lost.
 */
import type { Log } from "./log.ts";

export type WarningKind =
  | "lane-blocked"
  | "definition-stopped"
  | "mail-failed"
  | "chore-failed"
  | "chores-overdue"
  | "orphans"
  | "spans-lost"
  | "database"
  | "payload-index";

/** What the line says: ids and names as people know them. A function is asked only when there is a line. */
export type Told = Record<string, unknown> | (() => Promise<Record<string, unknown>>);

export interface Warnings {
  /** @param subject of which at most one line a minute is written: a definition, a chore */
  warn(kind: WarningKind, subject: string, told: Told, message: string): void;
  /** Writes what was held back. */
  flush(): Promise<void>;
}

const EVERY_MS = 60_000;
/** Subjects held in memory; beyond them each line is written. */
const MOST = 10_000;

interface Held {
  timer: NodeJS.Timeout;
  /** Since the last line. */
  count: number;
  last: { told: Told; message: string } | undefined;
}

export function createWarnings(log: Log, everyMs: number = EVERY_MS): Warnings {
  const held = new Map<string, Held>();

  async function write(kind: WarningKind, told: Told, message: string, heldBack: number): Promise<void> {
    const fields = typeof told === "function" ? await told().catch((error: Error) => ({ unnamed: error.message })) : told;
    log.warn({ warning: kind, ...fields, ...(heldBack > 0 ? { heldBack } : {}) }, message);
  }

  /** The minute is over. */
  async function due(key: string, kind: WarningKind): Promise<void> {
    const entry = held.get(key);
    if (!entry) return;
    clearTimeout(entry.timer);
    if (!entry.last) {
      held.delete(key);
      return;
    }
    const { told, message } = entry.last;
    const heldBack = entry.count - 1;
    held.set(key, { timer: later(key, kind), count: 0, last: undefined });
    await write(kind, told, message, heldBack);
  }

  const later = (key: string, kind: WarningKind) => setTimeout(() => void due(key, kind), everyMs).unref();

  return {
    warn(kind, subject, told, message) {
      const key = `${kind} ${subject}`;
      const entry = held.get(key);
      if (entry) {
        entry.count += 1;
        entry.last = { told, message };
        return;
      }
      if (held.size < MOST) held.set(key, { timer: later(key, kind), count: 0, last: undefined });
      void write(kind, told, message, 0);
    },
    async flush() {
      const entries = [...held];
      held.clear();
      for (const [key, { timer, count, last }] of entries) {
        clearTimeout(timer);
        if (last) await write(key.split(" ", 1)[0] as WarningKind, last.told, last.message, count - 1);
      }
    },
  };
}
