/** What a start prints: what runs where, and a first delivery that works as printed. Secrets are for terminals alone. */
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import type { App } from "./app.ts";
import type { Config } from "./config.ts";
import { createEgress } from "./delivery/egress.ts";

/** Any text, as one word of a shell. */
const quoted = (text: string) => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** 0.0.0.0 and :: are where it listens, and no place to go to. */
function reachable(url: string): string {
  return url.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:");
}

const RECEIVER = "http://127.0.0.1:9000/";

/** A shell takes single quotes as they are; JSON holds none here. */
function firstDelivery(url: string): string {
  const query = (text: string) => JSON.stringify({ query: text });
  const create = `mutation { createWebhookDefinition(input: { name: "First", targetUrl: "${RECEIVER}", eventTypes: ["*"] }) { ... on CreatedWebhookDefinition { signingSecret } ... on Error { message } } }`;
  return [
    `  node -e 'require("http").createServer((q,r)=>{q.pipe(process.stdout);r.end()}).listen(9000)' &`,
    `  curl -s ${url}/graphql -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' \\`,
    `    -d '${query(create)}'`,
    `  curl -s ${url}/v1/events -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' \\`,
    `    -d '{"type":"order.created","entity":"order","entityId":"18","payload":{"total":120}}'`,
  ].join("\n");
}

interface Shown {
  /** Whether standard output is a terminal: only there secrets are shown. */
  terminal: boolean;
}

/** Where the admin token is, and how a shell gets it; undefined: it is nowhere here. */
function tokenOf(app: App, config: Readonly<Config>, { terminal }: Shown): { line: string; shell: string | undefined } {
  const made = app.bootstrap.adminToken;
  if (app.bootstrap.tokenFrom === "variable") return { line: "HOOKLINE_ADMIN_TOKEN", shell: "$HOOKLINE_ADMIN_TOKEN" };
  const file = path.resolve(config.dataDir, "admin.token");
  if (app.bootstrap.tokenFrom === "elsewhere") {
    return { line: `made by another start, and not kept in ${file}; a new token: npx hookline token NAME`, shell: undefined };
  }
  if (made !== undefined && terminal) return { line: `${made}   (shown this once; kept in ${file})`, shell: made };
  return { line: `in ${file}`, shell: `$(cat ${quoted(file)})` };
}

/** The link is a secret, too: whoever opens it first is an administrator. @returns the place of a file for its owner alone */
async function keepLink(app: App, config: Readonly<Config>): Promise<string> {
  const file = path.resolve(config.dataDir, "sign-in.link");
  await writeFile(file, `${await app.signInLink()}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return file;
}

async function dashboardLine(app: App, config: Readonly<Config>, url: string, { terminal }: Shown): Promise<string> {
  if (terminal) return `${await app.signInLink()}   (signs in once, within 15 minutes)`;
  if (app.embedded) return `${url}/   (a link that signs in once, within 15 minutes, is in ${await keepLink(app, config)})`;
  return `${url}/   (sign in with an API token, or by the link of \`npx hookline sign-in-link\`)`;
}

export async function banner(app: App, config: Readonly<Config>, shown: Shown): Promise<string> {
  const here = reachable(app.url);
  const url = config.publicUrl ?? here;
  const roles = [config.roles.api && "api", config.roles.worker && "worker"].filter(Boolean).join(" + ");
  const database = app.embedded ? `embedded Postgres on 127.0.0.1:${app.embedded.port}, data in ${config.dataDir}/` : "DATABASE_URL";
  const targets = config.egressAllow.length > 0 ? `to public https, and ${config.egressAllow.join(", ")}` : "to public https only";
  const token = tokenOf(app, config, shown);
  const lines = [
    "",
    `  Hookline is up (${roles}${config.workers > 1 ? `, ${config.workers} processes` : ""})`,
    "",
    `  GraphQL    ${url}/graphql   (HTTP, SSE, WebSocket; GraphiQL in a browser)`,
    `  Events     ${url}/v1/events`,
    `  Dashboard  ${await dashboardLine(app, config, url, shown)}`,
    ...(config.publicUrl === undefined ? [] : [`  Listens    on ${app.url}, reached at HOOKLINE_PUBLIC_URL`]),
    `  Database   ${database}`,
    `  Delivers   ${config.delivery ? targets : "nothing: HOOKLINE_DELIVERY=off; what comes in is kept in its lanes"}`,
    "",
    `  Admin token: ${token.line}`,
    "",
  ];
  const taken = createEgress({ allow: config.egressAllow }).checkUrl(RECEIVER).ok;
  const example = taken && config.delivery && config.roles.worker && token.shell !== undefined;
  if (example) lines.push("  A first delivery:", `  TOKEN=${token.shell}`, firstDelivery(here), "");
  return `${lines.join("\n")}\n`;
}
