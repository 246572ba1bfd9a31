/** Our own REST: events in, and what an installation says about itself. */
import { BESIDE_PAYLOAD } from "../../../definitions/text.ts";
import { exactly, inHeader, inQuery, json, type Part, ref, refusals } from "./parts.ts";

const TEXT = { type: "string" };
const NULLABLE_TEXT = { type: ["string", "null"] };
/** Of an event, over what the call's headers say. */
const TRACE = {
  traceparent: {
    ...NULLABLE_TEXT,
    maxLength: 256,
    description: "W3C Trace Context of what made it happen; wins over the call's header. Deliveries carry it on.",
    examples: ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  },
  tracestate: { ...NULLABLE_TEXT, maxLength: 512, description: "W3C `tracestate` that goes with traceparent." },
};

const EVENT = {
  type: "object",
  required: ["type"],
  additionalProperties: false,
  properties: {
    type: { type: "string", pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", examples: ["contact.created"] },
    entity: { type: ["string", "null"], maxLength: 255, examples: ["contact"] },
    entityId: { type: ["string", "null"], maxLength: 255, examples: ["18"] },
    payload: { description: "Any JSON value, at most 1 MiB; delivered as it is written." },
    previous: { description: "The entity before the change." },
    changes: {
      type: ["array", "null"],
      maxItems: BESIDE_PAYLOAD.changes,
      items: { type: "string", maxLength: BESIDE_PAYLOAD.changeCharacters },
    },
    scope: {
      type: ["object", "null"],
      description: `Where it belongs: workflow, survey, group, form, project. At most ${BESIDE_PAYLOAD.scopeCharacters} characters of JSON.`,
    },
    actor: { type: ["string", "null"], maxLength: 255 },
    application: {
      type: ["string", "null"],
      description:
        "The uid of the application whose event it is: it goes to that one's definitions and to those without an application; absent, to the latter alone. An unknown one is 400.",
    },
    occurredAt: { type: ["string", "null"], format: "date-time" },
    idempotencyKey: {
      type: ["string", "null"],
      minLength: 1,
      maxLength: 255,
      description: "Unique per organization, in one space with the header.",
    },
    ...TRACE,
  },
};

const CLOUD_EVENT = {
  type: "object",
  required: ["specversion", "id", "source", "type"],
  properties: {
    specversion: { const: "1.0" },
    id: { type: "string", minLength: 1 },
    source: { type: "string", minLength: 1, maxLength: BESIDE_PAYLOAD.sourceCharacters },
    type: { type: "string", pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$" },
    subject: { type: "string", minLength: 1, description: "`contact/18`: entity and entityId." },
    time: { type: "string", format: "date-time" },
    datacontenttype: { type: "string", examples: ["application/json"] },
    hooklineapplication: { type: "string", minLength: 1, description: "An extension: the uid of the application whose event it is." },
    ...TRACE,
    data: { description: "Any JSON value, at most 1 MiB." },
    data_base64: { type: "string", contentEncoding: "base64", description: "Instead of `data`: JSON text as bytes." },
  },
};

const ONE = { type: "order.created", entity: "order", entityId: "18", payload: { total: 120 } };
const CLOUD = { specversion: "1.0", id: "1", source: "/shop", type: "order.created", subject: "order/18", data: { total: 120 } };
const PROBLEM = "application/problem+json";
const many = (name: string) => ({ type: "array", items: ref(name), minItems: 1, maxItems: 1000 });
const check = (status: string[]) =>
  exactly({
    status: { type: "string", enum: status },
    database: { type: "boolean", description: "It answers, takes writes, and its clock is within 60 s of this process's." },
    notifications: { type: "boolean", description: "LISTEN is connected." },
    draining: { type: "boolean", description: "The process was told to stop." },
    delivery: { type: "string", enum: ["on", "off"] },
  });
const SIGN_IN = {
  type: "object",
  required: ["token"],
  properties: { token: { type: "string", minLength: 1, maxLength: 1024 } },
};
const signIn = (operationId: string, summary: string, refused: string) => ({
  operationId,
  summary,
  security: [],
  parameters: [inHeader("Origin", "That of this server, as its own pages send it.", { type: "string" })],
  requestBody: { required: true, content: { "application/json": { schema: SIGN_IN, example: { token: "hks_…" } } } },
  responses: {
    204: { description: "Signed in: the session is in the cookies.", headers: { "set-cookie": { schema: { type: "string" } } } },
    ...refusals(
      ref("Problem"),
      {
        400: "No JSON, or no token in it.",
        401: refused,
        403: "Another site's page sent it.",
        413: "More than 4 KiB.",
        415: "Another content type than JSON.",
        429: "Too many wrong tokens for now; see Retry-After.",
        503: "The database is away; see Retry-After.",
      },
      PROBLEM,
    ),
  },
});

const spoken = {
  "application/json": { schema: ref("GraphqlAnswer") },
  "application/graphql-response+json": { schema: ref("GraphqlAnswer") },
};
const graphqlAnswers = {
  200: {
    description: "The operation was carried out, perhaps with `errors`; a subscription, as a stream.",
    content: { ...spoken, "text/event-stream": { schema: { type: "string" } } },
  },
  ...Object.fromEntries(
    Object.entries({
      400: "The request is no operation, or one that the schema does not allow.",
      401: "No token, or one that is not valid; signIn alone needs none.",
      405: "A mutation by GET.",
      406: "Accept names nothing that is spoken here.",
      413: "More than 1 MiB.",
      415: "Another content type than JSON, or a Content-Encoding.",
      429: "As many subscriptions are open as may be; see Retry-After.",
      503: "The database is away; see Retry-After.",
    }).map(([status, description]) => [status, { description, content: spoken }]),
  ),
};

/** @param portal at the path to which the portal's cookie is bound */
const graphql = (portal: boolean) => ({
  get: {
    operationId: portal ? "queryPortal" : "queryGraphql",
    summary: "A GraphQL query, or a subscription as server-sent events (`Accept: text/event-stream`). The schema is schema.graphql.",
    parameters: [
      inQuery("query", "The document.", { type: "string" }),
      inQuery("operationName", "Which operation of the document.", { type: "string" }),
      inQuery("variables", "JSON text of an object.", { type: "string" }),
    ],
    responses: graphqlAnswers,
  },
  post: {
    operationId: portal ? "executePortal" : "executeGraphql",
    summary: "Any GraphQL operation, one a call. The schema is schema.graphql.",
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: {
            type: "object",
            additionalProperties: false,
            required: ["query"],
            properties: {
              query: { type: "string" },
              operationName: { type: ["string", "null"] },
              variables: { type: ["object", "null"] },
              extensions: { type: ["object", "null"] },
            },
          },
          example: { query: "{ viewer { role } }" },
        },
      },
    },
    responses: graphqlAnswers,
  },
});

export const events: Part = {
  tag: { name: "Hookline", description: "Events in, and what an installation says about itself. Everything else is GraphQL." },
  paths: {
    "/v1/events": {
      post: {
        operationId: "emitEvents",
        summary: "Takes one event, an array, or CloudEvents; all or nothing. 202: committed.",
        description: "A CloudEvent in binary mode is headers `ce-…` and the data as the body.",
        parameters: [
          inHeader("Idempotency-Key", "Covers the whole call: same key and body, same answer; other body, 422.", {
            type: "string",
            pattern: "^[\\x21-\\x7e]{1,255}$",
          }),
          inHeader("traceparent", "W3C Trace Context of the call: its events' deliveries carry it on. A malformed one is ignored.", TEXT),
          inHeader("tracestate", "Goes with traceparent: at most 512 characters, else ignored.", TEXT),
        ],
        requestBody: {
          required: true,
          content: {
            "application/json": { schema: { oneOf: [ref("Event"), many("Event")] }, example: ONE },
            "application/cloudevents+json": { schema: ref("CloudEvent"), example: CLOUD },
            "application/cloudevents-batch+json": { schema: many("CloudEvent"), example: [CLOUD] },
          },
        },
        responses: {
          202: json("Accepted; for an array, in its order.", {
            oneOf: [ref("Accepted"), exactly({ events: { type: "array", items: ref("Accepted") } })],
          }),
          ...refusals(
            ref("Problem"),
            {
              400: "A rule is broken, or the events would make more than 200 000 requests; `issues` names every place.",
              401: "No token, or one that is not valid.",
              403: "The token lacks the scope events:write.",
              409: "A call with this Idempotency-Key is in flight; see Retry-After.",
              413: "More than 5 MiB, or 1000 events.",
              415: "Another media type, or a Content-Encoding.",
              422: "The Idempotency-Key was used with another body.",
              429: "As many events of this organization wait as may; see Retry-After. Nothing was accepted.",
              503: "The database is away, or the server has as much waiting as it can hold; see Retry-After. Nothing was accepted.",
            },
            PROBLEM,
          ),
        },
      },
    },
    "/healthz": {
      get: {
        operationId: "health",
        summary: "Whether the process runs; asks nobody.",
        security: [],
        responses: { 200: json("It runs.", exactly({ status: { const: "ok" } })) },
      },
    },
    "/readyz": {
      get: {
        operationId: "ready",
        summary: "Whether it can work: the database takes writes, and it was not told to stop.",
        security: [],
        responses: { 200: json("It can.", check(["ready"])), 503: json("Not now; see Retry-After.", check(["degraded", "draining"])) },
      },
    },
    "/metrics": {
      get: {
        operationId: "metrics",
        summary: "Prometheus text; with HOOKLINE_METRICS_PORT on that port alone.",
        security: [{}, { metricsToken: [] }],
        responses: {
          200: { description: "Prometheus text.", content: { "text/plain": { schema: { type: "string" } } } },
          ...refusals(
            ref("Problem"),
            {
              401: "HOOKLINE_METRICS_TOKEN is set, and was not shown.",
              403: "Without it, only this machine may ask.",
            },
            PROBLEM,
          ),
        },
      },
    },
    "/openapi.json": {
      get: {
        operationId: "openApi",
        summary: "This document.",
        security: [],
        responses: {
          200: json("OpenAPI 3.1.", {
            type: "object",
            required: ["openapi", "paths"],
            properties: { openapi: { const: "3.1.0" }, paths: { type: "object" } },
          }),
        },
      },
    },
    "/portal/sign-in": {
      post: signIn(
        "signInToPortal",
        "Signs a browser in with the token of createPortalLink's link: to one application, at `/portal/graphql`.",
        "The link was used before, or has expired.",
      ),
    },
    "/sign-in-link": {
      post: signIn(
        "signInByLink",
        "Signs a browser in with the token of a one-time link.",
        "The link was used before, or is older than 15 minutes.",
      ),
      get: {
        operationId: "followSignInLink",
        summary: "The form of links before 0.2: leads to the dashboard's page, which posts.",
        security: [],
        parameters: [inQuery("token", "As in the link.", { type: "string" })],
        responses: {
          303: { description: "To the dashboard's page.", headers: { location: { schema: { type: "string" } } } },
          ...refusals(ref("Problem"), { 400: "The request is not well formed." }, PROBLEM),
        },
      },
    },
    "/sign-in-token": {
      post: signIn("signInByToken", "Signs a browser in with an API token.", "The API token is unknown, expired or revoked."),
    },
    "/graphql": graphql(false),
    "/portal/graphql": graphql(true),
  },
  schemas: {
    Event: EVENT,
    CloudEvent: CLOUD_EVENT,
    Accepted: exactly({ id: { type: "string", pattern: "^evt_[0-9a-f]{32}$" }, type: { type: "string" } }),
    GraphqlAnswer: {
      type: "object",
      additionalProperties: false,
      minProperties: 1,
      properties: {
        data: { type: ["object", "null"] },
        errors: {
          type: "array",
          minItems: 1,
          items: {
            type: "object",
            required: ["message"],
            properties: {
              message: { type: "string" },
              extensions: { type: "object", properties: { code: { type: "string" } } },
            },
          },
        },
      },
    },
    Problem: exactly(
      {
        type: { type: "string" },
        title: { type: "string" },
        status: { type: "integer" },
        detail: { type: "string", description: "For people." },
        code: { type: "string", description: "For programs." },
        issues: { type: "array", items: exactly({ path: { type: "string" }, message: { type: "string" } }) },
      },
      ["issues"],
    ),
  },
};
