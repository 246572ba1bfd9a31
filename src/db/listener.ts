/**
 * One LISTEN connection that stays: replaced when it breaks, when nobody answers on it (a half-open connection is silent),
 * when its server takes no writes any more, and when the URL leads to another server (a primary that was replaced would never
 * notify again, whether it still runs or not).
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../observe/log.ts";
import { serverOf, watchServer } from "./server-watch.ts";
import { clientConfig, SessionClient } from "./session-client.ts";

const HEARTBEAT_MS = 5_000;
const ANSWER_MS = 5_000;
const AGAIN_MS = 500;

export interface ListenerOptions {
  url: string;
  log: Log;
  /** In pg_stat_activity. */
  purpose: string;
  channels: readonly string[];
  heard(channel: string, payload: string): void;
  /** Notifications may have been missed: read everything. */
  reconnected(): void;
  /** The server takes no writes any more or does not answer (`silent`), or the URL leads to another one: connections that are open are of no use. */
  moved?(silent: boolean): void;
}

export interface Listener {
  readonly connected: boolean;
  /** Resolves once it listens. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createListener(options: ListenerOptions): Listener {
  const { url, log, purpose, channels } = options;
  let client: SessionClient | undefined;
  let stopped = true;
  let connected = false;
  let loop: Promise<void> | undefined;

  /** Connects, listens, and returns a promise that settles when the connection is of no use any more. */
  async function listen(): Promise<{ gone: Promise<void> }> {
    const next = new SessionClient(clientConfig({ url, purpose }));
    await next.connect();
    const gone = Promise.withResolvers<void>();
    next.once("end", gone.resolve);
    next.on("error", () => gone.resolve());
    next.onLost(() => gone.resolve());
    next.on("notification", ({ channel, payload }) => options.heard(channel, payload ?? ""));
    let server: string;
    try {
      await next.query(channels.map((channel) => `LISTEN "${channel}"`).join(";"));
      server = await serverOf(next);
    } catch (error) {
      next.end().catch(() => undefined);
      throw error;
    }
    client = next;
    connected = true;
    const heartbeat = setInterval(() => {
      // Whatever made this connection half-open did the same to the others.
      const late = setTimeout(() => {
        options.moved?.(true);
        gone.resolve();
      }, ANSWER_MS);
      (
        next.query("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS standby") as Promise<{
          rows: { standby: boolean }[];
        }>
      ).then(
        ({ rows }) => {
          clearTimeout(late);
          if (!rows[0]?.standby) return;
          options.moved?.(false);
          gone.resolve();
        },
        () => clearTimeout(late),
      );
    }, HEARTBEAT_MS);
    const unwatch = watchServer(url, (now) => {
      if (now === server) return;
      options.moved?.(false);
      gone.resolve();
    });
    heartbeat.unref();
    void gone.promise.then(() => {
      clearInterval(heartbeat);
      unwatch();
    });
    return { gone: gone.promise };
  }

  async function keep(first: { gone: Promise<void> }): Promise<void> {
    for (let link = first; ; ) {
      await link.gone;
      connected = false;
      client?.end().catch(() => undefined);
      for (;;) {
        if (stopped) return;
        try {
          link = await listen();
          // Told to stop meanwhile: whoever told ended the connection before this one.
          if (stopped) {
            await client?.end().catch(() => undefined);
            return;
          }
          break;
        } catch (error) {
          log.warn({ err: (error as Error).message, purpose }, "LISTEN connection lost, trying again");
          await sleep(AGAIN_MS);
        }
      }
      options.reconnected();
    }
  }

  return {
    get connected() {
      return connected;
    },
    async start() {
      stopped = false;
      loop = keep(await listen());
    },
    async stop() {
      stopped = true;
      await client?.end().catch(() => undefined);
      await loop;
    },
  };
}
