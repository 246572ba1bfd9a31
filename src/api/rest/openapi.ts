/** /openapi.json: every REST route as data, ours and the five faces', each described beside the others of its product in openapi/. */
import type { FastifyPluginAsync } from "fastify";
import { audit } from "./openapi/audit.ts";
import { cotalker } from "./openapi/cotalker.ts";
import { crmcom } from "./openapi/crmcom.ts";
import { doforms } from "./openapi/doforms.ts";
import { events } from "./openapi/events.ts";
import { exports } from "./openapi/exports.ts";
import { inboundEvents } from "./openapi/inbound-events.ts";
import type { Part } from "./openapi/parts.ts";
import { results } from "./openapi/results.ts";
import { singleSignOn } from "./openapi/single-sign-on.ts";
import { superoffice } from "./openapi/superoffice.ts";

const PARTS: readonly Part[] = [events, inboundEvents, singleSignOn, audit, exports, results, crmcom, doforms, cotalker, superoffice];

const tagged = ({ tag, paths }: Part) =>
  Object.entries(paths).map(([path, operations]) => [
    path,
    Object.fromEntries(Object.entries(operations).map(([method, operation]) => [method, { tags: [tag.name], ...operation }])),
  ]);

const bearer = (description: string) => ({ type: "http", scheme: "bearer", description });

export function openApiDocument(publicUrl: string): object {
  return {
    openapi: "3.1.0",
    info: {
      title: "Hookline",
      version: "1",
      description: "Events in, and the webhook APIs of five products over one engine. Everything else is GraphQL, at /graphql.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: publicUrl }],
    security: [{ token: [] }],
    tags: PARTS.map(({ tag }) => tag),
    paths: Object.fromEntries(PARTS.flatMap(tagged)),
    components: {
      securitySchemes: {
        token: bearer("An API token, or what a face's own sign-in gave."),
        metricsToken: bearer("The value of HOOKLINE_METRICS_TOKEN."),
        webService: bearer("doForms: `{web service id}:{password}`, or a token of /api/v2/tokens/webservice."),
        basic: {
          type: "http",
          scheme: "basic",
          description: "E-mail or user name and password; for CRM.COM's Web API key an API token and no password.",
        },
        crmcomToken: { type: "apiKey", in: "query", name: "token", description: "CRM.COM: from authentication/token." },
      },
      schemas: Object.assign({}, ...PARTS.map(({ schemas }) => schemas)) as Record<string, object>,
    },
  };
}

export function openApiRoutes(publicUrl: () => string): FastifyPluginAsync {
  return async (app) => {
    app.get("/openapi.json", async () => openApiDocument(publicUrl()));
  };
}
