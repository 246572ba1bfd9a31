/**
 * Which life of the database this is. After a restore or a failover numbers are handed out a second time, so whatever
 * remembers numbers (cursors, caches) must know. The epoch is a row with the fingerprint of the database that it was made
 * in; where the two no longer fit, whoever sees it first makes a new one. On a server that only reads the look fails, and
 * is made again later: nothing is made there.
 */
import { randomUUID } from "node:crypto";
import type { Log } from "../observe/log.ts";
import type { Database } from "./client.ts";
import { statement } from "./statement.ts";

export const readEpoch = statement({
  name: "read-epoch",
  text: "SELECT (SELECT e.id FROM epoch e WHERE e.fingerprint = database_fingerprint() LIMIT 1) AS id",
  row: { id: "uuid?" },
});

export type EpochListener = (epoch: string) => void;

export interface Epoch {
  /**
   * Reads it from the database, and makes it anew when this is another life. Listeners have been told when it answers.
   * @returns UUID
   * @throws the database's error: away, or only reading
   */
  look(): Promise<string>;
  /** Called when the epoch is no longer the one known to this process. @returns ends it */
  on(listener: EpochListener): () => void;
}

/** Nothing in the database tells that it was put back: the next look makes a new epoch all the same. */
export const endEpoch = async ({ pool }: Pick<Database, "pool">): Promise<void> => {
  await pool.query("DELETE FROM epoch");
};

/** Any number that nothing else locks. */
const EPOCH_LOCK = 0x68_6b_65_70;

export function createEpoch(db: Database, log: Log): Epoch {
  const listeners = new Set<EpochListener>();
  let known: string | undefined;

  const make = () =>
    db.transaction(async (client) => {
      await client.query("SELECT pg_advisory_xact_lock($1::bigint)", [EPOCH_LOCK]);
      // Another process may have made it meanwhile.
      const there = (await readEpoch.rows(client, []))[0]?.id;
      if (there) return there;
      const id = randomUUID();
      const { rows } = await client.query<{ id: string; fingerprint: string }>("DELETE FROM epoch RETURNING id, fingerprint");
      const made = await client.query<{ fingerprint: string }>(
        "INSERT INTO epoch (id, fingerprint) VALUES ($1::uuid, database_fingerprint()) RETURNING fingerprint",
        [id],
      );
      const fields = { epoch: id, fingerprint: made.rows[0]?.fingerprint, before: rows };
      if (rows.length === 0) log.info(fields, "the database has its first epoch");
      else log.warn(fields, "the database was restored or failed over: a new epoch, earlier live cursors are refused");
      return id;
    });

  return {
    async look() {
      const id = (await readEpoch.rows(db.pool, []))[0]?.id ?? (await make());
      const before = known;
      known = id;
      if (before !== undefined && before !== id) for (const listener of [...listeners]) listener(id);
      return id;
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
