/** A database that does not hold every text is refused at the start, before anything is written; one that hardly does is warned of. */
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

async function withDatabase(encoding: string, work: (url: string) => Promise<void>): Promise<void> {
  const name = `hookline_${encoding.toLowerCase()}_${Math.random().toString(36).slice(2)}`;
  await admin.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`);
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  try {
    await work(url.href);
  } finally {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

test.each(["LATIN1", "EUC_JP"])("%s is refused, with what makes one that is taken", (encoding) =>
  withDatabase(encoding, async (url) => {
    const refusal = await prepareDatabase(url).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DatabaseRefusal);
    expect((refusal as Error).message).toContain(`is ${encoding}, `);
    expect((refusal as Error).message).toContain("CREATE DATABASE … ENCODING 'UTF8'");
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      expect((await client.query("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace")).rows).toEqual([]);
    } finally {
      await client.end();
    }
  }),
);

test("an installation that is there goes on, warned", () =>
  withDatabase("LATIN1", async (url) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const warnings: string[] = [];
    try {
      await client.query(`CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
        migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0)`);
      await client.query("INSERT INTO _prisma_migrations VALUES ('x', 'x', now(), 'of another world')");
      // What it says comes before what else is wrong with it.
      await prepareDatabase(url, { onWarning: (warning) => void warnings.push(warning) }).catch(() => undefined);
    } finally {
      await client.end();
    }
    expect(warnings).toEqual([expect.stringMatching(/LATIN1.*hookline backup/)]);
  }));

test("SQL_ASCII, which holds every byte, is taken and warned of; UTF8 is not", async () => {
  const warnings: string[] = [];
  const onWarning = (warning: string) => void warnings.push(warning);
  await withDatabase("SQL_ASCII", async (url) => void (await prepareDatabase(url, { onWarning })));
  expect(warnings).toEqual([expect.stringContaining("SQL_ASCII")]);
  await withDatabase("UTF8", async (url) => void (await prepareDatabase(url, { onWarning })));
  expect(warnings).toHaveLength(1);
});
