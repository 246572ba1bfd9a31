/** A TCP proxy that can cut, stall, or swallow what comes back. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Where new connections go. */
  target: number;
  /** Connections open now. */
  readonly connections: number;
  /** Keeps the sockets, forwards nothing, in either direction. */
  stall(): void;
  /** Forwards requests, but no replies: the work is done, nobody hears of it. */
  swallowReplies(): void;
  /** Forwards again, what was held back first. */
  resume(): void;
  /** What is open forwards nothing for good, while new connections are forwarded. */
  hole(): void;
  /** Resets every connection. */
  cut(): void;
  close(): Promise<void>;
}

interface Link {
  near: Socket;
  far: Socket;
  /** Takes what is sent, and forwards nothing. */
  hole: boolean;
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const links = new Set<Link>();
  let mode: "forward" | "stall" | "swallow" = "forward";
  const apply = (link: Link) => {
    const { near, far } = link;
    if (link.hole) return;
    if (mode === "stall") near.pause();
    else near.resume();
    if (mode === "forward") far.resume();
    else far.pause();
  };
  const server = createServer((near) => {
    const far = connect({ port: proxy.target, host: "127.0.0.1" });
    near.setNoDelay(true);
    far.setNoDelay(true);
    const link = { near, far, hole: false };
    links.add(link);
    near.on("data", (chunk) => link.hole || far.write(chunk));
    far.on("data", (chunk) => link.hole || near.write(chunk));
    const end = () => {
      links.delete(link);
      near.destroy();
      if (!link.hole) far.destroy();
    };
    for (const socket of [near, far]) socket.on("error", end).on("close", end);
    apply(link);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const set = (next: typeof mode) => () => {
    mode = next;
    for (const link of links) apply(link);
  };
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    target,
    get connections() {
      return links.size;
    },
    stall: set("stall"),
    swallowReplies: set("swallow"),
    resume: set("forward"),
    hole() {
      mode = "forward";
      for (const link of links) {
        link.hole = true;
        for (const socket of [link.near, link.far]) socket.resume();
      }
    },
    cut() {
      for (const { near, far } of links) {
        near.resetAndDestroy();
        far.destroy();
      }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      proxy.cut();
      await closed;
    },
  };
  return proxy;
}
