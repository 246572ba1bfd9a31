/**
 * The receiver, a process of its own: answers 200 at once or after a delay, counts, and remembers when which number came.
 * A path that begins with /hang gets no answer.
 */
import { createServer } from "node:http";

export interface ReceiverReset {
  delayMs?: number;
  /** Keep the time of each number's first arrival. */
  remember?: boolean;
}

export interface Received {
  count: number;
  /** A number that came after a greater one of the same path. */
  outOfOrder: number;
}

type Question = { reset: ReceiverReset } | { count: true } | { arrivals: true };

let delayMs = 0;
let remember = false;
let count = 0;
let outOfOrder = 0;
let arrivals: [n: number, at: number][] = [];
let seen = new Set<number>();
let last = new Map<string, number>();

/** Payloads begin with their number; the platform sends them inside an envelope, untouched. */
const NUMBER = /\{"n":(\d+)/;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    count += 1;
    const url = request.url ?? "/";
    const n = Number(NUMBER.exec((chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString("latin1"))?.[1] ?? -1);
    if (n < (last.get(url) ?? -1)) outOfOrder += 1;
    else last.set(url, n);
    if (remember && !seen.has(n)) {
      seen.add(n);
      arrivals.push([n, Number(process.hrtime.bigint()) / 1e6]);
    }
    if (url.startsWith("/hang")) return;
    if (delayMs > 0) setTimeout(() => response.end("ok"), delayMs);
    else response.end("ok");
  });
});
server.keepAliveTimeout = 60_000;

process.on("message", (question: Question) => {
  if ("reset" in question) {
    delayMs = question.reset.delayMs ?? 0;
    remember = question.reset.remember ?? false;
    count = 0;
    outOfOrder = 0;
    arrivals = [];
    seen = new Set();
    last = new Map();
  }
  process.send?.({ ok: "arrivals" in question ? arrivals : { count, outOfOrder } });
});
process.on("disconnect", () => process.exit(0));
server.listen(Number(process.env["PORT"]), "127.0.0.1", () => process.send?.({ ok: {} }));
