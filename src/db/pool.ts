/** A pool of our sessions: settings in force before a statement, and gone as a whole when its server takes no writes. */
import pg from "pg";
import { retried } from "./retry.ts";
import { clientConfig, SessionClient, type SessionConfig } from "./session-client.ts";

/** What node-postgres keeps to itself; its version is pinned, and test/db/sessions.test.ts fails when it changes. */
interface Inner {
  _queryable: boolean;
  connection: { stream: { destroy(): void } };
}
const inner = (client: pg.PoolClient | SessionClient) => client as unknown as Inner;

/** A connection is replaced when it is so old, so that no pool stays for good with a server that the URL no longer leads to. */
const LIFETIME_S = 600;
/**
 * A new session prepares and plans every statement anew: the first events after ten quiet seconds took 50 to 150 ms, and take 10
 * to 30. Longer than the minute between two rounds of the chores, each of which would find none.
 */
const IDLE_MS = 90_000;
/** How often a pool looks whether its statements are answered. */
const LOOK_MS = 500;
/** How long a statement may still be answered on a connection to a server that is silent. */
const DOOMED_MS = 5_000;

/** Of node-postgres's pool, whose version is pinned. */
interface Removing {
  _remove(client: SessionClient): void;
}

export class SessionPool extends pg.Pool {
  readonly #idle = new Set<SessionClient>();
  readonly #busy = new Set<SessionClient>();
  /** Since when no answer is expected, in milliseconds of `performance.now`; Infinity: only to go when it is given back. */
  readonly #doomed = new WeakMap<SessionClient, number>();
  /** Callers that found every connection in use: how many, and for how many seconds they waited in all. */
  readonly waits = { count: 0, seconds: 0 };
  readonly #answerMs: number;
  #looks: NodeJS.Timeout | undefined;

  /** @param config.answerMs how long a statement may go without an answer; else a little more than its own limit */
  constructor(config: SessionConfig & { max: number; answerMs?: number }) {
    const { query_timeout, ...client } = clientConfig(config);
    const answerMs = config.answerMs ?? query_timeout;
    // On a half-open connection a statement without a limit would keep its place in the pool for ever.
    if (answerMs === undefined) throw new Error("a pool's statements have a limit: what may take longer has a session of its own");
    const ages = { maxLifetimeSeconds: LIFETIME_S, idleTimeoutMillis: IDLE_MS };
    super({ ...client, ...ages, max: config.max, Client: SessionClient } as unknown as pg.PoolConfig);
    // An idle connection that breaks (Postgres restarted) is replaced on next use; without a listener it would end the process.
    this.on("error", () => undefined);
    this.on("connect", (client) => (client as unknown as SessionClient).onLost(() => this.dropAll()));
    this.on("acquire", (client) => {
      this.#idle.delete(client as unknown as SessionClient);
      this.#busy.add(client as unknown as SessionClient);
      this.#looks ??= this.#look();
    });
    this.on("release", (_error, client) => this.#released(client as unknown as SessionClient));
    this.on("remove", (client) => this.#forget(client as unknown as SessionClient));
    this.#answerMs = answerMs;
  }

  /** Once in a while as long as somebody waits: a pool at rest wakes nobody. */
  #look(): NodeJS.Timeout {
    return setTimeout(() => {
      const now = performance.now();
      for (const client of this.#busy) {
        const doomed = this.#doomed.get(client);
        client.demandAnswer(now, doomed !== undefined && now - doomed >= DOOMED_MS ? DOOMED_MS : this.#answerMs);
      }
      this.#looks = this.#busy.size > 0 ? this.#look() : undefined;
    }, LOOK_MS).unref();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override end(...args: any[]): any {
    // It waits for what is in use; the looks go on as long.
    this.#doomBusy(performance.now());
    return (super.end as (...all: unknown[]) => unknown).apply(this, args);
  }

  #released(client: SessionClient): void {
    this.#busy.delete(client);
    // The pool asks for this right after the event, and removes what is not queryable.
    if (this.#doomed.has(client)) inner(client)._queryable = false;
    else this.#idle.add(client);
  }

  #forget(client: SessionClient): void {
    this.#idle.delete(client);
    this.#busy.delete(client);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override connect(done?: (...all: any[]) => void): any {
    if (this.idleCount > 0 || this.totalCount < this.options.max) return done ? super.connect(done) : super.connect();
    const began = performance.now();
    this.waits.count += 1;
    const waited = () => {
      this.waits.seconds += (performance.now() - began) / 1_000;
    };
    if (!done) return super.connect().finally(waited);
    return super.connect((...all) => {
      waited();
      done(...all);
    });
  }

  #doomBusy(since: number): void {
    for (const client of this.#busy) this.#doomed.set(client, Math.min(since, this.#doomed.get(client) ?? Number.POSITIVE_INFINITY));
  }

  /**
   * Cuts what is idle; what is in use goes when it is given back.
   * @param silent the server answers nobody: a statement that has no answer soon is cut, too
   */
  dropAll(silent = false): void {
    this.#doomBusy(silent ? performance.now() : Number.POSITIVE_INFINITY);
    for (const client of [...this.#idle]) {
      // Out of the pool first: it would give one that is cut to whoever asks in this turn.
      (this as unknown as Removing)._remove(client);
      inner(client).connection.stream.destroy();
    }
    this.#idle.clear();
  }

  /**
   * A statement by itself is its own transaction: when another one is in its way it is sent again.
   * @throws UnavailableError when it still is
   */
  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override query(...args: any[]): any {
    const send = () => (super.query as (...all: unknown[]) => unknown).apply(this, args);
    return typeof args.at(-1) === "function" || typeof (args[0] as { submit?: unknown })?.submit === "function"
      ? send()
      : retried(() => send() as Promise<unknown>);
  }
}
