/** RESULTS.com's face: the secret URL that records values, and the REST that makes such URLs. */
import {
  BODY_REFUSALS,
  body,
  exactly,
  given,
  inHeader,
  inPath,
  json,
  LATER,
  listOf,
  maybe,
  type Operation,
  type Part,
  ref,
  refusals,
  type Schema,
  text,
} from "./parts.ts";

const decimal = { description: "A decimal: a JSON number, or its text in plain notation.", type: ["string", "number"] };
const shown = exactly({
  id: text(undefined, { pattern: "^inb_[0-9a-f]{32}$" }),
  targetType: { const: "goal" },
  goalId: text(undefined, { pattern: "^goa_[0-9a-f]{32}$" }),
  name: text(),
  description: maybe(text()),
  enabled: { type: "boolean" },
});
const id = inPath("id", "Of the inbound webhook, `inb_…`.", text());
const refused = (texts: Record<number, string>) => refusals(ref("ResultsError"), texts);
const ADMIN = {
  401: "No token, or one that is not valid.",
  403: "The caller is no administrator, or the feature INBOUND_WEBHOOKS is off.",
  405: "The path takes other methods; see Allow.",
  ...LATER,
};
const UNKNOWN = { 404: "There is no such inbound webhook or goal." };
const WRONG = { 400: "The body breaks a rule; `errors` names every place.", ...BODY_REFUSALS };

const recorded = exactly({
  goalId: text(undefined, { pattern: "^goa_[0-9a-f]{32}$" }),
  date: text(undefined, { format: "date" }),
  value: text("In plain notation."),
  goodThreshold: maybe(text()),
  badThreshold: maybe(text()),
});
const datum = given(
  {
    date: text("The day that was measured.", { format: "date" }),
    value: decimal,
    goodThreshold: { ...decimal, type: ["string", "number", "null"] },
    badThreshold: { ...decimal, type: ["string", "number", "null"] },
  },
  ["date", "value"],
);

const record: Operation = {
  operationId: "recordGoalValue",
  summary: "Records the value of a goal on one day; a former one of that day is replaced.",
  description: "The key in the URL is the credential. It is also the event `goal.value_recorded`.",
  security: [],
  parameters: [
    inPath("goalId", "Of the goal, `goa_…`.", text()),
    inPath("key", "The secret part of the URL, shown once when it was made.", text()),
    inHeader("Idempotency-Key", "Same key and body, same answer; other body, 422.", text(undefined, { pattern: "^[\\x20-\\x7e]{1,255}$" })),
  ],
  requestBody: body(datum, { date: "2017-03-16", value: 500000 }, ["application/x-www-form-urlencoded"]),
  responses: {
    200: json("Replaced the value of that day.", recorded),
    201: json("Recorded.", recorded),
    ...refused({
      400: "The body is no value; `errors` names every place.",
      401: "The key is not valid for this goal.",
      403: "The webhook or the organization's feature is off, or the call came without TLS.",
      404: "There is no such goal.",
      405: "Another method than POST.",
      408: "The body, or the recording, took too long; nothing was recorded.",
      409: "A post with this Idempotency-Key is in flight; see Retry-After.",
      410: "The goal was deleted.",
      413: "More than 256 KiB.",
      415: "Another content type or charset, or a Content-Encoding.",
      422: "The Idempotency-Key was used with another body.",
      ...LATER,
    }),
  },
};

export const results: Part = {
  tag: { name: "RESULTS.com", description: "Inbound webhooks for goals." },
  paths: {
    "/inbound/goals/{goalId}/{key}": { post: record },
    "/api/inbound-webhooks": {
      get: {
        operationId: "listInboundWebhooks",
        summary: "All inbound webhooks of the organization, newest first, without their keys.",
        responses: { 200: json("All of them.", listOf(ref("InboundWebhook"))), ...refused(ADMIN) },
      },
      post: {
        operationId: "createInboundWebhook",
        summary: "Makes a secret URL that records values of a goal.",
        requestBody: body(
          given({ targetType: { const: "goal" }, goalId: text(), name: maybe(text()), description: maybe(text()) }, [
            "targetType",
            "goalId",
          ]),
          { targetType: "goal", goalId: "goa_0199b1f2c3d47e5f8a9b0c1d2e3f4a5b", name: "ERP" },
        ),
        responses: {
          201: json("Made; the URL is never shown again.", ref("InboundWebhookWithUrl")),
          ...refused({ ...ADMIN, ...UNKNOWN, ...WRONG }),
        },
      },
    },
    "/api/inbound-webhooks/{id}": {
      get: {
        operationId: "getInboundWebhook",
        summary: "One inbound webhook without its key.",
        parameters: [id],
        responses: { 200: json("The webhook.", ref("InboundWebhook")), ...refused({ ...ADMIN, ...UNKNOWN }) },
      },
      patch: {
        operationId: "changeInboundWebhook",
        summary: "Renames an inbound webhook, or switches it on and off: what is absent stays.",
        parameters: [id],
        requestBody: body(given({ name: text(), description: maybe(text()), enabled: { type: "boolean" } }), {
          description: "ERP in Berlin",
        }),
        responses: { 200: json("As it is now.", ref("InboundWebhook")), ...refused({ ...ADMIN, ...UNKNOWN, ...WRONG }) },
      },
      delete: {
        operationId: "deleteInboundWebhook",
        summary: "Deletes an inbound webhook: its URL answers 401 from then on.",
        parameters: [id],
        responses: { 204: { description: "Deleted." }, ...refused({ ...ADMIN, ...UNKNOWN }) },
      },
    },
    "/api/inbound-webhooks/{id}/rotate-key": {
      post: {
        operationId: "rotateInboundWebhookKey",
        summary: "Gives an inbound webhook a new key; the old one ends at once.",
        parameters: [id],
        responses: {
          200: json("The new URL, never shown again.", ref("InboundWebhookWithUrl")),
          ...refused({ ...ADMIN, ...UNKNOWN, 413: BODY_REFUSALS[413] }),
        },
      },
    },
  },
  schemas: {
    InboundWebhook: shown,
    InboundWebhookWithUrl: exactly({
      ...(shown["properties"] as Record<string, Schema>),
      targetUrl: text("The secret URL.", { format: "uri" }),
    }),
    ResultsError: exactly({
      status: { type: "integer" },
      error: text("The status in words, such as `BAD REQUEST`."),
      message: text("For people."),
      errors: listOf(
        exactly({
          property: text("Where; empty for the body as a whole."),
          code: { type: "string", enum: ["required", "not_a_decimal", "not_a_date", "threshold_order", "malformed_json", "invalid"] },
          message: text(),
        }),
      ),
    }),
  },
};
