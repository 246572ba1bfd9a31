/** A TCP proxy in front of Postgres, which can cut every connection, refuse new ones, and make what is open half-open. */
import { createConnection, createServer, type Socket } from "node:net";

export interface DatabaseProxy {
  /** The target's URL, through the proxy. */
  url: string;
  /** Cuts what is open; refuses what comes. */
  down(): void;
  up(): void;
  /** What is open keeps its sockets and takes what is sent, but forwards nothing any more; new connections work. */
  hole(): void;
  /** Of what is open the server hears nothing any more; it is heard. */
  mute(): void;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<DatabaseProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const holes = new WeakSet<Socket>();
  let isUp = true;
  // The end of a stream goes through, or not, as what is sent does.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (!isUp) return void client.destroy();
    const upstream = createConnection({ port: Number(port), host: hostname, allowHalfOpen: true });
    clients.add(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        sockets.delete(socket);
        clients.delete(socket);
        if (!holes.has(socket)) other.destroy();
      });
      socket.on("data", (chunk) => holes.has(socket) || other.write(chunk));
      socket.on("end", () => holes.has(socket) || other.end());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = new URL(target);
  url.port = String(typeof address === "object" ? address?.port : 0);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    down() {
      isUp = false;
      cut();
    },
    up() {
      isUp = true;
    },
    hole() {
      for (const socket of sockets) holes.add(socket);
    },
    mute() {
      for (const socket of clients) holes.add(socket);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
