/**
 * The one door out: an HTTP call to a receiver, through the egress guard, as a value. It never throws for what a
 * receiver does. undici's Client does HTTP/1.1 (7 × the calls per second of got, SPEED.md); opening the socket is
 * done here, so that every address is checked before and after connecting and every phase has its limit.
 *
 * A kept connection that the receiver closed: undici reads what has come on an idle socket before it writes, and if
 * it finds the end, nothing was sent and the call goes out again on a new connection at once. A receiver that closes
 * behind its reply without saying so is seen to do it one turn of the event loop later, so a call that follows in the
 * reply's own turn waits that long. When the end crosses
 * our request on the wire, nobody can know whether it was read: that is a failed attempt (CONNECTION_RESET) for the
 * retry schedule, and not a hidden second call that the log would not show. To keep this rare, a connection is kept
 * idle for 4 s, or 2 s less than the receiver's own `Keep-Alive: timeout` says.
 *
 * A connection to a name takes no further call once the name's answer is `connectionAgeMs` old: a receiver that moves
 * (failover, a load balancer that is replaced) is followed as its DNS says, however busy its lanes are.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { Client, type Dispatcher } from "undici";
import type { Clock } from "../clock.ts";
import type { Answer, NoReply } from "../wire/dialect.ts";
import { type Call, type Sent, type Target, targetBook, wireHeaders } from "./call.ts";
import { Connection, ConnectionGone, type HttpOver, opened } from "./connection.ts";
import { type Egress, EgressError, hostOf } from "./egress.ts";
import { failure, invalid, noReply, type Phase, timedOut } from "./failure.ts";
import { Incoming } from "./incoming.ts";
import { Pool } from "./pool.ts";

export interface Transport {
  /** One call, no redirects, no retries, no proxy. */
  send(call: Call): Promise<Sent>;
  /** Origins that have connections now. */
  readonly origins: number;
  /** Takes no more calls; resolves when those in flight have ended (at most their timeouts). Idempotent. */
  close(): Promise<void>;
}

type PhaseLimits = Record<Exclude<Phase, "reply">, number>;

/** Milliseconds; they only matter where the call's own timeout is longer. */
const PHASE_LIMITS: PhaseLimits = { dns: 5_000, connect: 10_000, tls: 10_000 };
const MAX_HEADER_BYTES = 16 * 1024;
const KEEP_ALIVE_MS = 4_000;
/** Idle sockets over all origins. */
const MAX_IDLE = 1_024;
const CONNECTION_AGE_MS = 30_000;

interface Shared {
  egress: Egress;
  phaseLimits: PhaseLimits;
  connectionAgeMs: number;
  clock: Clock;
  secureContext: SecureContext;
  pool: Pool<Connection>;
  /** What still waits for a connection gets none. */
  closing: boolean;
  /** The last TLS session by target key, to resume. */
  sessions: Map<string, Buffer>;
}

/**
 * @param options.trust PEM certificates trusted besides the usual ones (tests; operators set NODE_EXTRA_CA_CERTS)
 * @param options.connectionsPerOrigin calls in flight to one origin; more wait their turn. A net: lanes share them before they send (fairness/)
 * @param options.phaseLimits milliseconds
 * @param options.connectionAgeMs calls begin on a connection for so long after its name was resolved (30 s)
 */
export function createTransport(options: {
  egress: Egress;
  clock: Clock;
  trust?: string[];
  connectionsPerOrigin?: number;
  phaseLimits?: Partial<PhaseLimits>;
  connectionAgeMs?: number;
}): Transport {
  const shared: Shared = {
    egress: options.egress,
    phaseLimits: { ...PHASE_LIMITS, ...options.phaseLimits },
    connectionAgeMs: options.connectionAgeMs ?? CONNECTION_AGE_MS,
    clock: options.clock,
    secureContext: createSecureContext({
      minVersion: "TLSv1.2",
      ...(options.trust ? { ca: [...rootCertificates, ...options.trust] } : {}),
    }),
    pool: new Pool({ perOrigin: options.connectionsPerOrigin ?? 1_024, maxIdle: MAX_IDLE }),
    closing: false,
    sessions: new Map(),
  };
  const targetOf = targetBook(options.egress);
  let inFlight = 0;
  let ended: (() => void) | undefined;
  let closed: Promise<void> | undefined;

  return {
    send(call) {
      if (closed) return Promise.resolve({ answer: INTERRUPTED, durationMs: 0 });
      const target = targetOf(call);
      if (typeof target === "string") return Promise.resolve({ answer: noReply("BLOCKED", "EGRESS_BLOCKED", target), durationMs: 0 });
      inFlight += 1;
      return new Promise((resolve) => {
        new Attempt(shared, target, call, (sent) => {
          inFlight -= 1;
          if (inFlight === 0) ended?.();
          resolve(sent);
        }).begin();
      });
    },
    get origins() {
      return shared.pool.size;
    },
    close() {
      closed ??= new Promise<void>((resolve) => {
        ended = resolve;
        shared.closing = true;
        if (inFlight === 0) resolve();
      }).then(() => shared.pool.drain());
      return closed;
    },
  };
}

const INTERRUPTED = noReply("REFUSED", "INTERRUPTED", "the call was given up: this process is stopping");

/** One call from its slot to its answer. A class, because undici calls its handlers by name, and one is made per call. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #shared: Shared;
  readonly #target: Target;
  readonly #call: Call;
  readonly #resolve: (sent: Sent) => void;
  readonly #incoming = new Incoming();
  #phase: Phase = "dns";
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #phaseTimer: NodeJS.Timeout | undefined;
  #connection: Connection | undefined;
  /** While it is being opened. */
  #socket: Socket | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #reused = false;
  #holdsSlot = false;
  #settled = false;

  constructor(shared: Shared, target: Target, call: Call, resolve: (sent: Sent) => void) {
    this.#shared = shared;
    this.#target = target;
    this.#call = call;
    this.#resolve = resolve;
  }

  begin(): void {
    const { signal } = this.#call;
    if (signal?.aborted) {
      this.#settle(INTERRUPTED);
      return;
    }
    signal?.addEventListener("abort", this.#interrupt);
    this.#shared.pool.acquire(this.#target.key, (idle) => this.#start(idle));
  }

  #start(idle: Connection | undefined): void {
    this.#holdsSlot = true;
    this.#connection = idle;
    if (this.#settled) {
      this.#release(true);
      return;
    }
    this.#startedAt = this.#shared.clock.monotonic();
    if (this.#shared.closing) {
      this.#settle(INTERRUPTED, true);
      return;
    }
    this.#timer = setTimeout(this.#expire, this.#call.timeoutMs, this.#call.timeoutMs);
    if (idle) {
      this.#reused = true;
      if (idle.isRested) this.#dispatch(idle);
      else
        setImmediate(() => {
          if (!this.#settled) this.#dispatch(idle);
        });
    } else {
      void this.#open();
    }
  }

  async #open(): Promise<void> {
    const { egress, secureContext, sessions, pool, clock, connectionAgeMs } = this.#shared;
    const { url, key } = this.#target;
    try {
      this.#enter("dns");
      // Counted from the question: how old the answer is by its end, nobody knows.
      const usableUntil = isIP(hostOf(url)) === 0 ? clock.monotonic() + connectionAgeMs : Number.POSITIVE_INFINITY;
      const addresses = await egress.resolve(url, this.#call.owner);
      if (this.#settled) return;
      this.#enter("connect");
      const raw = connectTcp({
        host: hostOf(url),
        port: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
        // What was checked is what is used: the name is not asked a second time.
        lookup: (_hostname, _options, callback) => callback(null, addresses),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: 1_000,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
      });
      let socket = raw;
      this.#socket = raw;
      await opened(raw, "connect");
      if (!egress.checkAddress(raw.remoteAddress, url)) throw new EgressError();
      if (url.protocol === "https:") {
        this.#enter("tls");
        const host = hostOf(url).replace(/\.$/, "");
        const session = sessions.get(key);
        socket = connectTls({
          socket: raw,
          host,
          servername: isIP(host) === 0 ? host : "",
          secureContext,
          rejectUnauthorized: this.#target.validate,
          ALPNProtocols: ["http/1.1"],
          ...(session ? { session } : {}),
        });
        this.#socket = socket;
        // Not before the certificate has passed: a resumed session is not compared with the host name again.
        socket.once("secureConnect", () => {
          socket.on("session", (made: Buffer) => {
            if (sessions.size >= MAX_IDLE) sessions.clear();
            sessions.set(key, made);
          });
        });
        await opened(socket, "secureConnect", raw);
      }
      // A timer may have run between the last event and here.
      if (this.#settled) {
        socket.destroy();
        return;
      }
      this.#dispatch(new Connection(this.#target, socket, httpOver, { pool, clock, usableUntil }));
    } catch (error) {
      this.#socket?.destroy();
      this.#settle(failure(this.#phase, error));
    }
  }

  #enter(phase: Exclude<Phase, "reply">): void {
    this.#phase = phase;
    clearTimeout(this.#phaseTimer);
    const limit = this.#shared.phaseLimits[phase];
    if (limit < this.#call.timeoutMs) this.#phaseTimer = setTimeout(this.#expire, limit, limit);
  }

  #dispatch(connection: Connection): void {
    clearTimeout(this.#phaseTimer);
    this.#phase = "reply";
    this.#connection = connection;
    connection.watch = this.#incoming.watch;
    const { method = "POST", body, headers } = this.#call;
    connection.client.dispatch(
      {
        path: this.#target.path,
        method: method as Dispatcher.HttpMethod,
        headers: wireHeaders(headers),
        body: body.length > 0 ? body : null,
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(GIVEN_UP);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#guarded(() => {
      const problem = this.#incoming.start(status, headers);
      if (problem) this.#fail(problem);
      else if (this.#incoming.hasHead && this.#connection) this.#connection.watch = undefined;
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#guarded(() => {
      const cut = this.#settled ? undefined : this.#incoming.add(chunk);
      if (cut) this.#settle(cut);
    });
  }

  onResponseEnd(): void {
    this.#guarded(() => this.#settle(this.#incoming.whole(), !this.#incoming.closes));
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#guarded(() => {
      if (this.#settled) return;
      const unsent = this.#controller === undefined;
      if (unsent && error instanceof ConnectionGone && this.#reused) {
        // Certain that no byte was sent: see the head of this file.
        this.#reused = false;
        this.#connection = undefined;
        void this.#open();
        return;
      }
      this.#fail(failure("reply", error, this.#incoming.come), unsent);
    });
  }

  /** The parser calls back from inside its own work: what is wrong here ends this call, and nothing else. */
  #guarded(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#settle(invalid(`the reply could not be read (${error instanceof Error ? error.name : typeof error})`));
    }
  }

  /** What came before it still counts. */
  #fail(fault: NoReply, reusable = false): void {
    this.#settle(this.#incoming.broken(fault), reusable);
  }

  readonly #expire = (limit: number): void => this.#fail(timedOut(this.#phase, limit, this.#incoming.come));

  readonly #interrupt = (): void => this.#fail(INTERRUPTED);

  #settle(answer: Answer, reusable = false): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#phaseTimer);
    this.#call.signal?.removeEventListener("abort", this.#interrupt);
    const durationMs = this.#holdsSlot ? Math.max(0, Math.round(this.#shared.clock.monotonic() - this.#startedAt)) : 0;
    this.#release(reusable);
    this.#resolve({ answer, durationMs });
  }

  /** Without a slot yet, `#start` comes here once there is one. */
  #release(reusable: boolean): void {
    if (!this.#holdsSlot) return;
    this.#holdsSlot = false;
    const connection = this.#connection;
    if (connection && reusable && connection.alive()) {
      connection.rest();
      this.#shared.pool.keep(connection);
      return;
    }
    this.#controller?.abort(GIVEN_UP);
    this.#socket?.destroy();
    connection?.destroy();
    this.#shared.pool.free(this.#target.key);
  }
}

const GIVEN_UP = new Error("given up");

/** undici's HTTP over a socket that is given to it. */
const httpOver: HttpOver = (origin, connect) =>
  new Client(origin, {
    pipelining: 1,
    maxHeaderSize: MAX_HEADER_BYTES,
    // The attempt's own timer covers both, and costs one timer instead of three.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    keepAliveTimeoutThreshold: 2_000,
    connect,
  });
