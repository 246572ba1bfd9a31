/** Receivers that break HTTP, on raw sockets: one per way to break it. */
import { EventEmitter } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { until } from "./receiver.ts";

/** What happens once a whole request has come in. */
const MODES = {
  /** Never answers. Reached by https, it is a TLS handshake that stalls. */
  silent: () => {},
  reset: (socket: Socket) => socket.resetAndDestroy(),
  /** Ends its side without a reply, and leaves ours open. */
  "half-close": (socket: Socket) => socket.end(),
  garbage: (socket: Socket) => socket.end(Buffer.from("\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n", "latin1")),
  "truncated-head": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-le"),
  "truncated-body": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"),
  "truncated-chunks": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nonly this"),
  "reset-in-body": (socket: Socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", () => setTimeout(() => socket.resetAndDestroy(), 50));
  },
  "two-lengths": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nhello"),
  "same-length-twice": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello"),
  "length-and-chunked": (socket: Socket) =>
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
  "status-line-twice": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\nHTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"),
  /** The parser is told of the first only. */
  "two-replies": (socket: Socket) =>
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"),
  "reset-in-head": (socket: Socket) => {
    socket.write("HTTP/1.1 202 Accepted\r\nx-slow: a", () => setTimeout(() => socket.resetAndDestroy(), 50));
  },
  "stall-in-head": (socket: Socket) => socket.write("HTTP/1.1 202 Accepted\r\nx-slow: a"),
  "stall-before-body": (socket: Socket) => socket.write("HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\n"),
  "bad-chunk": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n"),
  "error-then-reset": (socket: Socket) => {
    socket.write("HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\nwait", () =>
      setTimeout(() => socket.resetAndDestroy(), 50),
    );
  },
  "error-then-stall": (socket: Socket) => socket.write("HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nwait"),
  /** 10 MB of header lines. */
  "endless-headers": (socket: Socket) => {
    socket.write("HTTP/1.1 200 OK\r\n");
    pour(socket, Buffer.from(header(1_000).repeat(100)));
  },
  "status-42": (socket: Socket) => socket.end("HTTP/1.1 42 Odd\r\ncontent-length: 0\r\n\r\n"),
  "status-099": (socket: Socket) => socket.end("HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n"),
  "status-600": (socket: Socket) => socket.end("HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n"),
  "status-999": (socket: Socket) => socket.end("HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"),
  "switching-protocols": (socket: Socket) =>
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n"),
  "switching-without-upgrade": (socket: Socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
  /** The only polite one: an interim answer, then the real one. */
  "early-hints": (socket: Socket) =>
    socket.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
  /** As some servers do, whoever asked. */
  continue: (socket: Socket) =>
    socket.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n\r\n\r\nHTTP/1.1 100 Continue"),
  "continue-in-pieces": (socket: Socket) =>
    pieces(
      socket,
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ),
  "many-chunks": (socket: Socket) => pieces(socket, "HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\none two three four five"),
  /** It does not say that it closes. */
  "closes-unsaid": (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
  "interim-flood": (socket: Socket) => pour(socket, Buffer.from("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100))),
  "continue-flood": (socket: Socket) => pour(socket, Buffer.from("HTTP/1.1 100 Continue\r\n\r\n".repeat(100))),
  "big-headers": (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\n${header(200).repeat(1000)}content-length: 0\r\n\r\n`),
  "one-big-header": (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\n${header(200_000)}content-length: 0\r\n\r\n`),
  "drip-head": (socket: Socket) => drip(socket, "HTTP/1.1 200 OK\r\nx-slow: ", "a"),
  "drip-body": (socket: Socket) => drip(socket, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n", 6),
  "endless-body": (socket: Socket) => {
    const mebibyte = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(1024 * 1024, "x"), Buffer.from("\r\n")]);
    socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    pour(socket, mebibyte);
  },
  "gigabyte-body": (socket: Socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${1024 ** 3}\r\n\r\n`);
    pour(socket, Buffer.alloc(1024 * 1024, "x"));
  },
  /** 256 MiB in 270 KB: members may follow each other. */
  "gzip-bomb": (socket: Socket) => {
    const bomb = Buffer.concat(new Array(256).fill(gzipSync(Buffer.alloc(1024 * 1024))));
    socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
    socket.write(bomb);
  },
  /** To itself. */
  "redirect-loop": (socket: Socket) => socket.write("HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n"),
} satisfies Record<string, (socket: Socket) => void>;

export type HostileMode = keyof typeof MODES;

export interface Hostile {
  /** http, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Whole requests that came in. */
  readonly requests: number;
  /** Connections open now, and ever made. */
  readonly sockets: number;
  readonly connections: number;
  /** Waits until no connection is open. */
  waitForClosed(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** @param options.port any free one unless given */
export async function startHostile(mode: HostileMode, options: { port?: number } = {}): Promise<Hostile> {
  const open = new Set<Socket>();
  const changes = new EventEmitter().setMaxListeners(0);
  let requests = 0;
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    connections += 1;
    let head = "";
    let missing = -1;
    socket
      .on("error", () => {})
      .on("end", () => socket.end())
      .on("close", () => {
        open.delete(socket);
        changes.emit("change");
      })
      .on("data", (chunk: Buffer) => {
        if (missing < 0) {
          head += chunk.toString("latin1");
          const end = head.indexOf("\r\n\r\n");
          if (end < 0) return;
          missing = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - 4);
        } else {
          missing -= chunk.length;
        }
        if (missing > 0) return;
        head = "";
        missing = -1;
        requests += 1;
        MODES[mode](socket);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get requests() {
      return requests;
    },
    get sockets() {
      return open.size;
    },
    get connections() {
      return connections;
    },
    waitForClosed: (timeoutMs = 10_000) =>
      until(
        changes,
        () => open.size === 0,
        timeoutMs,
        () => `${open.size} open connections`,
      ),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Writes for ever, as fast as the other side reads. */
function pour(socket: Socket, chunk: Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.writable && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
}

/** Some bytes every 100 ms, for ever. */
function drip(socket: Socket, start: string, text: string, size = 1): void {
  socket.write(start);
  let at = 0;
  const timer = setInterval(() => {
    socket.write(text.slice(at, at + size));
    at = (at + size) % text.length;
  }, 100);
  socket.once("close", () => clearInterval(timer));
}

/** A byte at a time. */
function pieces(socket: Socket, text: string): void {
  const [first = "", rest] = [text[0], text.slice(1)];
  if (first === "" || socket.destroyed) return;
  socket.write(first, () => setImmediate(() => pieces(socket, rest)));
}

function header(bytes: number): string {
  return `x-filler: ${"a".repeat(bytes)}\r\n`;
}
