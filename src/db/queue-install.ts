/** pg-boss's tables, made and brought up to date by whoever owns ours: the role that runs makes no table. */
import { PgBoss } from "pg-boss";
import { isNoted, noteOf, SUPPORTED, versionOf } from "./queue-schema.ts";
import type { SessionClient } from "./session-client.ts";
import { becomeOwner } from "./wall/roles.ts";

/** The schema is there. @returns whether there was anything to do */
export async function installQueues(client: SessionClient, schema: string): Promise<boolean> {
  await becomeOwner(client);
  try {
    if ((await versionOf(client, schema)) === SUPPORTED) return false;
    const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) as Promise<{ rows: unknown[] }> };
    const boss = new PgBoss({ db, schema, createSchema: false, supervise: false, schedule: false });
    await boss.start().finally(() => boss.stop({ graceful: false }).catch(() => undefined));
    return true;
  } finally {
    await client.query("RESET ROLE");
  }
}

const INSUFFICIENT_PRIVILEGE = "42501";

/** So that no other Hookline of this database takes them for its own. Where the tables are another login's it goes without. */
export async function noteHolder(client: SessionClient, queueSchema: string, schema: string): Promise<void> {
  if (await isNoted(client, queueSchema, schema)) return;
  await becomeOwner(client);
  try {
    await client.query(noteOf(queueSchema, schema));
  } catch (error) {
    if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw error;
  } finally {
    await client.query("RESET ROLE");
  }
}
