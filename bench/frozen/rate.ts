/**
 * `limit.rate`: door, ingest, sends and settle wired together in one process, with Postgres as the other. What the
 * product's pipeline would do without order, signature, log detail and live feed.
 */
import fastify from "fastify";
import type pg from "pg";
import { Pool } from "undici";
import { newId, newIds } from "./ids.ts";
import { program } from "./program.ts";
import { INGEST_RATE, openTables, SETTLE_RATE } from "./statements.ts";

/** Statements of a kind under way, events in one of them, sends under way. */
const [UNDER_WAY, IN_ONE, SENDS] = [2, 1_000, 50];
const HEADERS = { "content-type": "application/json" };
const [organization, definition] = [newId(), newId()];

/** Gathers what comes while the statements under way run, and hands it on together. */
function gather<T>(flush: (items: T[]) => Promise<void>): (item: T) => void {
  const waiting: T[] = [];
  let running = 0;
  async function loop(): Promise<void> {
    running += 1;
    while (waiting.length > 0) {
      const items = waiting.splice(0, IN_ONE);
      await flush(items);
    }
    running -= 1;
  }
  return (item) => {
    waiting.push(item);
    if (running < UNDER_WAY) void loop();
  };
}

interface Posted {
  id: string;
  requestId: string;
  n: number;
  type: string;
  payload: string;
  answer: (id: string) => void;
}

program({
  async prepare({ databaseUrl, receiverUrl }) {
    const url = receiverUrl as string;
    const tables: pg.Pool = await openTables(databaseUrl as string, UNDER_WAY * 2);
    const receiver = new Pool(url, { connections: SENDS, pipelining: 1 });
    let number = 0;

    const settle = gather<Posted>(async (items) => {
      const values = [newIds(items.length), items.map((i) => i.requestId), items.map((i) => i.n), organization, definition, url];
      await tables.query({ name: "settle", text: SETTLE_RATE, values });
    });
    async function send(posted: Posted): Promise<void> {
      const { body } = await receiver.request({ path: "/", method: "POST", headers: HEADERS, body: posted.payload });
      await body.dump();
      settle(posted);
    }
    const ingest = gather<Posted>(async (items) => {
      const column = <T>(of: (item: Posted) => T) => items.map(of);
      const columns = [
        column((i) => i.id),
        column((i) => i.requestId),
        column((i) => i.n),
        column((i) => i.type),
        column((i) => i.payload),
      ];
      await tables.query({ name: "ingest", text: INGEST_RATE, values: [...columns, organization, definition, url] });
      for (const item of items) {
        item.answer(item.id);
        void send(item);
      }
    });

    const app = fastify();
    app.post("/v1/events", async (request, reply) => {
      const { type, payload } = request.body as { type: string; payload: object };
      const id = await new Promise<string>((answer) => {
        ingest({ id: newId(), requestId: newId(), n: ++number, type, payload: JSON.stringify(payload), answer });
      });
      return reply.code(202).send({ id, type });
    });
    return { url: await app.listen({ host: "127.0.0.1", port: 0 }) };
  },
});
