/** How far a tail has come when none of what happens is for it. */
import { setTimeout as sleep } from "node:timers/promises";
import got from "got";
import type { Api } from "./client.ts";
import { SUBSCRIPTION } from "./line.ts";

/** The server names the place with each ping, four times as often. */
const WITHIN_MS = 60_000;

/**
 * A cursor up to which nothing after `after` is for this filter. The server's own word, as its event streams name their place:
 * the query `liveCursor` may be ahead of updates that are still on their way.
 * @returns undefined when there is something, or nobody says
 */
async function placeAfter(
  api: Api,
  after: string,
  filter: Record<string, unknown> | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const stream = got.stream.post(`${api.url}/graphql`, {
    headers: { authorization: `Bearer ${api.token}`, accept: "text/event-stream" },
    json: { query: SUBSCRIPTION, variables: { filter: filter ?? null, after } },
    // The token must not follow a redirect to another origin.
    followRedirect: false,
    retry: { limit: 0 },
    timeout: { request: WITHIN_MS },
    signal,
  });
  // One that comes after the answer is nobody's.
  stream.on("error", () => undefined);
  try {
    let rest = "";
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        // An update, or the end: the tail's own subscription is told of it, too.
        if (line.startsWith("event:")) return undefined;
        if (line.startsWith("id: ") && line !== `id: ${after}`) return line.slice("id: ".length);
      }
    }
    return undefined;
  } finally {
    stream.destroy();
  }
}

export interface PlaceOptions {
  filter: Record<string, unknown> | undefined;
  everyMs: number;
  signal: AbortSignal;
  /** Where the tail stands. */
  cursor(): string | undefined;
  move(cursor: string): void;
}

/** Moves a tail that stood still for `everyMs`, until `signal`. What has updates comes on by itself. */
export async function watchPlace(api: Api, { filter, everyMs, signal, cursor, move }: PlaceOptions): Promise<never> {
  for (let before: string | undefined; ; before = cursor()) {
    await sleep(everyMs, undefined, { signal, ref: false });
    const from = cursor();
    if (from === undefined || from !== before) continue;
    const place = await placeAfter(api, from, filter, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (place !== undefined && cursor() === from) move(place);
  }
}
