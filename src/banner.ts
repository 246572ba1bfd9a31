/** What a start prints: what runs where, and a first delivery that is ready to paste. */
import type { App } from "./app.ts";
import type { Config } from "./config.ts";

/** A shell takes single quotes as they are; JSON holds none here. */
function firstDelivery(url: string): string {
  const query = (text: string) => JSON.stringify({ query: text });
  const create =
    'mutation { createWebhookDefinition(input: { name: "First", targetUrl: "http://127.0.0.1:9000/", eventTypes: ["*"] }) { ... on CreatedWebhookDefinition { signingSecret } ... on Error { message } } }';
  return [
    `  node -e 'require("http").createServer((q,r)=>{q.pipe(process.stdout);r.end()}).listen(9000)' &`,
    `  curl -s ${url}/graphql -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' \\`,
    `    -d '${query(create)}'`,
    `  curl -s ${url}/v1/events -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' \\`,
    `    -d '{"type":"order.created","entity":"order","entityId":"18","payload":{"total":120}}'`,
  ].join("\n");
}

export async function banner(app: App, config: Readonly<Config>): Promise<string> {
  const token = app.bootstrap.adminToken;
  const roles = [config.roles.api && "api", config.roles.worker && "worker"].filter(Boolean).join(" + ");
  const database = app.embedded ? `embedded Postgres on 127.0.0.1:${app.embedded.port}, data in ${config.dataDir}/` : "DATABASE_URL";
  const egress = config.egressAllow.length > 0 ? `public https, and ${config.egressAllow.join(", ")}` : "public https only";
  const lines = [
    "",
    `  Hookline is up (${roles})`,
    "",
    `  GraphQL    ${app.url}/graphql   (HTTP, SSE, WebSocket; GraphiQL in a browser)`,
    `  Events     ${app.url}/v1/events`,
    // The link signs an administrator in: on a server of somebody's own it would end up in a log.
    app.embedded ? `  Dashboard  ${await app.signInLink()}   (works once)` : `  Dashboard  ${app.url}/`,
    `  Database   ${database}`,
    `  Delivers   to ${egress}`,
    "",
    token
      ? `  Admin token, shown this once: ${token}`
      : `  Admin token: ${config.adminToken ? "HOOKLINE_ADMIN_TOKEN" : `in ${config.dataDir}/admin.token`}`,
    "",
    "  A first delivery:",
    token ? `  TOKEN=${token}` : config.adminToken ? "  TOKEN=$HOOKLINE_ADMIN_TOKEN" : `  TOKEN=$(cat ${config.dataDir}/admin.token)`,
    firstDelivery(app.url),
    "",
    "",
  ];
  return lines.join("\n");
}
