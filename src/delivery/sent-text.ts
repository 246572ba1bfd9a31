/** How the log keeps the text of a request: without the event's payload, which stands in the event already. Pure. */

/** Shorter ones are not worth a join, and are found by chance. */
const SHORTEST = 64;

/** @returns what stands before the payload and behind it; the whole text and null when it does not hold the payload */
export function cutPayload(body: string | null, payload: string): [head: string | null, tail: string | null] {
  if (body === null || payload.length < SHORTEST || body.length < payload.length) return [body, null];
  const at = body.lastIndexOf(payload);
  return at < 0 ? [body, null] : [body.slice(0, at), body.slice(at + payload.length)];
}
