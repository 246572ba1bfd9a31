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

const text = { type: ["string", "null"] };
const AUDIT_ENTRY = {
  type: "object",
  required: ["id", "cursor", "createdAt", "action"],
  properties: {
    id: { type: "string" },
    cursor: { type: "string", description: "To read on from." },
    createdAt: { type: "string", format: "date-time" },
    action: { type: "string", examples: ["webhookDefinition.update"] },
    subjectType: text,
    subjectId: text,
    userId: { ...text, description: "Null: the system." },
    tokenPrefix: text,
    address: text,
    before: { description: "Secrets masked." },
    after: { description: "Secrets masked." },
  },
};

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
      "/v1/audit": {
        get: {
          operationId: "exportAudit",
          summary:
            "Who did what, oldest first, a line of JSON each. An answer ends at 32 MiB: read on from the last line's cursor until none comes.",
          parameters: [
            {
              name: "after",
              in: "query",
              schema: { type: "string" },
              description: "The cursor of a line: those behind it. Absent: from the first.",
            },
          ],
          responses: {
            200: {
              description: "NDJSON; an entry that is being written in this very second may come behind the cursor of the last line.",
              content: { "application/x-ndjson": { schema: ref("AuditEntry") } },
            },
            400: problem("`after` is no cursor."),
            401: problem("No token, or one that is not valid."),
            403: problem("The token lacks the scope admin."),
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
        AuditEntry: AUDIT_ENTRY,
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
