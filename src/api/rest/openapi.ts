/** /openapi.json: our own REST as data. The faces' APIs are their products' own, described in faces/README.md. */
import type { FastifyPluginAsync } from "fastify";

const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});
const json = (description: string, schema: object) => ({ description, content: { "application/json": { schema } } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const plain = (description: string) => ({ description });

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
    changes: { type: ["array", "null"], items: { type: "string" } },
    scope: { type: ["object", "null"], description: "Where it belongs: workflow, survey, group, form, project." },
    actor: { type: ["string", "null"], maxLength: 255 },
    occurredAt: { type: ["string", "null"], format: "date-time" },
    idempotencyKey: { type: ["string", "null"], maxLength: 255, description: "Unique per organization, in one space with the header." },
  },
};

const CLOUD_EVENT = {
  type: "object",
  required: ["specversion", "id", "source", "type"],
  properties: {
    specversion: { const: "1.0" },
    id: { type: "string" },
    source: { type: "string" },
    type: { type: "string" },
    subject: { type: "string", description: "`contact/18`: entity and entityId." },
    time: { type: "string", format: "date-time" },
    datacontenttype: { type: "string", examples: ["application/json"] },
    data: {},
    data_base64: { type: "string", contentEncoding: "base64", description: "Instead of `data`: JSON text as bytes." },
  },
};

const ACCEPTED = { type: "object", required: ["id", "type"], properties: { id: { type: "string" }, type: { type: "string" } } };

export function openApiDocument(publicUrl: string): object {
  return {
    openapi: "3.1.0",
    info: { title: "Hookline", version: "1", description: "Events in. Everything else is GraphQL, at /graphql." },
    servers: [{ url: publicUrl }],
    security: [{ token: [] }],
    paths: {
      "/v1/events": {
        post: {
          operationId: "emitEvents",
          summary: "Takes one event, an array, or CloudEvents; all or nothing. 202: committed.",
          parameters: [
            {
              name: "Idempotency-Key",
              in: "header",
              schema: { type: "string", maxLength: 255 },
              description: "Covers the whole call: same key and body, same answer; other body, 422.",
            },
          ],
          requestBody: {
            required: true,
            content: {
              "application/json": {
                schema: { oneOf: [ref("Event"), { type: "array", items: ref("Event"), minItems: 1, maxItems: 1000 }] },
              },
              "application/cloudevents+json": { schema: ref("CloudEvent") },
              "application/cloudevents-batch+json": { schema: { type: "array", items: ref("CloudEvent"), minItems: 1, maxItems: 1000 } },
            },
          },
          responses: {
            202: json("Accepted; for an array, in its order.", {
              oneOf: [ref("Accepted"), { type: "object", properties: { events: { type: "array", items: ref("Accepted") } } }],
            }),
            400: problem("A rule is broken, or the events would make more than 200 000 requests; `issues` names every place."),
            401: problem("No token, or one that is not valid."),
            403: problem("The token lacks the scope events:write."),
            409: problem("A call with this Idempotency-Key is in flight; see Retry-After."),
            413: problem("More than 5 MiB, or 1000 events."),
            415: problem("Another media type, or a Content-Encoding."),
            422: problem("The Idempotency-Key was used with another body."),
            429: problem("As many events of this organization wait as may; see Retry-After. Nothing was accepted."),
            503: problem("The database is away, or the server has as much waiting as it can hold; see Retry-After. Nothing was accepted."),
          },
        },
      },
      "/sign-in/options": {
        get: {
          operationId: "signInOptions",
          summary: "Which ways in this server has, for a sign-in page.",
          security: [],
          responses: {
            200: json("Whether people's passwords are good, and whether there is single sign-on.", {
              type: "object",
              required: ["passwords", "oidc"],
              properties: { passwords: { type: "boolean" }, oidc: { type: "boolean" } },
            }),
          },
        },
      },
      "/sign-in/oidc": {
        get: {
          operationId: "beginSingleSignOn",
          summary: "Sends a browser to the OpenID provider.",
          security: [],
          parameters: [
            {
              name: "next",
              in: "query",
              schema: { type: "string", maxLength: 1024 },
              description: "A path of this server to go on at; / for any other.",
            },
          ],
          responses: {
            303: plain("To the provider; or to /sign-in#problem=<word>, when it cannot be reached."),
            404: problem("Single sign-on is not set up here."),
          },
        },
      },
      "/sign-in/oidc/callback": {
        get: {
          operationId: "finishSingleSignOn",
          summary: "Where the provider sends the browser back to.",
          security: [],
          parameters: [
            { name: "code", in: "query", schema: { type: "string" } },
            { name: "state", in: "query", schema: { type: "string" }, description: "Good once, in the browser that began." },
          ],
          responses: {
            303: plain("Signed in: the session cookie is set, and the browser goes on. Else to /sign-in#problem=<word>; the log says why."),
            404: problem("Single sign-on is not set up here."),
          },
        },
      },
      "/healthz": { get: { operationId: "health", security: [], responses: { 200: plain("The process runs.") } } },
      "/readyz": { get: { operationId: "ready", security: [], responses: { 200: plain("It can work."), 503: plain("Not now.") } } },
      "/metrics": {
        get: {
          operationId: "metrics",
          security: [{}, { token: [] }],
          responses: {
            200: plain("Prometheus text."),
            401: problem("HOOKLINE_METRICS_TOKEN is set, and was not shown."),
            403: problem("Without it, only this machine may ask."),
          },
        },
      },
    },
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        Event: EVENT,
        CloudEvent: CLOUD_EVENT,
        Accepted: ACCEPTED,
        Problem: {
          type: "object",
          required: ["title", "status", "detail", "code"],
          properties: {
            type: { type: "string" },
            title: { type: "string" },
            status: { type: "integer" },
            detail: { type: "string" },
            code: { type: "string" },
            issues: {
              type: "array",
              items: { type: "object", properties: { path: { type: "string" }, message: { type: "string" } } },
            },
          },
        },
      },
    },
  };
}

export function openApiRoutes(publicUrl: () => string): FastifyPluginAsync {
  return async (app) => {
    app.get("/openapi.json", async () => openApiDocument(publicUrl()));
  };
}
