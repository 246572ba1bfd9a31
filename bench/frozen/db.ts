/** `limit.db`: only the SQL of ingest, claim and settle, one statement each for a hundred deliveries. What no pipeline can undercut. */
import type pg from "pg";
import { newId, newIds } from "./ids.ts";
import { bodyOf, program } from "./program.ts";
import { CLAIM, INGEST, openTables, SETTLE } from "./statements.ts";

/** Deliveries in one statement, each of another lane. */
const BATCH = 100;
const URL_TEXT = "http://127.0.0.1:4100/";
const [organization, definition] = [newId(), newId()];
const lanes = newIds(BATCH);
let pool: pg.Pool;
let payloads: string[] = [];

program({
  async prepare(input) {
    payloads = input.payloads;
    pool = await openTables(input.databaseUrl as string, 1);
    await pool.query(
      "INSERT INTO lane (id, organization_id, definition_id, key) SELECT id, $2, $3, id::text FROM unnest($1::uuid[]) AS l(id)",
      [lanes, organization, definition],
    );
    return {};
  },
  async run({ count, offset }) {
    const client = await pool.connect();
    const began = performance.now();
    for (let done = 0; done < count; done += BATCH) {
      const numbers = Array.from({ length: BATCH }, (_, i) => offset + done + i + 1);
      const bodies = numbers.map((n) => bodyOf(payloads, n));
      const values = [newIds(BATCH), newIds(BATCH), lanes, numbers, bodies, organization, definition, URL_TEXT];
      await client.query({ name: "ingest", text: INGEST, values });
      const { rows } = await client.query<{ lane_id: string; position: number; id: string; payload: string }>({
        name: "claim",
        text: CLAIM,
        values: [lanes],
      });
      const column = <T>(of: (row: (typeof rows)[number]) => T) => rows.map(of);
      const settled = [
        newIds(rows.length),
        column((r) => r.id),
        column((r) => r.lane_id),
        column((r) => r.position),
        column((r) => r.payload),
      ];
      await client.query({ name: "settle", text: SETTLE, values: [...settled, organization, definition, URL_TEXT] });
    }
    const seconds = (performance.now() - began) / 1000;
    client.release();
    return { seconds };
  },
});
