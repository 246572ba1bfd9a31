/** What is locked is locked in one order, however the database sorts text. */
import pg from "pg";
import { afterAll, expect, inject, test } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { testCore } from "../helpers/database.ts";
import { testEngine } from "../helpers/engine.ts";
import { startReceiver } from "../helpers/receiver.ts";

const undo: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

/** Sorts differently by bytes, by JavaScript and by ICU. */
const KEYS = ["a", "B", "ä", "Z", "_x", "-x", "10", "9", "É", "e", "Zebra", "zebra", "ß", "ss", "大", "🦓"];

test("B27 a database that sorts as people do (ICU): two processes that ingest and deliver the same lanes have no deadlock", async () => {
  const admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
  undo.push(() => admin.end());
  const name = `hookline_icu_${Math.random().toString(36).slice(2)}`;
  await admin.query(
    `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en-US-u-kn-kf-upper'`,
  );
  undo.push(() => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
  const t = await testCore({ retryScale: 0.001 }, async (url) => {
    const icu = new URL(url);
    icu.pathname = `/${name}`;
    await migrate(icu.href);
    return icu.href;
  });
  undo.push(t.close);
  const receiver = await startReceiver();
  undo.push(receiver.close);
  const engines = [await testEngine(t.core), await testEngine(await t.another())];
  undo.push(() => Promise.all(engines.map((engine) => engine.close())));
  const definition = { name: "keys", targetUrl: `${receiver.url}/keys`, eventTypes: ["*"], ordering: "KEY" as const };
  await createDefinition(t.core, t.admin, definition, engines[0]?.engine as never);
  const rounds = 25;
  const emit = (keys: readonly string[]) => keys.map((key) => ({ type: "thing", entity: "thing", entityId: key, payload: "{}" }));
  for (let i = 0; i < rounds; i++) {
    const turned = [...KEYS.slice(i % KEYS.length), ...KEYS.slice(0, i % KEYS.length)];
    await Promise.all(engines.map(({ engine }, n) => engine.ingest.emit(t.organizationId, emit(n === 0 ? turned : turned.toReversed()))));
  }
  const all = rounds * engines.length * KEYS.length;
  await receiver.waitFor((calls) => calls.length === all, 60_000);
  const { rows } = await admin.query<{ deadlocks: string }>("SELECT deadlocks FROM pg_stat_database WHERE datname = $1", [name]);
  expect(Number(rows[0]?.deadlocks)).toBe(0);
}, 120_000);
