/**
 * Writes Yoga's answer to the socket. A stream (SSE) is pulled only as fast as the client takes it, so nothing heaps up
 * here; a client that takes nothing for 30 s is cut off.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import { withSources } from "../../wire/json-source.ts";
import { LIVE } from "../limits.ts";

export function isStream(response: Response): boolean {
  return response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

export async function sendAnswer(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  response.headers.forEach((value, name) => {
    // Yoga says so for caches of old; a length or an encoding we did not apply must not stand there.
    if (name !== "content-length" && name !== "content-encoding" && name !== "connection") reply.header(name, value);
  });
  return reply.code(response.status).send(withSources(await response.text()));
}

/** Resolves when the socket takes more; false when it does not for 30 s or is gone. */
async function drained(raw: ServerResponse): Promise<boolean> {
  const waiting = new AbortController();
  const drain = new Promise<boolean>((resolve) => {
    raw.once("drain", () => resolve(true));
    raw.once("close", () => resolve(false));
  });
  const late = sleep(LIVE.stallMs, false, { signal: waiting.signal }).catch(() => false);
  const answer = await Promise.race([drain, late]);
  waiting.abort();
  return answer;
}

/** Streams until the source ends, the client goes, or `signal` says so. */
export async function sendStream(reply: FastifyReply, response: Response, signal: AbortSignal): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(response.status, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    // For proxies that would hold the stream back.
    "x-accel-buffering": "no",
  });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let over = signal.aborted || raw.destroyed;
  let wake = () => undefined as unknown;
  const end = () => {
    over = true;
    wake();
  };
  signal.addEventListener("abort", end, { once: true });
  raw.once("close", end);
  // A read in flight need not end when the stream is cancelled, so the end is waited for beside it.
  const next = () =>
    new Promise<{ done: boolean; value?: Uint8Array | undefined } | undefined>((resolve, reject) => {
      wake = () => resolve(undefined);
      if (over) wake();
      else reader.read().then(resolve, reject);
    });
  try {
    for (;;) {
      const step = await next();
      if (!step?.value) break;
      // A chunk is a whole event.
      if (!raw.write(withSources(Buffer.from(step.value).toString())) && !(await drained(raw))) {
        raw.destroy();
        break;
      }
    }
  } catch {
    // The source failed after the head was sent: all that is left is to end the stream.
  } finally {
    void reader.cancel().catch(() => undefined);
    raw.end();
  }
}
