/**
 * A TCP proxy that stands for a network between the platform and Postgres: what the platform sends is held back, what
 * Postgres answers passes at once, so that a round trip takes the delay longer. A process of its own.
 */
import { createServer, connect as open, type Socket } from "node:net";

const [delayMs, targetPort, port] = [process.env["DELAY_MS"], process.env["TARGET_PORT"], process.env["PORT"]].map(Number) as [
  number,
  number,
  number,
];

/** Everything that arrives within the same millisecond travels together, in order. */
function delayed(from: Socket, to: Socket): void {
  let held: Buffer[] = [];
  from.on("data", (chunk: Buffer) => {
    held.push(chunk);
    if (held.length > 1) return;
    setTimeout(() => {
      const all = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held);
      held = [];
      if (!to.destroyed) to.write(all);
    }, delayMs);
  });
  from.on("end", () => setTimeout(() => to.end(), delayMs));
}

const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = open({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true });
  near.setNoDelay(true);
  far.setNoDelay(true);
  delayed(near, far);
  far.pipe(near);
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
  }
});
process.on("disconnect", () => process.exit(0));
process.on("message", () => process.send?.({ ok: {} }));
server.listen(port, "127.0.0.1", () => process.send?.({ ok: {} }));
