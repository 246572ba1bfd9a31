/**
 * Asks one question many times, one after the other, in a process of its own over one connection: in the bench's own, with all that
 * it holds, what was measured was its garbage collections too.
 */

import { Agent, request } from "node:http";
import { answering } from "./answering.ts";

export interface Asked {
  url: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: string;
  /** Not measured, at first. */
  warm: number;
  count: number;
  /** No further one once they took so many milliseconds together; what took them counts then, warm or not. */
  slowMs: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** @returns milliseconds until the whole answer is there. @throws what is no 200, and an answer with errors */
function once({ url, method, headers, body }: Asked): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const call = request(url, { method, agent, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const ms = performance.now() - began;
        const text = Buffer.concat(parts).toString();
        if (response.statusCode === 200 && !text.startsWith('{"errors"')) resolve(ms);
        else reject(new Error(`${response.statusCode} ${text.slice(0, 500)}`));
      });
    });
    call.on("error", reject);
    call.end(body);
  });
}

async function answer(asked: Asked): Promise<number[]> {
  const times: number[] = [];
  let total = 0;
  for (let i = 0; i < asked.warm + asked.count && total < asked.slowMs; i++) {
    const ms = await once(asked);
    total += ms;
    if (i >= asked.warm || total >= asked.slowMs) times.push(ms);
  }
  return times;
}

answering(answer);
