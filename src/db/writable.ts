/** Whether a write would work: what a database that answers does not say yet. */
import type { Clock } from "../clock.ts";
import type { Database } from "./client.ts";
import { DATABASE_MS, MAX_SKEW_MS } from "./clock-skew.ts";

/**
 * An id for a transaction is given only where transactions may write: not on a standby, nor where a full disk or the limit
 * of transaction ids has stopped them.
 */
const WRITE = "SELECT pg_current_xact_id() IS NOT NULL AND NOT current_setting('transaction_read_only')::bool AS writable";
const LOOK = `${WRITE}, ${DATABASE_MS} AS ms`;
/** Read-only transaction; no ids during recovery. */
const READ_ONLY = new Set(["25006", "55000"]);
/** How long an answer holds, in milliseconds: whoever asks meanwhile is told the same. */
const FRESH_MS = 1_000;

export interface Writable {
  /** False when a write would not work (ids are refused where the clocks are far apart), or the database does not answer. At most one look a second, shared by all who ask. */
  now(): Promise<boolean>;
}

export function createWritable(db: Pick<Database, "pool" | "dropConnections">, clock: Clock): Writable {
  let look: { at: number; answer: Promise<boolean> } | undefined;

  async function ask(): Promise<boolean> {
    try {
      const { rows } = await db.pool.query<{ writable: boolean; ms: number }>(LOOK);
      const [row] = rows;
      if (row?.writable === true) return Math.abs(clock.now().getTime() - row.ms) <= MAX_SKEW_MS;
    } catch (error) {
      if (!READ_ONLY.has((error as { code?: string }).code ?? "")) return false;
    }
    // Connections made from now on may lead to the new primary; without a write nobody else would notice.
    db.dropConnections();
    return false;
  }

  return {
    now() {
      // A look that hangs holds up nobody for longer: the next one has a connection of its own.
      const at = clock.monotonic();
      if (!look || at - look.at >= FRESH_MS) look = { at, answer: ask() };
      return look.answer;
    },
  };
}
