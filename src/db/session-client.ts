/**
 * A connection of ours. `connect` resolves only when the session's settings are in force, and no statement is taken
 * before: pools, Prisma, pg-boss and LISTEN all connect through this class.
 */
import pg from "pg";
import manifest from "../../package.json" with { type: "json" };
import { type DatabaseAddress, readDatabaseUrl } from "../database-url.ts";
import { DatabaseRefusal } from "./refusal.ts";
import { NO_LIMITS, POOL_PROFILE, type SessionProfile, type SessionState, sessionSql } from "./session.ts";
import { tlsRefusal } from "./tls-refusal.ts";

/** How long the settings may take, in milliseconds. */
const SETUP_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** How long a server may take to close a connection that we ended. */
const END_MS = 1_000;
/** Postgres ends a statement at its own limit: one that has no answer so long after it never gets one (a half-open connection). */
const ANSWER_MARGIN_MS = 2_000;
const QUERY_CANCELED = "57014";

const STANDBY = "a standby";

/** The server cannot be written to: a standby, or one that was the primary until now. */
export class ReadOnlyServerError extends Error {
  readonly code = "25006";
  constructor(why: string) {
    super(`the server is read-only (${why}): it takes no writes`);
    this.name = "ReadOnlyServerError";
  }
}

export interface SessionConfig {
  url: string;
  /** What the connection is for, in pg_stat_activity: `hookline 0.2.0 <purpose> pid 123`. */
  purpose: string;
  profile?: SessionProfile;
  /** Hears each error of the server's, and why no connection was made. */
  heard?: ((error: Error & { code?: string }) => void) | undefined;
}

/** Names every connection of this process in pg_stat_activity (63 bytes are kept). */
export const applicationName = (purpose: string) => `hookline ${manifest.version} ${purpose} pid ${process.pid}`;

type Session = { address: DatabaseAddress; profile: SessionProfile } & Pick<SessionConfig, "heard">;

/** What node-postgres is given: every part explicit. The session rides along for SessionClient. */
export function clientConfig(config: SessionConfig): pg.ClientConfig & { session: Session } {
  const address = readDatabaseUrl(config.url);
  const profile = config.profile ?? POOL_PROFILE;
  return {
    ...(address.user === undefined ? {} : { user: address.user }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.database === undefined ? {} : { database: address.database }),
    host: address.host,
    port: address.port,
    ssl: address.ssl === false ? false : { ...address.ssl },
    sslnegotiation: address.sslnegotiation,
    ...(address.enableChannelBinding ? { enableChannelBinding: true } : {}),
    application_name: applicationName(config.purpose),
    connectionTimeoutMillis: address.connectTimeoutSeconds === undefined ? CONNECT_TIMEOUT_MS : address.connectTimeoutSeconds * 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    // What may take hours is left to the keepalive.
    ...(profile.statementTimeout > 0 ? { query_timeout: profile.statementTimeout + ANSWER_MARGIN_MS } : {}),
    session: { address, profile, heard: config.heard },
  } as ReturnType<typeof clientConfig>;
}

/** Codes after which the connection is of no use: read-only, shutting down, crashed, not yet up. */
const LOST = new Set(["25006", "57P01", "57P02", "57P03", "57P05"]);

/** No host name: with an unencoded password a piece of it may stand there. */
function withoutHost(error: Error & { code?: string; hostname?: unknown }): Error {
  if (error.code !== "ENOTFOUND" && error.code !== "EAI_AGAIN") return error;
  const said = new Error(
    `the host that DATABASE_URL names is not found (${error.code}); if its user or password has special characters, percent-encode them (%40 for @, %2F for /)`,
  );
  return Object.assign(said, { code: error.code });
}

function checkState(state: SessionState): void {
  const major = Math.floor(state.version / 10_000);
  if (major < 15 || major > 18) throw new DatabaseRefusal(`PostgreSQL ${major} is not supported: Hookline runs on PostgreSQL 15 to 18`);
  if (state.triggers !== "origin")
    throw new DatabaseRefusal(
      `session_replication_role is ${state.triggers} for this role or database, so that triggers do not fire: ALTER ROLE … RESET session_replication_role, and the same for the database`,
    );
  if (state.recovery) throw new ReadOnlyServerError(STANDBY);
  if (state.closed) throw new ReadOnlyServerError("default_transaction_read_only is on in its configuration");
}

/** What node-postgres keeps to itself; its version is pinned, and test/db/answered.test.ts fails when it changes. */
interface Inner {
  _activeQuery: unknown;
}

export class SessionClient extends pg.Client {
  readonly #setup: string;
  readonly #address: DatabaseAddress;
  readonly #heard: SessionConfig["heard"];
  #ready = false;
  #ending = false;
  #lost: ((error: Error) => void) | undefined;
  /** The statement that a look met, and when it met it first. */
  #met: { statement: unknown; at: number } | undefined;

  constructor(config: ReturnType<typeof clientConfig>) {
    super(config);
    const { address, profile, heard } = config.session;
    this.#setup = sessionSql(address, profile);
    this.#address = address;
    this.#heard = heard;
    // node-postgres fills these from PGOPTIONS, PGREPLICATION, PGCLIENTENCODING and PGBINARY, whatever its config says.
    const own = this as unknown as { connectionParameters: Record<string, unknown>; replication: unknown; binary: boolean };
    Object.assign(own.connectionParameters, { options: address.options, replication: undefined, client_encoding: "UTF8", binary: false });
    own.replication = undefined;
    own.binary = false;
    this.connection.on("errorMessage", (error: Error & { code?: string }) => {
      // A server that shuts down says so also to who has said good-bye: a stop that went well makes no warning.
      const isLost = error.code !== undefined && LOST.has(error.code);
      if (this.#ending && isLost) return;
      if (this.#ready && isLost) this.#lost?.(error);
      heard?.(error);
    });
    // Without a listener a connection that breaks would end the process; whoever uses it is told by its statements.
    this.on("error", () => undefined);
  }

  /** Called when the server turns out to be read-only or going down: the pool drops every connection to it. */
  onLost(listener: (error: Error) => void): void {
    this.#lost = listener;
  }

  /**
   * A look at the statement in flight; the connection is cut when it is the same for `timeoutMs`, and its callers are told. Instead of
   * node-postgres's own `query_timeout`, a timer for each statement: with those, the rows of every answer outlived two collections
   * of young objects, which took 15 to 40 ms each instead of one.
   * @param now milliseconds of `performance.now`
   */
  demandAnswer(now: number, timeoutMs: number): void {
    const statement = (this as unknown as Inner)._activeQuery ?? undefined;
    if (statement === undefined) this.#met = undefined;
    else if (this.#met?.statement !== statement) this.#met = { statement, at: now };
    else if (now - this.#met.at >= timeoutMs) this.connection.stream.destroy(new Error("Query read timeout"));
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override connect(callback?: (error: any, client?: any) => void): any {
    const done = this.#open();
    if (!callback) return done;
    done.then(
      () => callback(undefined, this),
      (error: Error) => callback(error),
    );
  }

  async #open(): Promise<this> {
    try {
      await super.connect();
      await this.#liftLimits();
      const results: unknown = await super.query({ text: this.#setup, query_timeout: SETUP_TIMEOUT_MS } as pg.QueryConfig);
      checkState([results as pg.QueryResult<SessionState>].flat().at(-1)?.rows[0] as SessionState);
      this.#ready = true;
      return this;
    } catch (error) {
      this.end().catch(() => undefined);
      // A standby whose default isolation is serializable does not even tell that it is one.
      if ((error as { code?: string }).code === "0A000" && /hot standby/.test((error as Error).message))
        throw new ReadOnlyServerError(STANDBY);
      const told = tlsRefusal(error, this.#address) ?? withoutHost(error as Error);
      // What the server itself said was heard already.
      if (!("severity" in (error as object))) this.#heard?.(told);
      throw told;
    }
  }

  /**
   * By itself, because it takes effect while nothing but a short text is parsed: a limit of the database may be milliseconds.
   * On a busy machine even that may be cut short; the session stands, and is asked again.
   */
  async #liftLimits(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await super.query({ text: NO_LIMITS, query_timeout: SETUP_TIMEOUT_MS } as pg.QueryConfig);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== QUERY_CANCELED || tries === 20) throw error;
      }
    }
  }

  /** On a half-open connection the server never closes: whoever waits for that would wait for ever. */
  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override end(...args: any[]): any {
    this.#ending = true;
    setTimeout(() => this.connection.stream.destroy(), END_MS).unref();
    return (super.end as (...all: unknown[]) => unknown).apply(this, args);
  }

  /** As node-postgres has it, after the settings only. */
  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override query(...args: any[]): any {
    if (!this.#ready) throw new Error("a statement before the session's settings are in force");
    return (super.query as (...all: unknown[]) => unknown).apply(this, args);
  }
}
