/**
 * How the log keeps the text of a request: without the event's payload, and with a sign in place of what else the event says
 * already. `sentBody` in sql/sent-body.ts puts it together again: the two are changed together. Pure.
 */
import type { EventView } from "../wire/dialect.ts";
import { globalId } from "../wire/ids.ts";

/** Shorter ones are not worth a join, and are found by chance. */
const SHORTEST = 64;

/** Characters that no JSON text has unescaped: in place of the pieces of a CloudEvent that follow from its event. */
export const SIGNS = { start: "\u0001", type: "\u0002", time: "\u0003" } as const;
const hasSign = (text: string) => Object.values(SIGNS).some((sign) => text.includes(sign));
/** Postgres writes other years in another way. */
const PLAIN_YEAR = /^(?!0000)\d{4}-/;

function signed(head: string, { id, type, occurredAt }: EventView): string {
  const time = occurredAt.toISOString();
  const known = head
    .replaceAll(`{"specversion":"1.0","id":"${globalId("Event", id)}","source":`, SIGNS.start)
    .replaceAll(`"type":"${type}",`, SIGNS.type);
  return PLAIN_YEAR.test(time) ? known.replaceAll(`"time":"${time}",`, SIGNS.time) : known;
}

/** The headers without the event's own id, which every call carries. */
export function cutHeaders(headers: Record<string, string> | null, { id }: EventView): Record<string, string> | null {
  return headers?.["webhook-id"] === globalId("Event", id) ? { ...headers, "webhook-id": SIGNS.start } : headers;
}

/** @returns what stands before the payload and behind it; the whole text and null when it does not hold the payload */
export function cutPayload(body: string | null, event: EventView): [head: string | null, tail: string | null] {
  const { payload } = event;
  if (body === null || payload.length < SHORTEST || body.length < payload.length) return [body, null];
  const at = body.lastIndexOf(payload);
  if (at < 0) return [body, null];
  const head = body.slice(0, at);
  // Bodies are JSON; one that is none, and has our signs, is kept as it is.
  return hasSign(head) ? [body, null] : [signed(head, event), body.slice(at + payload.length)];
}
