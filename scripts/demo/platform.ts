/** What makes Hookline a platform: nothing missed is lost, payloads keep their schema, any sender is a source, customers see their own. */
import { createHmac, randomBytes } from "node:crypto";
import type { Receiver } from "./receiver.ts";
import type { Claim, Stage } from "./stage.ts";

/** Paths whose receiver answers 503. */
const down = new Set<string>();
export const platformFailures = (path: string): number => (down.has(path) ? Number.POSITIVE_INFINITY : 0);

const GITHUB_SECRET = "it is GitHub's and ours";
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const delivered = ({ calls }: Receiver, path: string): number[] =>
  calls.filter((call) => call.path === path && call.status === 200 && call.verified).map((call) => call.sequence ?? -1);

/** One field of a mutation. @throws CliError for a typed error */
async function mutate<T>({ api }: Stage, name: string, input: object, select: string): Promise<T> {
  const type = name.endsWith("Replay") ? "ReplayInput" : `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ${select} ... on Error { message } } }`;
  return (await api.graphql<Record<string, T>>(query, { input }))[name] as T;
}

async function createWebhook(stage: Stage, path: string, eventTypes: string[], further: object = {}): Promise<string> {
  const input = { name: path.slice(1), targetUrl: stage.receiver.url + path, eventTypes, ...further };
  const made = await mutate<{ definition: { id: string }; signingSecret: string }>(
    stage,
    "createWebhookDefinition",
    input,
    "... on CreatedWebhookDefinition { definition { id } signingSecret }",
  );
  stage.receiver.trust(path, stage.spoil === "signature" ? "whsec_d3Jvbmc=" : made.signingSecret);
  return made.definition.id;
}

async function emit({ api }: Stage, type: string, sequences: readonly number[], further: object = {}): Promise<void> {
  const events = sequences.map((sequence) => ({ type, entity: "thing", entityId: "1", payload: { sequence }, ...further }));
  await api.postEvents(JSON.stringify(events), randomBytes(8).toString("hex"));
}

interface Plan {
  total: number;
}
const plan = (stage: Stage, input: object) => mutate<Plan>(stage, "planReplay", input, "... on ReplayPlan { total }");
const replay = (stage: Stage, input: object) => mutate<{ id: string }>(stage, "createReplay", input, "... on Replay { id }");

/** In the order of `expected`, each once; `--break` changes what was seen. */
function came(stage: Stage, path: string, expected: readonly number[]): boolean {
  const seen = delivered(stage.receiver, path);
  if (stage.spoil === "order") seen.reverse();
  if (stage.spoil === "delivery") seen.pop();
  return seen.join() === expected.join();
}

/** A webhook that was stopped gets what it missed, behind nothing else and in order. */
async function playMissed(stage: Stage): Promise<Claim> {
  const id = await createWebhook(stage, "/orders", ["order.*"]);
  await emit(stage, "order.placed", [0, 1, 2]);
  await stage.until(() => delivered(stage.receiver, "/orders").length === 3);
  const since = new Date().toISOString();
  await mutate(stage, "stopWebhookDefinitions", { ids: [id] }, "... on WebhookDefinitionList { webhookDefinitions { id } }");
  await emit(stage, "order.placed", [3, 4, 5, 6, 7]);
  await mutate(stage, "activateWebhookDefinitions", { ids: [id] }, "... on WebhookDefinitionList { webhookDefinitions { id } }");
  const missed = { kind: "MISSED", webhookDefinitionId: id, since };
  const planned = await plan(stage, missed);
  stage.say(`  recovery    /orders was stopped while 5 events came in; the plan finds ${planned.total}`);
  await replay(stage, missed);
  await stage.until(() => delivered(stage.receiver, "/orders").length >= 8);
  const again = await plan(stage, missed);
  return {
    name: "missed",
    holds: planned.total === 5 && again.total === 0 && came(stage, "/orders", upTo(8)),
    detail: `${delivered(stage.receiver, "/orders").length - 3} of 5 recovered, in order; a second plan finds ${again.total}`,
  };
}

/** What was given up while the receiver was down is sent again. */
async function playRejected(stage: Stage): Promise<Claim> {
  const id = await createWebhook(stage, "/invoices", ["invoice.*"], { retrySchedule: [0.2], onExhausted: "SKIP" });
  const since = new Date().toISOString();
  down.add("/invoices");
  await emit(stage, "invoice.sent", upTo(4));
  const failed = () => stage.receiver.calls.filter((call) => call.path === "/invoices" && call.status === 503).length;
  await stage.until(() => failed() >= 8);
  const rejected = { kind: "REJECTED", webhookDefinitionId: id, since };
  let planned: Plan = { total: 0 };
  for (let tries = 0; tries < 50 && planned.total < 4; tries++) planned = await plan(stage, rejected);
  stage.say(`  recovery    /invoices answered 503 to ${failed()} attempts; the plan finds ${planned.total} that were given up`);
  down.delete("/invoices");
  await replay(stage, rejected);
  await stage.until(() => delivered(stage.receiver, "/invoices").length >= 4);
  return {
    name: "rejected",
    holds: planned.total === 4 && came(stage, "/invoices", upTo(4)),
    detail: `${delivered(stage.receiver, "/invoices").length} of 4 sent again, in order`,
  };
}

async function playSchema(stage: Stage): Promise<Claim> {
  const schema = { type: "object", properties: { amount: { type: "number", minimum: 0 } }, required: ["amount"] };
  await mutate(stage, "createEventType", { name: "payment.made", schema, examples: [{ amount: 12.5 }] }, "... on EventType { id }");
  await mutate(stage, "updateOrganization", { eventTypeEnforcement: "SCHEMAS" }, "... on Organization { id }");
  const post = (payload: object) =>
    fetch(`${stage.app.url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${stage.api.token}`, "content-type": "application/json" },
      body: JSON.stringify({ type: "payment.made", payload }),
    });
  const refused = await post({ amount: "a lot" });
  const { detail } = (await refused.json()) as { detail: string };
  const accepted = await post({ amount: 3 });
  await mutate(stage, "updateOrganization", { eventTypeEnforcement: "OFF" }, "... on Organization { id }");
  stage.say(`  schema      POST /v1/events {"amount":"a lot"} → ${refused.status} ${detail}`);
  return {
    name: "schema",
    holds: refused.status === 400 && detail.includes("/amount") && accepted.status === 202,
    detail: `what does not fit is answered ${refused.status} with its place, what fits ${accepted.status}`,
  };
}

async function playGitHub(stage: Stage): Promise<Claim> {
  await createWebhook(stage, "/pushes", ["github.*"]);
  const { targetUrl } = await mutate<{ targetUrl: string }>(
    stage,
    "createInboundWebhook",
    {
      targetType: "EVENT",
      eventType: "github.{header:x-github-event}",
      verification: { preset: "GITHUB", secret: GITHUB_SECRET },
      dedupe: { header: "X-GitHub-Delivery" },
    },
    "... on CreatedInboundWebhook { targetUrl }",
  );
  const post = (secret: string, delivery: string) => {
    const body = JSON.stringify({ sequence: 0, ref: "refs/heads/main" });
    const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
    const headers = { "x-github-event": "push", "x-github-delivery": delivery, "x-hub-signature-256": signature };
    return fetch(targetUrl, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  };
  const first = await post(GITHUB_SECRET, "72d3162e");
  const [one, again, forged] = [await first.text(), await post(GITHUB_SECRET, "72d3162e"), await post("a guess", "72d3162f")];
  await stage.until(() => delivered(stage.receiver, "/pushes").length > 0);
  stage.say(`  inbound     GitHub's push → ${first.status} ${one}; once more → ${again.status}; a wrong signature → ${forged.status}`);
  return {
    name: "inbound",
    holds: first.status === 202 && (await again.text()) === one && forged.status === 401 && came(stage, "/pushes", [0]),
    detail: `verified, taken once, delivered as github.push ${delivered(stage.receiver, "/pushes").length} time; a forged one is refused`,
  };
}

const cookiesOf = (response: Response): Map<string, string> =>
  new Map(response.headers.getSetCookie().map((cookie) => (cookie.split(";")[0] ?? "").split(/=(.*)/s).slice(0, 2) as [string, string]));

async function playPortal(stage: Stage): Promise<Claim> {
  const ids = new Map<string, string>();
  for (const uid of ["acme", "globex"]) {
    const { id } = await mutate<{ id: string }>(stage, "createApplication", { uid, name: uid.toUpperCase() }, "... on Application { id }");
    ids.set(uid, await createWebhook(stage, `/${uid}`, ["report.ready"], { applicationId: id }));
    ids.set(`application ${uid}`, id);
  }
  await emit(stage, "report.ready", [0], { application: "acme" });
  await stage.until(() => delivered(stage.receiver, "/acme").length > 0);
  const { url } = await mutate<{ url: string }>(
    stage,
    "createPortalLink",
    { applicationId: ids.get("application acme") },
    "... on PortalLink { url }",
  );
  const redeem = () =>
    fetch(`${stage.app.url}/portal/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: stage.app.url },
      body: JSON.stringify({ token: url.split("#token=")[1] }),
    });
  const signedIn = await redeem();
  const cookies = cookiesOf(signedIn);
  const ask = async <T>(query: string): Promise<T> => {
    const headers = {
      "content-type": "application/json",
      origin: stage.app.url,
      cookie: `hookline_portal=${cookies.get("hookline_portal")}`,
      "x-xsrf-token": cookies.get("PORTAL-XSRF-TOKEN") ?? "",
    };
    const response = await fetch(`${stage.app.url}/portal/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
    return ((await response.json()) as { data: T }).data;
  };
  const { webhookDefinitions } = await ask<{ webhookDefinitions: { edges: { node: { name: string } }[] } }>(
    "{ webhookDefinitions(first: 10) { edges { node { name } } } }",
  );
  const seen = webhookDefinitions.edges.map(({ node }) => node.name);
  const { node } = await ask<{ node: unknown }>(`{ node(id: "${ids.get("globex")}") { id } }`);
  const second = await redeem();
  stage.say(`  portal      a link signs ACME's people in: they see ${seen.join(", ")}; the link a second time → ${second.status}`);
  return {
    name: "portal",
    holds:
      signedIn.status === 204 &&
      second.status === 401 &&
      seen.join() === "acme" &&
      node === null &&
      came(stage, "/acme", [0]) &&
      delivered(stage.receiver, "/globex").length === 0,
    detail: "an application's event goes to its own webhook; its portal shows that one and no other's",
  };
}

export async function playPlatform(stage: Stage): Promise<Claim[]> {
  stage.say();
  const claims: Claim[] = [];
  for (const play of [playMissed, playRejected, playSchema, playGitHub, playPortal]) claims.push(await play(stage));
  return claims;
}
