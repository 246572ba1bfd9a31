/**
 * Writes a subscription to the socket, as server-sent events. It is pulled only as fast as the client takes it, so nothing heaps
 * up here; a client that takes nothing for 30 s is cut off.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import type { ExecutionResult, GraphQLError } from "graphql";
import { answered } from "../arriving.ts";
import { LIVE } from "../limits.ts";
import { EVENT_STREAM } from "./accept.ts";
import { cursorOf } from "./shared-updates.ts";
import { textOf } from "./shown.ts";

/** Resolves when the socket takes more; false when it does not for 30 s or is gone. */
async function drained(raw: ServerResponse): Promise<boolean> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const happened = (event: "drain" | "close") =>
    once(raw, event, { signal }).then(
      () => event === "drain",
      () => false,
    );
  const late = sleep(LIVE.stallMs, false, { signal }).catch(() => false);
  const answer = await Promise.race([happened("drain"), happened("close"), late]);
  // Listeners and all: a slow client is waited for again and again.
  waiting.abort();
  return answer;
}

/** A result may go to thousands of subscribers: its bytes are made once. */
const events = new WeakMap<ExecutionResult, Buffer>();

/** One event. A browser keeps its `id`, and sends it as Last-Event-ID when it comes back. */
function eventOf(result: ExecutionResult): Buffer {
  const known = events.get(result);
  if (known) return known;
  const cursor = cursorOf(result);
  const event = Buffer.from(`event: next\n${cursor === undefined ? "" : `id: ${cursor}\n`}data: ${textOf(result)}\n\n`);
  events.set(result, event);
  return event;
}

/** No event: it tells the client where it stands, should the connection break now. */
const placeOf = (cursor: string | undefined): string => (cursor === undefined ? ":\n\n" : `id: ${cursor}\n\n`);

/** All clients of a server that restarts come back at once, unless each is told another moment. Milliseconds. */
const comeBack = (): string => `retry: ${1_000 + Math.floor(Math.random() * 2_000)}\n`;

export interface Streamed {
  source: AsyncIterator<ExecutionResult>;
  /** The cursor up to which everything was written, while nothing is on its way; undefined where there are no cursors. */
  place: () => string | undefined;
  /** Ends it. */
  signal: AbortSignal;
  /** Of errors.ts. */
  mask: (error: unknown) => GraphQLError;
}

/** Streams until the source ends, the client goes, or `signal` says so. Only what ended by itself is told to be complete. */
export async function sendStream(reply: FastifyReply, { source, place, signal, mask }: Streamed): Promise<void> {
  reply.hijack();
  // A stream is no open call: it has bounds of its own.
  answered(reply.request.raw);
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": EVENT_STREAM,
    "cache-control": "no-cache",
    // For proxies that would hold the stream back.
    "x-accel-buffering": "no",
  });
  raw.write(comeBack() + placeOf(place()));
  const ping = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(placeOf(place()));
  }, LIVE.pingMs);
  let over = signal.aborted || raw.destroyed;
  let wake = () => undefined as unknown;
  const end = () => {
    over = true;
    wake();
  };
  signal.addEventListener("abort", end, { once: true });
  raw.once("close", end);
  let failed = false;
  const fail = (error: unknown): IteratorResult<ExecutionResult> => {
    failed = true;
    return { done: false, value: { errors: [mask(error)] } };
  };
  // A source in flight need not end when it is returned, so the end is waited for beside it.
  const next = () =>
    new Promise<IteratorResult<ExecutionResult> | undefined>((resolve) => {
      wake = () => resolve(undefined);
      if (over) wake();
      else if (failed) resolve({ done: true, value: undefined });
      else source.next().then(resolve, (error: unknown) => resolve(fail(error)));
    });
  try {
    for (let step = await next(); step !== undefined; step = await next()) {
      const event = step.done ? "event: complete\ndata:\n\n" : eventOf(step.value);
      if (!raw.write(event) && !(await drained(raw))) {
        raw.destroy();
        break;
      }
      if (step.done) break;
    }
  } finally {
    clearInterval(ping);
    signal.removeEventListener("abort", end);
    void source.return?.().catch(() => undefined);
    raw.end();
  }
}
