/** `npm run demo -- --platform`: what a stopped webhook missed, a schema, a source and a portal, each tried as a client would. */
import { createHmac } from "node:crypto";
import type { Api } from "../../src/cli/client.ts";
import type { Receiver } from "./receiver.ts";
import type { Claim } from "./verdict.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever it answered; the claims judge it
type Answer = any;

export interface Walk {
  api: Api;
  receiver: Receiver;
  say(text: string): void;
  until(condition: () => boolean | Promise<boolean>): Promise<boolean>;
  /** What goes wrong on purpose: `--break recovery`, `schema`, `inbound` or `portal`. */
  spoil: string | undefined;
}

/** How often a path is answered 503 before it works. */
export const platformFailures = (lane: string): number => (lane === "rejected" ? 3 : 0);
export const platformLane = (path: string): string => path.slice(1);

const mutate = async (api: Api, name: string, input: object, fields: string): Promise<Answer> => {
  const type = name.endsWith("Replay") && name !== "cancelReplay" ? "ReplayInput" : `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { it: ${name}(input: $input) { __typename ${fields}
    ... on ValidationError { issues { path message } } ... on Error { message } } }`;
  return (await api.graphql<{ it: Answer }>(query, { input })).it;
};

async function define(walk: Walk, code: string, input: object): Promise<string> {
  const wanted = { name: code, code, targetUrl: `${walk.receiver.url}/${code}`, retrySchedule: [], ...input };
  const made = await mutate(
    walk.api,
    "createWebhookDefinition",
    wanted,
    "... on CreatedWebhookDefinition { definition { id } signingSecret }",
  );
  walk.receiver.trust(`/${code}`, made.signingSecret);
  return made.definition.id;
}

const emit = ({ api }: Walk, type: string, sequences: number[]) =>
  api.postEvents(JSON.stringify(sequences.map((sequence) => ({ type, payload: { sequence } }))), `${type}-${sequences.join()}`);

const arrived = ({ receiver }: Walk, path: string) =>
  receiver.calls.filter((call) => call.path === path && call.status === 200 && call.verified).map((call) => call.sequence as number);

async function replayed(walk: Walk, name: string, type: string, input: object, wanted: number[], path: string): Promise<Claim> {
  const plan = await mutate(walk.api, "planReplay", input, "... on ReplayPlan { total }");
  walk.say(`  ${name.padEnd(11)} planReplay finds ${plan.total} ${type}`);
  await mutate(walk.api, "createReplay", input, "... on Replay { id }");
  await walk.until(() => arrived(walk, path).length >= wanted.length);
  const again = await mutate(walk.api, "planReplay", input, "... on ReplayPlan { total }");
  const got = walk.spoil === "recovery" ? arrived(walk, path).reverse() : arrived(walk, path);
  return {
    name,
    holds: plan.total === 3 && got.join() === wanted.join() && again.total === 0,
    detail: `${plan.total} planned; the receiver has ${got.join(", ")} of ${wanted.join(", ")}; ${again.total} left`,
  };
}

async function recover(walk: Walk): Promise<Claim[]> {
  const since = new Date(Date.now() - 60_000).toISOString();
  const missed = await define(walk, "missed", { eventTypes: ["missed.made"] });
  await emit(walk, "missed.made", [0]);
  await walk.until(() => arrived(walk, "/missed").length === 1);
  await mutate(walk.api, "stopWebhookDefinitions", { ids: [missed] }, "");
  await emit(walk, "missed.made", [1, 2, 3]);
  await mutate(walk.api, "activateWebhookDefinitions", { ids: [missed] }, "");
  const missedInput = { kind: "MISSED", webhookDefinitionId: missed, since };
  const first = await replayed(walk, "missed", "events that came while the webhook was stopped", missedInput, [0, 1, 2, 3], "/missed");

  const rejected = await define(walk, "rejected", { eventTypes: ["rejected.made"] });
  await emit(walk, "rejected.made", [1, 2, 3]);
  const query = `query ($id: ID!) { webhookRequests(filter: { webhookDefinitionId: $id, state: [REJECTED] }) { totalCount } }`;
  await walk.until(async () => (await walk.api.graphql<Answer>(query, { id: rejected })).webhookRequests.totalCount === 3);
  const rejectedInput = { kind: "REJECTED", webhookDefinitionId: rejected, since };
  return [first, await replayed(walk, "rejected", "requests that the receiver refused", rejectedInput, [1, 2, 3], "/rejected")];
}

async function refuseBySchema({ api, say, spoil }: Walk): Promise<Claim> {
  const schema = { type: "object", required: ["id"], properties: { id: { type: "integer" } } };
  for (const name of ["shop.opened", "shop.push"])
    await mutate(api, "createEventType", name === "shop.opened" ? { name, schema } : { name }, "");
  await mutate(api, "updateOrganization", { eventTypeEnforcement: "SCHEMAS" }, "");
  const send = (id: unknown) =>
    fetch(`${api.url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${api.token}`, "content-type": "application/json" },
      body: JSON.stringify({ type: "shop.opened", payload: { id } }),
    });
  const [refused, taken] = [await send(spoil === "schema" ? 1 : "one"), await send(1)];
  const text = await refused.text();
  say(`  schema      ${text}`);
  const holds = refused.status === 400 && text.includes("/id must be integer") && taken.status === 202;
  return {
    name: "schema",
    holds,
    detail: `a wrong payload ${refused.status}, with the JSON Pointer of its mistake; a right one ${taken.status}`,
  };
}

async function receiveFromGitHub({ api, say, spoil }: Walk): Promise<Claim> {
  const { organization } = await api.graphql<Answer>("{ organization { id } }");
  await mutate(api, "setOrganizationFeature", { organizationId: organization.id, feature: "INBOUND_WEBHOOKS", enabled: true }, "");
  const secret = "It's a Secret to Everybody";
  const input = {
    ...{ targetType: "EVENT", eventType: "shop.{header:x-github-event}", verification: { preset: "GITHUB", secret } },
    dedupe: { header: "x-github-delivery" },
  };
  const { targetUrl } = await mutate(api, "createInboundWebhook", input, "... on CreatedInboundWebhook { targetUrl }");
  const body = JSON.stringify({ ref: "refs/heads/main" });
  const post = async (key: string) => {
    const signature = `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
    const headers = { "x-github-event": "push", "x-github-delivery": "delivery-1", "x-hub-signature-256": signature };
    const response = await fetch(targetUrl, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
    return { status: response.status, id: ((await response.json()) as { id?: string }).id };
  };
  const [wrong, right, again] = [await post(spoil === "inbound" ? secret : "guessed"), await post(secret), await post(secret)];
  const { events } = await api.graphql<Answer>("{ events(first: 100) { edges { node { type } } } }");
  const made = events.edges.filter(({ node }: Answer) => node.type === "shop.push");
  say(`  inbound     a push of GitHub became ${right.id}`);
  return {
    name: "inbound",
    holds: wrong.status === 401 && right.status === 202 && again.status === 202 && right.id === again.id && made.length === 1,
    detail: `a wrong signature ${wrong.status}, a right one ${right.status}, the same once more ${again.status}; ${made.length} event`,
  };
}

async function enterPortal(walk: Walk): Promise<Claim> {
  const { api, say, spoil } = walk;
  const application = async (uid: string) => (await mutate(api, "createApplication", { uid, name: uid }, "... on Application { id }")).id;
  const [own, other] = [await application("acme"), await application("other")];
  const seen = await define(walk, "acme", { eventTypes: ["shop.*"], applicationId: own });
  const hidden = await define(walk, "other", { eventTypes: ["shop.*"], applicationId: spoil === "portal" ? own : other });
  const { url } = await mutate(api, "createPortalLink", { applicationId: own }, "... on PortalLink { url }");
  say(`  portal      ${url.split("#")[0]} signs in once`);
  const redeem = () =>
    fetch(`${api.url}/portal/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: api.url },
      body: JSON.stringify({ token: new URL(url).hash.slice("#token=".length) }),
    });
  const [first, second] = [await redeem(), await redeem()];
  const session = first.headers.getSetCookie().find((cookie) => cookie.startsWith("hookline_portal="));
  const token = session?.split(";")[0]?.slice("hookline_portal=".length);
  const response = await fetch(`${api.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({
      query: "query ($id: ID!) { webhookDefinitions { edges { node { id } } } webhookDefinition(id: $id) { id } }",
      variables: { id: hidden },
    }),
  });
  const { data } = (await response.json()) as Answer;
  const ids: string[] = data?.webhookDefinitions?.edges.map(({ node }: Answer) => node.id) ?? [];
  return {
    name: "portal",
    holds: first.status === 204 && second.status >= 400 && ids.join() === seen && data?.webhookDefinition == null,
    detail: `signed in once (${first.status}, then ${second.status}); sees ${ids.length} webhook of 4, not the other application's`,
  };
}

export async function walkPlatform(walk: Walk): Promise<Claim[]> {
  return [...(await recover(walk)), await refuseBySchema(walk), await receiveFromGitHub(walk), await enterPortal(walk)];
}
