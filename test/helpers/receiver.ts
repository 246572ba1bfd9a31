/**
 * A real HTTP receiver for tests, the demo and the fault harness: it records every call, and answers as told.
 * For receivers that break HTTP see hostile.ts.
 */
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ReceivedCall {
  /** 0 for the first. */
  index: number;
  time: Date;
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
  json(): any;
  /** Calls that had no reply yet when this one came, itself included. */
  inFlight: number;
  /** Resolves when the reply is out, or the caller hung up. */
  closed: Promise<void>;
}

export interface Reply {
  /** 200 unless given. */
  status?: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: string | Buffer | object;
  delayMs?: number;
}

/** A status, a reply, a sequence of them whose last stays, or a function of the call. */
export type Responder =
  | number
  | Reply
  | readonly (number | Reply)[]
  | ((call: ReceivedCall, index: number) => number | Reply | Promise<number | Reply>);

export interface Receiver {
  /** Without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** In the order their bodies were complete. */
  readonly calls: ReceivedCall[];
  /** Calls without a reply now, and the most there ever were. */
  readonly inFlight: number;
  readonly maxInFlight: number;
  /** Connections open now, and ever made. */
  readonly sockets: number;
  readonly connections: number;
  respond(responder: Responder): void;
  /** Replies wait until `release`. */
  hold(): void;
  release(): void;
  /**
   * Waits for a number of calls, or for a condition on them.
   * @throws after `timeoutMs` (10 000), with what did arrive
   */
  waitFor(condition: number | ((calls: ReceivedCall[]) => boolean), timeoutMs?: number): Promise<ReceivedCall[]>;
  /** Closes idle connections, as a receiver with a short keep-alive does. */
  dropIdle(): void;
  close(): Promise<void>;
}

export type Certificate = "good" | "self-signed" | "expired" | "wrong-host" | "old-version";

/** Signs `good`, `expired` and `wrong-host`. */
export const testCa = fixture("ca");

/**
 * @param options.tls serve https with this certificate; `good` is for localhost, receiver.test and 127.0.0.1
 * @param options.tlsVersion this one only
 * @param options.port any free one unless given
 * @param options.host to listen on (127.0.0.1)
 * @param options.keepAliveMs how long an idle connection stays (5000)
 */
export async function startReceiver(
  options: { tls?: Certificate; tlsVersion?: "TLSv1.2" | "TLSv1.3"; port?: number; host?: string; keepAliveMs?: number } = {},
): Promise<Receiver> {
  const calls: ReceivedCall[] = [];
  const changes = new EventEmitter().setMaxListeners(0);
  let responder: Responder = 200;
  let held: { promise: Promise<void>; release: () => void } | undefined;
  let inFlight = 0;
  let maxInFlight = 0;
  let sockets = 0;
  let connections = 0;

  const server = listenWith(options, (request, response) => {
    inFlight += 1;
    maxInFlight = Math.max(maxInFlight, inFlight);
    const arrivedWith = inFlight;
    const closed = new Promise<void>((resolve) => {
      response.once("close", () => {
        inFlight -= 1;
        changes.emit("change");
        resolve();
      });
    });
    void answer(request, response, arrivedWith, closed).catch((error: unknown) => {
      // A cut connection is the sender's doing; anything else is a mistake in the test's own responder.
      if (!request.destroyed) response.writeHead(599).end(String(error));
    });
  });
  server.keepAliveTimeout = options.keepAliveMs ?? 5_000;
  server.on("connection", (socket) => {
    sockets += 1;
    connections += 1;
    socket.once("close", () => {
      sockets -= 1;
      changes.emit("change");
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse, arrivedWith: number, closed: Promise<void>): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const call: ReceivedCall = {
      index: calls.length,
      time: new Date(),
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body,
      json: () => JSON.parse(body.toString("utf8")),
      inFlight: arrivedWith,
      closed,
    };
    calls.push(call);
    changes.emit("change");
    const reply = await replyTo(call, responder);
    if (reply.delayMs !== undefined) await sleep(reply.delayMs);
    while (held) await held.promise;
    const content = bytes(reply.body);
    response.writeHead(reply.status ?? 200, { "content-length": content.length, ...reply.headers });
    response.end(content);
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  const release = () => {
    held?.release();
    held = undefined;
  };
  return {
    url: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    calls,
    get inFlight() {
      return inFlight;
    },
    get maxInFlight() {
      return maxInFlight;
    },
    get sockets() {
      return sockets;
    },
    get connections() {
      return connections;
    },
    respond(next) {
      responder = next;
    },
    hold() {
      if (held) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      held = { promise, release: resolve };
    },
    release,
    async waitFor(condition, timeoutMs = 10_000) {
      const met = () => (typeof condition === "number" ? calls.length >= condition : condition(calls));
      await until(
        changes,
        met,
        timeoutMs,
        () =>
          `${calls.length} calls: ${calls
            .map((c) => `${c.method} ${c.path}`)
            .slice(-20)
            .join(", ")}`,
      );
      return calls;
    },
    dropIdle: () => server.closeIdleConnections(),
    async close() {
      release();
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Waits for a condition that may become true at each `change`. */
export async function until(changes: EventEmitter, met: () => boolean, timeoutMs: number, evidence: () => string): Promise<void> {
  if (met()) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms; there were ${evidence()}`)), timeoutMs);
  const check = () => {
    if (met()) resolve();
  };
  changes.on("change", check);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    changes.off("change", check);
  }
}

async function replyTo(call: ReceivedCall, responder: Responder): Promise<Reply> {
  let reply: number | Reply | undefined;
  if (typeof responder === "function") reply = await responder(call, call.index);
  else if (Array.isArray(responder)) reply = (responder as (number | Reply)[])[Math.min(call.index, responder.length - 1)];
  else reply = responder as number | Reply;
  return typeof reply === "number" ? { status: reply } : (reply ?? {});
}

function bytes(body: Reply["body"]): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

function listenWith(
  { tls: certificate, tlsVersion }: { tls?: Certificate; tlsVersion?: "TLSv1.2" | "TLSv1.3" },
  onCall: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  if (certificate === undefined) return createServer(onCall);
  if (certificate === "old-version") {
    // Security level 0, or OpenSSL itself would refuse what the test wants to see refused by the sender.
    return createTlsServer(
      { cert: fixture("good"), key: fixture("key"), minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
      onCall,
    );
  }
  const only = tlsVersion ? { minVersion: tlsVersion, maxVersion: tlsVersion } : {};
  return createTlsServer({ cert: fixture(certificate), key: fixture("key"), ...only }, onCall);
}

export function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), "utf8");
}
