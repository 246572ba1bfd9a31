/** Extensions that the index of payloads needs; the login that migrates makes them, where it may. */
import type { ClientBase } from "pg";
import { clientConfig, SessionClient } from "./session-client.ts";

/** Both come with Postgres (Debian: in the server's own package) and are trusted: no superuser is needed. */
export const SEARCH_EXTENSIONS = ["pg_trgm", "btree_gin"] as const;

/** Insufficient privilege; undefined file and feature not supported: the server does not have it; duplicate: another start was first. */
const REFUSED = new Set(["42501", "58P01", "0A000"]);
const RACE = new Set(["42710", "23505"]);

export async function missingExtensions(client: Pick<ClientBase, "query">): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = name)",
    [SEARCH_EXTENSIONS],
  );
  return rows.map(({ name }) => name);
}

/** What an administrator has to run. */
export const toRun = (missing: readonly string[]): string => missing.map((name) => `CREATE EXTENSION IF NOT EXISTS ${name};`).join(" ");

/** @returns why they are not there, and the mend; undefined when they are */
export async function installExtensions(url: string): Promise<string | undefined> {
  const client = new SessionClient(clientConfig({ url, purpose: "extensions" }));
  await client.connect();
  try {
    for (const name of await missingExtensions(client)) {
      try {
        await client.query(`CREATE EXTENSION IF NOT EXISTS ${name}`);
      } catch (error) {
        const { code, message } = error as Error & { code?: string };
        if (code !== undefined && RACE.has(code)) continue;
        if (code === undefined || !REFUSED.has(code)) throw error;
        const rows = await missingExtensions(client);
        return `HOOKLINE_PAYLOAD_INDEX=trigram: Postgres refuses the extension ${name} (${message}). GRANT CREATE ON DATABASE to the login of DATABASE_URL, or have an administrator run in this database: ${toRun(rows)}`;
      }
    }
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}
