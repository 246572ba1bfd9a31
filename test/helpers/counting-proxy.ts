/** A TCP proxy in front of Postgres that counts what the connections of a pool say: round trips, statements, transactions. */
import { createConnection, createServer } from "node:net";

export interface Counts {
  /** Times that somebody waited for an answer. */
  trips: number;
  /** Statements run. */
  statements: number;
  /** Ends of transactions, or of statements by themselves. */
  syncs: number;
}

export interface CountingProxy {
  url: string;
  /** Since the last call. */
  take(): Counts;
  close(): Promise<void>;
}

const EXECUTE = 0x45;
const QUERY = 0x51;
const SYNC = 0x53;

/** @param pools whose connections are listened to */
export async function startCountingProxy(target: string, pools: readonly ("hot" | "tenant")[] = ["hot"]): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  let counts: Counts = { trips: 0, statements: 0, syncs: 0 };
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((client) => {
    const upstream = createConnection(Number(port), hostname);
    let hot: boolean | undefined;
    let asked = false;
    let rest = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      // The message that starts a session has no type; passwords follow, then statements.
      if (hot === undefined) {
        hot = pools.some((pool) => chunk.includes(` ${pool} pid `));
        return;
      }
      if (!hot) return;
      if (!asked) counts.trips += 1;
      asked = true;
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 1 + rest.readInt32BE(1)) {
        const type = rest[0];
        if (type === EXECUTE || type === QUERY) counts.statements += 1;
        if (type === SYNC || type === QUERY) counts.syncs += 1;
        rest = rest.subarray(1 + rest.readInt32BE(1));
      }
    };
    client.on("data", (chunk) => {
      read(chunk as Buffer);
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      asked = false;
      client.write(chunk);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = new URL(target);
  url.port = String(typeof address === "object" ? address?.port : 0);
  return {
    url: url.href,
    take() {
      const taken = counts;
      counts = { trips: 0, statements: 0, syncs: 0 };
      return taken;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
