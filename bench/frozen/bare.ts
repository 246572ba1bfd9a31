/** The bare call of P2 and P17: a durable insert, then a POST, 100 times a second; each starts when its time has come, whatever the others do. */
import pg from "pg";
import { Pool } from "undici";
import { bodyOf, program } from "./program.ts";

const PER_SECOND = 100;
const HEADERS = { "content-type": "application/json" };
let tables: pg.Pool;
let receiver: Pool;
let payloads: string[] = [];

program({
  async prepare(input) {
    payloads = input.payloads;
    tables = new pg.Pool({ connectionString: input.databaseUrl, max: 20 });
    receiver = new Pool(input.receiverUrl as string, { connections: 20, pipelining: 1 });
    await tables.query("CREATE TABLE bare (id int, payload text)");
    return {};
  },
  /** @returns when each call began, milliseconds of the machine's monotonic clock */
  async run({ count, offset }) {
    const starts: number[] = [];
    const calls: Promise<void>[] = [];
    const began = performance.now();
    for (let i = 0; i < count; i++) {
      const wait = began + (i * 1000) / PER_SECOND - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      starts.push(Number(process.hrtime.bigint()) / 1e6);
      calls.push(one(offset + i));
    }
    await Promise.all(calls);
    return { starts };
  },
});

async function one(i: number): Promise<void> {
  const text = bodyOf(payloads, i);
  await tables.query({ name: "bare", text: "INSERT INTO bare VALUES ($1, $2)", values: [i, text] });
  const { body } = await receiver.request({ path: "/", method: "POST", headers: HEADERS, body: text });
  await body.dump();
}
