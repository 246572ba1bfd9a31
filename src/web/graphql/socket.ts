/** The one WebSocket of the page: whether it answers, and whether the session behind it is still good. */
import { type Client, createClient } from "graphql-ws";
import { askSession, sessionToken } from "./tab.ts";

/** Milliseconds between two pings; with the wait for the answer below three seconds, so that "Live" is never older. */
const PING_MS = 1_500;
/** A pong that takes longer: nobody may call the page live. */
const LATE_MS = 1_200;
/** No pong at all: the connection is given up and made anew. */
const DEAD_MS = 8_000;
/** Close codes by which the server says that the session is over, or that its rights are others: SECURITY of the API's socket. */
const SIGNED_OUT = new Set([4401, 4403]);

export interface Socket {
  client: Client;
  /** The connection is acknowledged and answers pings. */
  live(): boolean;
  /** Called on every change of `live`. */
  watch(listener: (live: boolean) => void): () => void;
}

let shared: Socket | undefined;

/** A new person: what the last one's session opened is closed. */
export function closeSocket(): void {
  // One that is being opened may be refused just now: nobody waits for it any more.
  void Promise.resolve(shared?.client.dispose()).catch(() => undefined);
  shared = undefined;
}

export function socket(): Socket {
  shared ??= open();
  return shared;
}

function open(): Socket {
  const listeners = new Set<(live: boolean) => void>();
  let live = false;
  let late: ReturnType<typeof setTimeout> | undefined;
  let dead: ReturnType<typeof setTimeout> | undefined;
  const set = (next: boolean) => {
    if (next === live) return;
    live = next;
    for (const listener of [...listeners]) listener(live);
  };
  const calm = () => {
    clearTimeout(late);
    clearTimeout(dead);
    late = undefined;
    dead = undefined;
  };
  const client = createClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    connectionParams: () => ({ "x-hookline-session": sessionToken() }),
    lazy: true,
    lazyCloseTimeout: 3_000,
    keepAlive: PING_MS,
    // Reconnecting is follow()'s: it alone knows the cursor to go on from.
    retryAttempts: 0,
    on: {
      connected: () => set(true),
      closed: (event) => {
        calm();
        set(false);
        if (SIGNED_OUT.has((event as CloseEvent).code)) void askSession();
      },
      ping: (received) => {
        if (received) return;
        late ??= setTimeout(() => set(false), LATE_MS);
        dead ??= setTimeout(() => client.terminate(), DEAD_MS);
      },
      pong: (received) => {
        if (!received) return;
        calm();
        set(true);
      },
    },
  });
  return {
    client,
    live: () => live,
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
