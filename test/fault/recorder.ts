/** What the receiver saw: every call, with the lane it belongs to looked up in the log afterwards. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type ReceivedCall, type Receiver, type Reply, startReceiver } from "../helpers/receiver.ts";

export interface Seen {
  /** Of the definition, by its target's path. */
  path: string;
  /** The producer's own number of the event. */
  n: number;
  /** webhook-id. */
  id: string;
  bodyHash: string;
  /** Monotonic milliseconds: arrived, and answered or cut. */
  start: number;
  end: number;
  /** Undefined: cut before an answer. */
  status: number | undefined;
}

export type Behaviour = (call: { n: number; nth: number; received: ReceivedCall }) => number | Reply | Promise<number | Reply>;

export interface Recorder {
  readonly receiver: Receiver;
  readonly seen: Seen[];
  on(path: string, behaviour: Behaviour): void;
  of(path: string): Seen[];
  /** @throws with what arrived, after `timeoutMs` */
  wait(what: string, met: () => boolean, timeoutMs?: number): Promise<void>;
}

export async function startRecorder(): Promise<Recorder> {
  const receiver = await startReceiver({ host: "0.0.0.0" });
  const seen: Seen[] = [];
  const times = new Map<string, number>();
  const behaviours = new Map<string, Behaviour>();
  receiver.respond(async (received) => {
    const text = received.body.toString();
    const n = Number(/"n":(\d+)/.exec(text)?.[1] ?? -1);
    const { path } = received;
    const nth = (times.get(`${path} ${n}`) ?? 0) + 1;
    times.set(`${path} ${n}`, nth);
    const call: Seen = {
      path,
      n,
      id: String(received.headers["webhook-id"]),
      bodyHash: createHash("sha256").update(received.body).digest("hex"),
      start: performance.now(),
      end: Number.POSITIVE_INFINITY,
      status: undefined,
    };
    seen.push(call);
    let over = false;
    void received.closed.then(() => {
      over = true;
      call.end = Math.min(call.end, performance.now());
    });
    const answer = await (behaviours.get(path)?.({ n, nth, received }) ?? 200);
    const reply = typeof answer === "number" ? { status: answer } : answer;
    if (reply.delayMs !== undefined) await sleep(reply.delayMs);
    if (!over) {
      call.status = reply.status ?? 200;
      call.end = performance.now();
    }
    return {
      status: reply.status ?? 200,
      ...(reply.headers ? { headers: reply.headers } : {}),
      ...(reply.body === undefined ? {} : { body: reply.body }),
    };
  });
  const of = (path: string) => seen.filter((call) => call.path === path);
  return {
    receiver,
    seen,
    of,
    on: (path, behaviour) => behaviours.set(path, behaviour),
    async wait(what, met, timeoutMs = 20_000) {
      for (const deadline = performance.now() + timeoutMs; !met(); await sleep(10)) {
        if (performance.now() > deadline)
          throw new Error(`not within ${timeoutMs} ms: ${what}; the receiver saw ${seen.length} calls in all`);
      }
    },
  };
}
