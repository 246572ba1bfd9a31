/** `limit.http`: a bare undici loop to the receiver. No database, no order, no signature. */
import { Pool } from "undici";
import { bodyOf, inFlight, program } from "./program.ts";

const HEADERS = { "content-type": "application/json" };
let url = "";
let payloads: string[] = [];

program({
  async prepare(input) {
    url = input.receiverUrl as string;
    payloads = input.payloads;
    return {};
  },
  async run({ count, width, offset }) {
    const pool = new Pool(url, { connections: width, pipelining: 1 });
    const began = performance.now();
    await inFlight(width, count, async (i) => {
      const { body } = await pool.request({ path: "/", method: "POST", headers: HEADERS, body: bodyOf(payloads, offset + i) });
      await body.dump();
    });
    const seconds = (performance.now() - began) / 1000;
    await pool.close();
    return { seconds };
  },
});
