/** Sends events and remembers what became of each: accepted, refused, or nobody knows. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Process } from "./process.ts";

export interface Sent {
  n: number;
  type: string;
  entityId: string;
  outcome: "sent" | "accepted" | "refused" | "unknown";
  /** Of the answer; 0: none came. */
  status: number;
  retryAfter: string | null;
  /** Monotonic milliseconds of the answer. */
  acceptedAt: number;
}

export interface Producer {
  readonly log: Sent[];
  /** One POST per event. @param retry until it is accepted, with the same Idempotency-Key */
  send(type: string, entityId: string, options?: { api?: Process; retry?: boolean; timeoutMs?: number }): Promise<Sent>;
  /** `count` events in one POST. @param more of their payloads */
  sendMany(type: string, count: number, entityId: (i: number) => string, more?: object): Promise<Sent[]>;
  /** `perSecond` events, over both APIs in turn, until told to stop; @returns stop */
  flow(type: string, perSecond: number, entityId: (i: number) => string): () => Promise<void>;
}

/** @param run begins every Idempotency-Key */
export function createProducer(apis: readonly [Process, Process], token: string, run: string): Producer {
  const log: Sent[] = [];
  let last = 0;
  const record = (type: string, entityId: string): Sent => {
    const sent: Sent = { n: ++last, type, entityId, outcome: "sent", status: 0, retryAfter: null, acceptedAt: 0 };
    log.push(sent);
    return sent;
  };
  const eventOf = ({ n, type, entityId }: Sent, more = {}) => ({ type, entity: "thing", entityId, payload: { n, ...more } });

  async function post(api: Process, body: string, key: string, timeoutMs: number): Promise<{ status: number; retryAfter: string | null }> {
    try {
      const reply = await fetch(`${api.url}/v1/events`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}`, "idempotency-key": key },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      await reply.arrayBuffer();
      return { status: reply.status, retryAfter: reply.headers.get("retry-after") };
    } catch {
      return { status: 0, retryAfter: null };
    }
  }

  function conclude(sent: Sent, { status, retryAfter }: { status: number; retryAfter: string | null }): void {
    Object.assign(sent, { status, retryAfter, acceptedAt: performance.now() });
    // A 503 may come after the commit was sent: only a 4xx says for certain that nothing was taken.
    sent.outcome = status === 202 ? "accepted" : status >= 400 && status < 500 ? "refused" : "unknown";
  }

  const send: Producer["send"] = async (type, entityId, { api, retry = false, timeoutMs = 20_000 } = {}) => {
    const sent = record(type, entityId);
    for (let turn = 0; ; turn++) {
      const door = (turn === 0 ? api : undefined) ?? (apis[(sent.n + turn) % 2] as Process);
      conclude(sent, await post(door, JSON.stringify(eventOf(sent)), `${run}-${sent.n}`, timeoutMs));
      if (!retry || sent.outcome === "accepted" || sent.outcome === "refused") return sent;
      await sleep(100);
    }
  };
  return {
    log,
    send,
    async sendMany(type, count, entityId, more = {}) {
      const batch = Array.from({ length: count }, (_, i) => record(type, entityId(i)));
      const answer = await post(apis[0], JSON.stringify(batch.map((sent) => eventOf(sent, more))), `${run}-${batch[0]?.n}-many`, 30_000);
      for (const sent of batch) conclude(sent, answer);
      return batch;
    },
    flow(type, perSecond, entityId) {
      let stopped = false;
      const underway = new Set<Promise<unknown>>();
      const began = performance.now();
      const loop = (async () => {
        for (let i = 0; !stopped; i++) {
          const call = send(type, entityId(i));
          underway.add(call);
          void call.finally(() => underway.delete(call));
          await sleep(Math.max(0, began + ((i + 1) * 1_000) / perSecond - performance.now()));
        }
      })();
      return async () => {
        stopped = true;
        await loop;
        await Promise.all(underway);
      };
    },
  };
}
