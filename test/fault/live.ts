/** A subscriber beside each row: every change of the row's requests exactly once, in order, through every fault. */
import { setTimeout as sleep } from "node:timers/promises";
import { decodeBody } from "../../src/delivery/changes.ts";
import type { Platform } from "./platform.ts";
import type { Process } from "./process.ts";

const SUBSCRIPTION = "subscription ($after: String) { webhookRequestUpdated(after: $after) { cursor request { id state } } }";
/** How long nothing may come of what is already committed; how fast it comes is the machine's affair. */
const CATCH_UP_MS = 30_000;

export interface Shown {
  sequence: number;
  /** Of the request, as in the database. */
  id: string;
  state: string;
  /** Monotonic milliseconds. */
  at: number;
}

export interface Watcher {
  /** Since the last break. */
  readonly shown: readonly Shown[];
  /** How often a cursor was refused, since another life of the database began. */
  readonly breaks: number;
  /** What is wrong with what it saw of these requests (state by id, as the log has them), once it has caught up. */
  judge(states: ReadonlyMap<string, string>): Promise<string[]>;
  stop(): Promise<void>;
}

interface Place {
  organization: string;
  sequence: number;
}

const dashed = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** What stands in a cursor (src/live/cursor.ts). */
function placeOf(cursor: string): Place {
  const bytes = Buffer.from(cursor, "base64url");
  return { organization: dashed(bytes.toString("hex", 1, 17)), sequence: Number(bytes.readBigUInt64BE(25)) };
}

interface Message {
  data?: { webhookRequestUpdated?: { cursor: string; request: { id: string; state: string } } };
  errors?: { message: string; extensions?: { code?: string } }[];
}

/** One subscription over SSE, until it ends. @throws Error("BAD_CURSOR"), or why it broke */
async function subscribe(
  api: Process,
  token: string,
  after: string,
  signal: AbortSignal,
  heard: (message: Message) => void,
): Promise<void> {
  const reply = await fetch(`${api.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: SUBSCRIPTION, variables: { after } }),
    signal,
  });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of reply.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data:") || line.length < 7) continue;
      const message = JSON.parse(line.slice(5)) as Message;
      if (message.errors?.some(({ extensions }) => extensions?.code === "BAD_CURSOR")) throw new Error("BAD_CURSOR");
      heard(message);
    }
  }
}

export async function startWatcher(platform: Platform): Promise<Watcher> {
  const stopping = new AbortController();
  const ask = async () => (await platform.graphql<{ liveCursor: string }>("{ liveCursor }")).liveCursor;
  let cursor = await ask();
  let base = placeOf(cursor);
  let shown: Shown[] = [];
  let breaks = 0;

  const heard = ({ data }: Message) => {
    const update = data?.webhookRequestUpdated;
    if (!update) return;
    cursor = update.cursor;
    const { id, state } = update.request;
    shown.push({ sequence: placeOf(cursor).sequence, id: dashed(id.slice(id.indexOf("_") + 1)), state, at: performance.now() });
  };
  const loop = (async () => {
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      const api = platform.apis[turn % 2] as Process;
      try {
        await subscribe(api, platform.token, cursor, stopping.signal, heard);
      } catch (error) {
        if ((error as Error).message === "BAD_CURSOR") {
          const fresh = await ask().catch(() => undefined);
          if (fresh !== undefined) {
            breaks += 1;
            [cursor, base, shown] = [fresh, placeOf(fresh), []];
          }
        }
      }
      await sleep(100, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();

  /** What the feed's table holds of these requests since the base: sequence → state. */
  async function expected(states: ReadonlyMap<string, string>): Promise<Map<number, { id: string; state: string }>> {
    const rows = await platform.postgres.query<{ sequence: string; changes: number; body: string }>(
      "SELECT sequence, changes, body FROM feed_entry WHERE organization_id = $1 AND sequence > $2 ORDER BY sequence",
      [base.organization, base.sequence],
    );
    const wanted = new Map<number, { id: string; state: string }>();
    for (const { sequence, changes, body } of rows) {
      for (const [i, change] of decodeBody(body).changes.entries()) {
        const at = Number(sequence) - changes + i + 1;
        if (change.kind === "REQUEST" && at > base.sequence && states.has(change.requestId))
          wanted.set(at, { id: change.requestId, state: change.state });
      }
    }
    return wanted;
  }

  async function waiting(): Promise<number> {
    const text = "SELECT count(*)::int AS n FROM feed_unsequenced WHERE organization_id = $1";
    return (await platform.postgres.query<{ n: number }>(text, [base.organization]))[0]?.n ?? 0;
  }

  return {
    get shown() {
      return shown;
    },
    get breaks() {
      return breaks;
    },
    async judge(states) {
      let deadline = performance.now() + CATCH_UP_MS;
      // What is committed is shown once it has its number.
      while ((await waiting()) > 0 && performance.now() < deadline) await sleep(50);
      const wanted = await expected(states);
      const missing = () => {
        const there = new Set(shown.map(({ sequence }) => sequence));
        return [...wanted.keys()].filter((sequence) => !there.has(sequence));
      };
      for (let came = shown.length; missing().length > 0 && performance.now() < deadline; ) {
        await sleep(50);
        if (shown.length > came) [came, deadline] = [shown.length, performance.now() + CATCH_UP_MS];
      }
      return judgeShown(shown, wanted, missing(), states);
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

/** @param states as the log has them. Pure. */
export function judgeShown(
  shown: readonly Shown[],
  wanted: ReadonlyMap<number, { id: string; state: string }>,
  missing: readonly number[],
  states: ReadonlyMap<string, string>,
): string[] {
  const problems: string[] = [];
  if (missing.length > 0) problems.push(`live: ${missing.length} of ${wanted.size} changes were never shown, the first is ${missing[0]}`);
  const last = new Map<string, string>();
  let before = 0;
  for (const { sequence, id, state } of shown) {
    if (sequence <= before) problems.push(`live: change ${sequence} was shown after ${before}`);
    before = sequence;
    const entry = wanted.get(sequence);
    if (entry && (entry.id !== id || entry.state !== state))
      problems.push(`live: change ${sequence} was shown as ${state}, and is ${entry.state}`);
    if (states.has(id)) last.set(id, state);
  }
  for (const [id, state] of states) {
    const told = last.get(id);
    // SENDING is never told; a request from before the base may have changed no more.
    if (state === "SENDING" || told === undefined) continue;
    if (told !== state) problems.push(`live: ${id} was last shown ${told}, and is ${state}`);
  }
  return problems.slice(0, 6);
}
