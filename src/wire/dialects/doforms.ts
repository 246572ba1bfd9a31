/**
 * doForms: an envelope that says what changed, never the record's values; receivers fetch those. The reply's body decides
 * the notification's status, while the delivery itself is settled by the HTTP status alone.
 */
import {
  type Answer,
  type Dialect,
  type EventView,
  type Reply,
  type RequestView,
  TEST_EVENT_TYPE,
  USUAL,
  type Verdict,
} from "../dialect.ts";
import { globalId } from "../ids.ts";
import { members, stringSource } from "../json-text.ts";
import { brokenOff, delivered, refusedBy, unanswered, unreadBody } from "../outcome.ts";
import { rendered } from "../rendered.ts";
import { targetOf } from "../target.ts";

/** Nothing else fires. */
const EVENTS: ReadonlyMap<string, string> = new Map([
  ["record.created", "create"],
  ["record.updated", "update"],
  ["record.deleted", "delete"],
  ["record.status_changed", "status"],
  [TEST_EVENT_TYPE, "create"],
]);

/** Of a payload the members that `envelopeOf` shows; a text of its own, which does not hold on to the whole. */
export function shownPayload(payload: string): string {
  const all = members(payload);
  return JSON.stringify({
    dispatchKey: stringSource(all?.get("dispatchKey") ?? ""),
    submissionKey: stringSource(all?.get("submissionKey") ?? ""),
  });
}

/** What a notification says of its event, in the product's order; its own face shows the same. */
export function envelopeOf(
  event: Pick<EventView, "organizationId" | "type" | "payload">,
  webServiceId: string | null,
  request: Pick<RequestView, "id">,
) {
  const payload = members(event.payload);
  return {
    key: globalId("WebhookRequest", request.id),
    customerKey: globalId("Organization", event.organizationId),
    dispatchKey: stringSource(payload?.get("dispatchKey") ?? ""),
    submissionKey: stringSource(payload?.get("submissionKey") ?? ""),
    webserviceId: webServiceId ?? undefined,
    event: EVENTS.get(event.type),
  };
}

export const doforms: Dialect = {
  ...USUAL,
  name: "DOFORMS",
  defaults: {
    ordering: "NONE",
    concurrency: 10,
    onExhausted: "SKIP",
    waits: [60, 300, 1800, 7200, 21_600],
    jitter: 0,
    requeueWait: 60,
    maxConsecutiveErrors: null,
    /** Up to the whole reply: a receiver that needs longer answers empty, and calls back. */
    timeoutMs: 3000,
    onGone: null,
  },
  readsBody: true,
  callsBack: true,
  target: (event, definition) => (EVENTS.has(event.type) ? targetOf(event, definition) : null),
  render(input) {
    const { event, definition, request } = input;
    if (input.body) return rendered(input, input.body);
    const notification = {
      ...envelopeOf(event, definition.webServiceId, request),
      status: "new",
      createTime: request.createdAt.toISOString(),
    };
    return rendered(input, Buffer.from(JSON.stringify(notification)));
  },
  judge,
};

function judge(answer: Answer): Verdict {
  if (answer.kind === "NO_REPLY") return stillNew(unanswered(answer));
  const verdict = answer.fault ? brokenOff(answer, answer.fault) : refusedBy(answer);
  // The body decides: one that broke off may have said anything.
  if (answer.status >= 200 && answer.status <= 299) return answer.fault ? stillNew(verdict) : read(answer);
  return answer.status >= 500 ? stillNew(verdict) : { ...verdict, retryable: false, notificationStatus: "FAILED" };
}

/** It stays new while it is tried again with the same key; what is final has failed. */
function stillNew(verdict: Verdict): Verdict {
  return { ...verdict, notificationStatus: verdict.retryable ? "NEW" : "FAILED" };
}

function read(reply: Reply): Verdict {
  const received: Verdict = { ...delivered(), notificationStatus: "RECEIVED" };
  if (reply.truncated) {
    const warning = "the reply is longer than 64 KiB and was not read; it counts as empty";
    return { ...received, errorCode: "RESPONSE_TOO_LARGE", errorDescription: warning, warning };
  }
  const unread = unreadBody(reply);
  if (unread !== null) return { ...received, warning: `${unread}; it counts as empty` };
  if (reply.body.trim() === "") return received;
  const body = objectIn(reply.body);
  if (!body) return { ...received, warning: "the reply is no JSON object; it counts as empty" };
  const notificationMessage = typeof body["message"] === "string" ? body["message"] : null;
  if (body["status"] === "completed") return { ...received, notificationStatus: "COMPLETED", notificationMessage };
  if (body["status"] === "failed") return { ...received, notificationStatus: "FAILED", notificationMessage };
  return { ...received, warning: 'the reply\'s status is neither "completed" nor "failed"; it counts as empty' };
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
