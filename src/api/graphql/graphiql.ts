/** GraphiQL with its own assets (no CDN), a ready example in each tab. */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { varies } from "../replies.ts";

const HEADERS = JSON.stringify({ Authorization: "Bearer <your token>" }, null, 2);

const TABS = [
  {
    query: `# 1 · Who am I? Put your token into Headers below, then press play.
query Viewer {
  viewer { role scopes organization { id name features } }
}`,
  },
  {
    query: `# 2 · Where should events go? The signing secret is shown once.
mutation CreateWebhookDefinition($input: CreateWebhookDefinitionInput!) {
  createWebhookDefinition(input: $input) {
    __typename
    ... on CreatedWebhookDefinition { definition { id number code state } signingSecret }
    ... on ValidationError { issues { path message } }
    ... on Error { code message }
  }
}`,
    variables: JSON.stringify(
      {
        input: {
          name: "Orders",
          targetUrl: "https://shop.example/hooks",
          eventTypes: ["order.*"],
          filter: { payload: { total: { $gt: 100 } } },
        },
      },
      null,
      2,
    ),
  },
  {
    query: `# 3 · Something happened.
mutation EmitEvent($input: EmitEventInput!) {
  emitEvent(input: $input) {
    __typename
    ... on Event { id type requests(first: 10) { edges { node { id number state } } } }
    ... on Error { code message }
  }
}`,
    variables: JSON.stringify(
      { input: { type: "order.created", entity: "order", entityId: "18", payload: { total: 120 }, idempotencyKey: "o-18" } },
      null,
      2,
    ),
  },
  {
    query: `# 4 · Watch deliveries as they happen.
subscription Deliveries {
  webhookRequestUpdated {
    cursor
    request { number state laneNumber event { type entityId } attempts(last: 1) { edges { node { number outcome statusCode durationMs errorCode } } } }
  }
}`,
  },
  {
    query: `# 5 · What was rejected, and why?
query Rejected {
  webhookRequests(first: 20, filter: { lifeCycleState: [REJECTED] }) {
    totalCount
    edges { node { id number url errorCode errorDescription createdAt } }
    pageInfo { hasNextPage endCursor }
  }
}`,
  },
];

/** GraphiQL's own code stands in the page, and its editor makes workers of it. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; img-src data:; font-src data:; " +
  "connect-src 'self'; worker-src blob: data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

interface Page {
  plain: Buffer;
  gzipped: Buffer;
}

let page: Promise<Page> | undefined;

/**
 * Loaded when somebody asks: 9 MB of text that most processes never show. Made once; all who read it share the same bytes,
 * so a reader that stands still holds what the kernel took of them and no more.
 */
function graphiqlPage(): Promise<Page> {
  page ??= import("@graphql-yoga/render-graphiql").then(async ({ renderGraphiQL }) => {
    const html = renderGraphiQL({
      title: "Hookline GraphiQL",
      endpoint: "/graphql",
      credentials: "same-origin",
      defaultTabs: TABS.map((tab) => ({ ...tab, headers: HEADERS })),
    });
    const plain = Buffer.from(html);
    return { plain, gzipped: await promisify(gzip)(plain, { level: 9 }) };
  });
  return page;
}

export async function sendGraphiql(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { plain, gzipped } = await graphiqlPage();
  const compressed = (request.headers["accept-encoding"] ?? "").slice(0, 256).includes("gzip");
  varies(reply, "Accept-Encoding");
  return reply
    .type("text/html; charset=utf-8")
    .headers({ "x-frame-options": "DENY", "content-security-policy": POLICY })
    .headers(compressed ? { "content-encoding": "gzip" } : {})
    .send(compressed ? gzipped : plain);
}
