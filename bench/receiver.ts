/** The receiver, in a process of its own: answers 200 after a delay, counts, and remembers when what arrived. */
import { createServer } from "node:http";

let delayMs = 0;
let count = 0;
/** `data.n` of each body → arrival, milliseconds since the epoch with fractions. */
let arrivals: [number, number][] = [];
let remember = false;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    count += 1;
    if (remember) {
      const n = /"n":(\d+)/.exec(Buffer.concat(chunks).toString("latin1"))?.[1];
      if (n !== undefined) arrivals.push([Number(n), performance.timeOrigin + performance.now()]);
    }
    if (delayMs > 0) setTimeout(() => response.end("ok"), delayMs);
    else response.end("ok");
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as { port: number }).port }));

process.on("message", (message: { reset?: { delayMs: number; remember: boolean }; count?: true; arrivals?: true }) => {
  if (message.reset) {
    ({ delayMs, remember } = message.reset);
    count = 0;
    arrivals = [];
  }
  process.send?.(message.arrivals ? { arrivals } : { count });
});
process.on("disconnect", () => process.exit(0));
