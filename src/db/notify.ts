/**
 * LISTEN / NOTIFY with one connection per process. A notification is a hint and may be lost (nobody hears while
 * disconnected): whoever listens reads the truth from the tables, also when told of a `reconnect`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Log } from "../observe/log.ts";

/** feed: organization ids with new feed entries · lane: ids of lanes with new work · job: names of queues with new jobs · revoked: token or session ids · definition: ids of changed definitions */
export type Channel = "feed" | "lane" | "job" | "revoked" | "definition";
const CHANNELS: readonly Channel[] = ["feed", "lane", "job", "revoked", "definition"];
const name = (channel: Channel) => `hookline_${channel}`;

/** Longest payload Postgres takes, less some room. */
export const MAX_PAYLOAD = 7_900;

export interface Notifier {
  /** `ids` is empty when too many changed to name them, or after a reconnect: then read everything. */
  on(channel: Channel, listener: (ids: string[]) => void): () => void;
  /** SQL text and values that notify inside the caller's transaction. */
  statement(channel: Channel, ids: Iterable<string>): { text: string; values: [string, string] };
  readonly connected: boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createNotifier(url: string, log: Log): Notifier {
  const listeners = new Map<Channel, Set<(ids: string[]) => void>>(CHANNELS.map((channel) => [channel, new Set()]));
  let client: pg.Client | undefined;
  let stopped = true;
  let connected = false;
  let loop: Promise<void> | undefined;
  const tell = (channel: Channel, ids: string[]) => {
    for (const listener of listeners.get(channel) ?? []) listener(ids);
  };

  /** Connects, listens, and returns a promise that settles when the connection is gone. */
  async function listen(): Promise<{ gone: Promise<void> }> {
    const next = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 2_000,
    });
    const gone = new Promise<void>((resolve) => {
      next.once("end", () => resolve());
      next.on("error", () => resolve());
    });
    next.on("notification", ({ channel, payload }) => {
      const known = CHANNELS.find((c) => name(c) === channel);
      if (known) tell(known, payload ? payload.split(",") : []);
    });
    await next.connect();
    await next.query(CHANNELS.map((channel) => `LISTEN ${name(channel)}`).join(";"));
    client = next;
    connected = true;
    // A half-open connection is silent: ask now and then whether anybody is there.
    const heartbeat = setInterval(() => {
      const late = setTimeout(() => next.end().catch(() => undefined), 5_000);
      next.query("SELECT 1").then(
        () => clearTimeout(late),
        () => clearTimeout(late),
      );
    }, 5_000);
    heartbeat.unref();
    void gone.then(() => clearInterval(heartbeat));
    return { gone };
  }

  async function keepListening(first: { gone: Promise<void> }): Promise<void> {
    for (let link = first; ; ) {
      await link.gone;
      connected = false;
      client?.end().catch(() => undefined);
      for (;;) {
        if (stopped) return;
        try {
          link = await listen();
          break;
        } catch (error) {
          log.warn({ err: (error as Error).message }, "LISTEN connection lost, trying again");
          await sleep(500);
        }
      }
      for (const channel of CHANNELS) tell(channel, []);
    }
  }

  return {
    get connected() {
      return connected;
    },
    on(channel, listener) {
      listeners.get(channel)?.add(listener);
      return () => listeners.get(channel)?.delete(listener);
    },
    statement(channel, ids) {
      const text = [...ids].join(",");
      return { text: "SELECT pg_notify($1, $2)", values: [name(channel), text.length > MAX_PAYLOAD ? "" : text] };
    },
    async start() {
      stopped = false;
      loop = keepListening(await listen());
    },
    async stop() {
      stopped = true;
      await client?.end().catch(() => undefined);
      await loop;
    },
  };
}
