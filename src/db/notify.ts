/**
 * LISTEN / NOTIFY with one connection per process. A notification is a hint and may be lost (nobody hears while
 * disconnected): whoever listens reads the truth from the tables, also when told of a `reconnect`.
 */
import type { Log } from "../observe/log.ts";
import { createListener } from "./listener.ts";

/** feed: organization ids with new feed entries · lane: references of lanes with new work (delivery/lane-id.ts) · held: the same of lanes that somebody holds, for whoever it is · job: names of queues with new jobs · revoked: token or session ids · definition: ids of changed definitions · quotas: ids of organizations whose quotas were set */
export type Channel = "feed" | "lane" | "held" | "job" | "revoked" | "definition" | "quotas";
const CHANNELS: readonly Channel[] = ["feed", "lane", "held", "job", "revoked", "definition", "quotas"];
const name = (channel: Channel) => `hookline_${channel}`;

/** Longest payload Postgres takes, less some room. */
export const MAX_PAYLOAD = 7_900;

export interface Notifier {
  /** `ids` is empty when too many changed to name them, or after a reconnect: then read everything. */
  on(channel: Channel, listener: (ids: string[]) => void): () => void;
  /** SQL text and values that notify inside the caller's transaction. */
  statement(channel: Channel, ids: Iterable<string>): { text: string; values: [string, string] };
  /** Tells the listeners of this process alone. */
  tell(channel: Channel, ids: string[]): void;
  readonly connected: boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @param moved called when connections that are open are of no use any more: listener.ts */
export function createNotifier(url: string, log: Log, moved: (silent: boolean) => void = () => undefined): Notifier {
  const listeners = new Map<Channel, Set<(ids: string[]) => void>>(CHANNELS.map((channel) => [channel, new Set()]));
  const tell = (channel: Channel, ids: string[]) => {
    for (const listener of listeners.get(channel) ?? []) listener(ids);
  };
  const connection = createListener({
    url,
    log,
    purpose: "notify",
    channels: CHANNELS.map(name),
    heard(channel, payload) {
      const known = CHANNELS.find((c) => name(c) === channel);
      if (known) tell(known, payload ? payload.split(",") : []);
    },
    moved,
    reconnected() {
      for (const channel of CHANNELS) tell(channel, []);
    },
  });

  return {
    get connected() {
      return connection.connected;
    },
    on(channel, listener) {
      listeners.get(channel)?.add(listener);
      return () => listeners.get(channel)?.delete(listener);
    },
    statement(channel, ids) {
      const text = [...ids].join(",");
      return { text: "SELECT pg_notify($1, $2)", values: [name(channel), text.length > MAX_PAYLOAD ? "" : text] };
    },
    tell,
    start: () => connection.start(),
    stop: () => connection.stop(),
  };
}
