/** `hookline migrate` and `hookline rekey`: commands that work on the database itself, beside servers or without. */
import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import { migrate } from "../db/migrate.ts";
import { SEALED, sealedRows } from "../db/sealed.ts";
import type { Vault } from "../vault.ts";
import { withCore } from "./direct.ts";
import { CliError } from "./fault.ts";
import { onDatabase } from "./on-database.ts";

/** On DATABASE_URL, or the embedded Postgres of the data folder, which is made when there is none. @returns the names of the migrations applied now */
export function applyMigrations(config: Config): Promise<string[]> {
  return onDatabase(config, "migrate", (url) => migrate(url, { queueSchema: config.queueSchema }));
}

const BATCH = 200;

export interface Rekeyed {
  /** Sealed anew with the first key. */
  changed: number;
  /** Already sealed with it. */
  current: number;
}

/**
 * Seals every stored secret with the first of HOOKLINE_MASTER_KEY. Servers may run meanwhile, if they have the same keys.
 * Stopped half way it goes on where it was.
 * @throws CliError when a secret opens with none of the keys; the others are done by then
 */
export function rekey(config: Config): Promise<Rekeyed> {
  return withCore(config, "rekey", ({ db, vault }) => rekeyAll(db, vault));
}

async function rekeyAll(db: Database, vault: Vault): Promise<Rekeyed> {
  const done: Rekeyed = { changed: 0, current: 0 };
  const closed: string[] = [];
  for (const sealed of SEALED) {
    const [table, column] = sealed;
    for (let after = "00000000-0000-0000-0000-000000000000"; ; ) {
      const { rows } = await db.pool.query<{ id: string; sealed: string; place: string }>(
        `${sealedRows(sealed, "id > $1")} LIMIT ${BATCH}`,
        [after],
      );
      for (const row of rows) {
        if (vault.isCurrent(row.sealed, row.place)) done.current += 1;
        else if (await rekeyOne(db, vault, table, column, row)) done.changed += 1;
        else closed.push(`${table} ${row.id}`);
      }
      const last = rows.at(-1);
      if (!last || rows.length < BATCH) break;
      after = last.id;
    }
  }
  if (closed.length > 0) {
    throw new CliError(
      `${closed.length} of ${closed.length + done.changed + done.current} secrets open with none of the keys in HOOKLINE_MASTER_KEY; add the key they were sealed with: ${closed.slice(0, 5).join(", ")}${closed.length > 5 ? ", …" : ""}`,
    );
  }
  return done;
}

async function rekeyOne(
  db: Database,
  vault: Vault,
  table: string,
  column: string,
  row: { id: string; sealed: string; place: string },
): Promise<boolean> {
  let sealed: string;
  try {
    sealed = vault.seal(vault.open(row.sealed, row.place), row.place);
  } catch {
    return false;
  }
  // Changed by somebody meanwhile: then it was sealed with the first key already.
  await db.pool.query(`UPDATE ${table} SET ${column} = $1 WHERE id = $2 AND ${column} = $3`, [sealed, row.id, row.sealed]);
  return true;
}
