/** The log and the events, whole, for spreadsheets and archives. */
import { LIFE_CYCLE_STATES, REQUEST_STATES } from "../../../requests/row.ts";
import { exactly, inQuery, LATER, listOf, maybe, type Operation, type Part, ref, refusals, type Schema, text } from "./parts.ts";

const PROBLEM = "application/problem+json";
const string = { type: "string" };
const moment = { type: "string", format: "date-time" };
const whole = { type: "integer" };
const someOf = (values: readonly string[]): Schema => ({ type: "array", items: { type: "string", enum: values } });
/** A list by commas. */
const list = (name: string, description: string, items: Schema) => ({
  ...inQuery(name, description, items),
  style: "form",
  explode: false,
});

const REQUEST = exactly({
  ...{ number: { ...whole, description: "What people quote." }, id: text("Global id, `req_…`.") },
  ...{ state: { type: "string", enum: REQUEST_STATES }, eventType: text(), entity: maybe(text()), entityId: maybe(text()) },
  ...{ webhook: maybe(text("The name of its definition, as it is now.")), webhookDefinitionId: text(), eventId: text() },
  url: maybe(text("Without `secrets:read` query values and keys in its path are `***`.")),
  ...{ attemptCount: whole, statusCode: maybe(whole), durationMs: maybe(whole), errorCode: maybe(text()), errorDescription: maybe(text()) },
  ...{ isTest: { type: "boolean" }, createdAt: moment, nextAttemptAt: maybe(moment), settledAt: maybe(moment) },
});
const EVENT = exactly({
  ...{ id: text("Global id, `evt_…`."), type: text(), entity: maybe(text()), entityId: maybe(text()), applicationId: maybe(text()) },
  ...{ actor: maybe(text()), source: maybe(text()), changes: listOf(string), occurredAt: moment, createdAt: moment },
  requests: { ...listOf(whole), description: "Numbers of the first 20 requests that it made; none: nothing wanted it." },
});

const REQUEST_FILTER = [
  inQuery("after", "The `id` of a line: those behind it, to go on. Absent: from the newest.", string),
  inQuery("webhookDefinitionId", "Global id.", string),
  inQuery("eventType", "A type, or a family such as `order.*`.", string),
  ...["entity", "entityId", "errorCode", "workflowRuleId"].map((name) => inQuery(name, "As `webhookRequests(filter)` takes it.", string)),
  inQuery("url", "The URL, a host, a path or a query in it.", string),
  list("state", "Any of these.", someOf(REQUEST_STATES)),
  list("lifeCycleState", "Any of these.", someOf(LIFE_CYCLE_STATES)),
  inQuery("number", "The request of this number.", { type: "string", pattern: "^[0-9]{1,15}$" }),
  inQuery("createdAfter", "Inclusive.", moment),
  inQuery("createdBefore", "Exclusive.", moment),
];
const EVENT_FILTER = [
  inQuery("after", "The `id` of a line: those behind it, to go on. Absent: from the newest.", string),
  list("type", "Any of these types or patterns, such as `order.*`: at most 100.", { type: "array", items: string }),
  ...["entity", "entityId"].map((name) => inQuery(name, "As `events(filter)` takes it.", string)),
  inQuery("application", "A uid, or a global id.", string),
  inQuery("matched", "Whether a definition took it.", { type: "boolean" }),
  inQuery("payloadContains", "A text somewhere in the payload's JSON as it was sent; case does not count.", {
    ...{ type: "string", minLength: 3, maxLength: 200 },
  }),
  inQuery("since", "Accepted then or later.", moment),
  inQuery("until", "Accepted before.", moment),
];

const REFUSED = refusals(
  ref("Problem"),
  { 400: "A parameter is wrong or unknown.", 401: "No token, or one that is not valid.", 403: "The token lacks webhooks:read.", ...LATER },
  PROBLEM,
);

const operation = (operationId: string, summary: string, parameters: object[], type: string, schema: Schema): Operation => ({
  ...{ operationId, summary, parameters },
  description:
    "Newest first, as far back as retention, without bodies. Of one organization four run at a time on a process: a fifth is 429.",
  responses: { 200: { description: "Streamed; an answer that breaks off is not whole.", content: { [type]: { schema } } }, ...REFUSED },
});
const CSV = text("RFC 4180 with a first line of names. Text that a spreadsheet would run as a formula has an apostrophe before it.");

export const exports: Part = {
  tag: { name: "Exports", description: "The log and the events as files." },
  paths: {
    "/v1/requests.csv": { get: operation("exportRequestsCsv", "The delivery log as CSV.", REQUEST_FILTER, "text/csv", CSV) },
    "/v1/requests.ndjson": {
      get: operation("exportRequests", "The delivery log as lines of JSON.", REQUEST_FILTER, "application/x-ndjson", ref("RequestLine")),
    },
    "/v1/events.csv": { get: operation("exportEventsCsv", "Events as CSV.", EVENT_FILTER, "text/csv", CSV) },
    "/v1/events.ndjson": {
      get: operation("exportEvents", "Events as lines of JSON.", EVENT_FILTER, "application/x-ndjson", ref("EventLine")),
    },
  },
  schemas: { RequestLine: REQUEST, EventLine: EVENT },
};
