/** A database that does not hold every text is refused at the start, before anything is written. */
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { prepareDatabase } from "../../src/db/migrate.ts";
import { DatabaseRefusal } from "../../src/db/refusal.ts";

let admin: pg.Client;
beforeAll(async () => {
  admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
});
afterAll(() => admin?.end());

test.each(["LATIN1", "SQL_ASCII"])("%s is refused, with what makes one that is taken", async (encoding) => {
  const name = `hookline_${encoding.toLowerCase()}_${Math.random().toString(36).slice(2)}`;
  await admin.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`);
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  try {
    const refusal = await prepareDatabase(url.href).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DatabaseRefusal);
    expect((refusal as Error).message).toMatch(new RegExp(`is ${encoding}, .* CREATE DATABASE … ENCODING 'UTF8' .* TEMPLATE template0`));
    await client.connect();
    expect((await client.query("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace")).rows).toEqual([]);
    // Why SQL_ASCII is none either: it takes the bytes, and not what JSON may write for them.
    await expect(client.query(`SELECT '"\\u00e9\\u20ac"'::jsonb`)).rejects.toMatchObject({ code: "22P05" });
  } finally {
    await client.end();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
});
