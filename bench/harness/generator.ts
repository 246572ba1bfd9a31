/** The load, a process of its own. Closed loop: so many calls in flight. Open loop: so many a second, whatever the answers do. */

import { Pool } from "undici";
import { numbered, payloadOf, payloads } from "../../test/fixtures/payloads/payloads.ts";
import { answering } from "./answering.ts";
import { createHistogram } from "./histogram.ts";

export interface Load {
  url: string;
  token: string;
  /** What a call is: one event by REST, an array of them, or GraphQL's mutations. */
  kind: "event" | "events" | "emitEvent" | "emitEvents" | "echo";
  /** Events in a call. */
  perCall: number;
  /** The i-th event is of type `bench.t<i % types>`. */
  types: number;
  /** Number of the first event. */
  offset: number;
  /** Events in all; 0: until `seconds` have passed. */
  count: number;
  seconds?: number;
  /** Calls in flight (closed loop). */
  width?: number;
  /** Events a second (open loop). */
  perSecond?: number;
  /** Bytes to make each payload at least so large. */
  payloadBytes?: number;
  /** The i-th event is about entity `i % keys`; absent: each about one of its own. */
  keys?: number;
  typePrefix?: string;
  /** The i-th call is made by the i-th of these, over and over, instead of by `token`. */
  tokens?: string[];
}

export interface LoadResult {
  events: number;
  seconds: number;
  /** Of calls, in milliseconds. */
  latency: Record<"p50" | "p90" | "p99" | "p999" | "max", number>;
  /** Answered 429 or 503, and asked again after Retry-After. */
  refused: number;
  /** Open loop: when each call began, ms of the machine's monotonic clock; and how late that was at p99. */
  starts: number[];
  lateP99: number;
}

const texts = payloads();
const PATHS = { event: "/v1/events", events: "/v1/events", emitEvent: "/graphql", emitEvents: "/graphql", echo: "/echo" };
const DOCUMENTS = {
  emitEvent: "mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename } }",
  emitEvents: "mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { __typename } }",
};

const now = () => Number(process.hrtime.bigint()) / 1e6;

/** What follows a payload's number, as bytes: generator and platform share their cores, so a call costs the former as little as it can. */
const rests = texts.map((text) => Buffer.from(text));
const [END, BETWEEN] = [Buffer.from("}"), Buffer.from(",")];

function payloadParts(n: number, atLeast: number): Buffer[] {
  if (atLeast === 0) return [Buffer.from(numbered(n)), rests[n % rests.length] as Buffer];
  let payload = payloadOf(texts, n);
  while (payload.length < atLeast) {
    const more = texts[(n + payload.length) % texts.length] as string;
    payload = `${payload.slice(0, -1)},"more${payload.length}":{${more}}`;
  }
  return [Buffer.from(payload)];
}

function eventParts(load: Load, i: number): Buffer[] {
  const n = load.offset + i;
  const entity = load.keys ? n % load.keys : n;
  const head = `{"type":"${load.typePrefix ?? "bench.t"}${n % load.types}","entity":"order","entityId":"${entity}","payload":`;
  return [Buffer.from(head), ...payloadParts(n, load.payloadBytes ?? 0), END];
}

function bodyOf(load: Load, call: number): Buffer {
  const events = Array.from({ length: load.perCall }, (_, k) => eventParts(load, call * load.perCall + k));
  const all = events.flatMap((parts, k) => (k === 0 ? parts : [BETWEEN, ...parts]));
  if (load.kind === "event" || load.kind === "echo") return Buffer.concat(all);
  if (load.kind === "events") return Buffer.concat([Buffer.from("["), ...all, Buffer.from("]")]);
  const [open, close] = load.kind === "emitEvent" ? ["", ""] : ['{"events":[', "]}"];
  const head = `{"query":${JSON.stringify(DOCUMENTS[load.kind])},"variables":{"input":${open}`;
  return Buffer.concat([Buffer.from(head), ...all, Buffer.from(`${close}}}`)]);
}

async function run(load: Load): Promise<LoadResult> {
  const pool = new Pool(load.url, { connections: load.width ?? 64, pipelining: 1 });
  const tokens = load.tokens ?? [load.token];
  const accepted = load.kind.startsWith("event") ? 202 : 200;
  const latency = createHistogram();
  let refused = 0;
  let events = 0;

  async function call(i: number): Promise<void> {
    const body = bodyOf(load, i);
    const headers = { authorization: `Bearer ${tokens[i % tokens.length]}`, "content-type": "application/json" };
    const began = now();
    for (;;) {
      const answer = await pool.request({ path: PATHS[load.kind], method: "POST", headers, body });
      const text = await answer.body.text();
      if (answer.statusCode === 429 || answer.statusCode === 503) {
        refused += 1;
        await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers["retry-after"] ?? 0.1)));
        continue;
      }
      if (answer.statusCode !== accepted || text.includes('"errors"')) throw new Error(`${answer.statusCode} ${text.slice(0, 500)}`);
      break;
    }
    latency.record(now() - began);
    events += load.perCall;
  }

  const calls = load.count > 0 ? Math.ceil(load.count / load.perCall) : Number.POSITIVE_INFINITY;
  const began = now();
  const over = () => load.seconds !== undefined && now() - began > load.seconds * 1000;
  const starts: number[] = [];
  const late = createHistogram();
  if (load.perSecond === undefined) {
    const width = Math.min(load.width ?? 50, calls);
    // Worker w takes calls w, w + width, …: where the types are a multiple of the width, each type comes in its order.
    const worker = async (w: number) => {
      for (let i = w; i < calls && !over(); i += width) await call(i);
    };
    await Promise.all(Array.from({ length: width }, (_, w) => worker(w)));
  } else {
    const running: Promise<void>[] = [];
    for (let i = 0; i < calls && !over(); i++) {
      const due = began + (i * load.perCall * 1000) / load.perSecond;
      const wait = due - now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const start = now();
      starts.push(start);
      late.record(Math.max(0, start - due));
      running.push(call(i));
    }
    await Promise.all(running);
  }
  const seconds = (now() - began) / 1000;
  await pool.close();
  return { events, seconds, latency: latency.summary(), refused, starts, lateP99: late.percentile(0.99) };
}

answering(run);
