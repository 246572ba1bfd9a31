/** What every dialect's call carries beside its own headers. */
import type { Rendered, RenderInput } from "./dialect.ts";
import { globalId } from "./ids.ts";
import { standardHeaders } from "./signatures/standard.ts";
import { USER_AGENT } from "./user-agent.ts";

/**
 * The call around a finished body. Whoever has a signing key can verify every dialect by Standard Webhooks: the id is the
 * event's, so that a receiver tells a retry or a resend from something new.
 * @param own the dialect's headers, lower-case; they win
 */
export function rendered(
  input: RenderInput,
  body: Buffer,
  own: Readonly<Record<string, string>> = {},
  authenticationCode: string | null = null,
): Rendered {
  const { event, definition, now } = input;
  const id = globalId("Event", event.id);
  const signed = definition.signingKeys.length > 0 ? standardHeaders(id, now, body, definition.signingKeys) : {};
  return { headers: { "content-type": "application/json", "user-agent": USER_AGENT, ...own, ...signed }, body, authenticationCode };
}

/** `"name":value` pairs, comma-joined, of what may stand in a JSON object beside the keys in `reserved`; "" for none. */
export function extraMembers(properties: Readonly<Record<string, unknown>> | null, isReserved: (key: string) => boolean): string {
  if (properties === null) return "";
  const kept: string[] = [];
  for (const [key, value] of Object.entries(properties)) {
    const json = isReserved(key) ? undefined : JSON.stringify(value);
    if (json !== undefined) kept.push(`${JSON.stringify(key)}:${json}`);
  }
  return kept.join(",");
}
