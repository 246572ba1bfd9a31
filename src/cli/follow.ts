/** The live log over graphql-ws, for ever: a lost connection is made again, and goes on after the last cursor. */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import type { Api } from "./client.ts";
import { CliError } from "./fault.ts";
import { SUBSCRIPTION, type TailUpdate } from "./line.ts";
import { watchPlace } from "./place.ts";

export interface FollowOptions {
  filter?: Record<string, unknown> | undefined;
  /** Go on after this cursor; none: from now, for which the server is asked for a cursor. */
  after?: string | undefined;
  signal: AbortSignal;
  onUpdate: (update: TailUpdate) => void;
  /** Where it stands without an update: at the beginning, when there is no `after`; and now and then while none comes. */
  onPlace?: (cursor: string) => void;
  /** The connection stands; the subscription is on its way. */
  onLive?: () => void;
  onLost?: (why: string) => void;
  /** How often it looks how far it has come while no update comes, in milliseconds. */
  placeEveryMs?: number;
}

/** A cursor is good for as long as the feed keeps what comes after it, which is days. */
const PLACE_EVERY_MS = 6 * 3_600_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
const PING_MS = 10_000;
const PONG_WITHIN_MS = 5_000;
const UNAUTHORIZED = 4401;
const FORBIDDEN = 4403;

interface Refusal {
  message: string;
  extensions?: { code?: string };
}

/** @throws CliError when trying again is no use: a wrong token, a cursor that is none, an unknown definition */
export async function follow(api: Api, options: FollowOptions): Promise<void> {
  let after = options.after;
  const move = (cursor: string) => {
    after = cursor;
    options.onPlace?.(cursor);
  };
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const everyMs = options.placeEveryMs ?? PLACE_EVERY_MS;
  watchPlace(api, { filter: options.filter, signal, everyMs, cursor: () => after, move }).catch(() => undefined);
  let pause = FIRST_PAUSE_MS;
  const onUpdate = (update: TailUpdate) => {
    after = update.cursor;
    pause = FIRST_PAUSE_MS;
    options.onUpdate(update);
  };
  try {
    while (!options.signal.aborted) {
      const why = await once(api, { ...options, after, onPlace: move, onUpdate });
      if (options.signal.aborted) return;
      options.onLost?.(why);
      await sleep(pause, undefined, { signal: options.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  } finally {
    ended.abort();
  }
}

/** One connection. @returns why it ended */
async function once(api: Api, options: FollowOptions): Promise<string> {
  let silence: NodeJS.Timeout | undefined;
  const client = createClient({
    url: `${api.url.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${api.token}` },
    // Reconnecting is follow()'s: it alone knows the cursor.
    retryAttempts: 0,
    // A lazy one would close the connection between the question for a cursor and the subscription.
    lazy: false,
    // The operations are told of it.
    onNonLazyError: () => undefined,
    keepAlive: PING_MS,
    on: {
      ping: (received) => {
        // A connection that is dead without a word.
        if (!received) silence = setTimeout(() => client.terminate(), PONG_WITHIN_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(silence);
      },
      connected: () => options.onLive?.(),
    },
  });
  const abort = () => void client.dispose();
  options.signal.addEventListener("abort", abort, { once: true });
  try {
    let { after } = options;
    if (after === undefined) {
      // "From now on" by a cursor: a connection that breaks before the first update is gone on after it, without a gap.
      for await (const { data, errors } of client.iterate<{ liveCursor: string }>({ query: "{ liveCursor }" })) {
        if (errors) return refused(errors as readonly Refusal[]);
        after = data?.liveCursor;
      }
      if (after === undefined) return "the server named no cursor";
      options.onPlace?.(after);
    }
    if (options.signal.aborted) return "it was ended";
    const updates = client.iterate<{ webhookRequestUpdated: TailUpdate }>({
      query: SUBSCRIPTION,
      variables: { filter: options.filter ?? null, after },
    });
    for await (const { data, errors } of updates) {
      if (errors) return refused(errors as readonly Refusal[]);
      if (data) options.onUpdate(data.webhookRequestUpdated);
    }
    return "the server ended the subscription";
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (Array.isArray(error)) return refused(error as readonly Refusal[]);
    return closed(api, error);
  } finally {
    clearTimeout(silence);
    options.signal.removeEventListener("abort", abort);
    void client.dispose();
  }
}

/** Errors that time mends lead to another try. */
function refused(errors: readonly Refusal[]): string {
  const first = errors[0];
  const code = first?.extensions?.code ?? "";
  if (["UNAVAILABLE", "SLOW_CONSUMER", "RATE_LIMITED", "INTERNAL_SERVER_ERROR"].includes(code)) return first?.message ?? code;
  if (code === "BAD_CURSOR") throw new CliError(`${first?.message}: leave --after away (or delete the cursor file) to follow from now on`);
  throw new CliError(first?.message ?? "the subscription was refused");
}

function closed(api: Api, error: unknown): string {
  const { code, reason, message } = (error ?? {}) as { code?: number | string; reason?: string; message?: string };
  // With another reason the token is good, and allows something else now: what, the next connection says.
  if (code === UNAUTHORIZED || (code === FORBIDDEN && reason === "Forbidden")) {
    throw new CliError(`${api.url} does not accept this token: set HOOKLINE_TOKEN to a valid one`, { cause: error });
  }
  return reason || message || `closed (${code ?? "no answer"})`;
}
