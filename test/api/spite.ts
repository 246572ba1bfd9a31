/**
 * The worst that anybody can send, to every kind of door: repetition, nesting, backtracking, width, depth, about a megabyte
 * where a body is, 12 KiB where a header or a URL is. Pure: spite.test.ts sends it.
 */
import { openApiDocument } from "../../src/api/rest/openapi.ts";
import type { Route } from "../../src/api/routing.ts";

const MIB = 2 ** 20;

export interface Spite {
  /** Where it goes: `POST /v1/events`, `a filter`. */
  route: string;
  name: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const fill = (text: string, size = MIB - 1_000) => text.repeat(Math.floor(size / text.length));
const numbered = (count: number, write: (i: number) => string, separator = ",") =>
  Array.from({ length: count }, (_, i) => write(i)).join(separator);

/** JSON values, each near a megabyte. */
const VALUES: Record<string, () => string> = {
  "deep lists": () => fill("[", MIB / 2 - 1_000) + fill("]", MIB / 2 - 1_000),
  "deep objects": () => `${fill('{"a":', (MIB * 5) / 6 - 6_000)}1${"}".repeat(Math.floor(((MIB * 5) / 6 - 6_000) / 5))}`,
  "60 levels, wide at the bottom": () => `${"[".repeat(60) + fill("0,", MIB - 2_000)}0${"]".repeat(60)}`,
  "60 levels of objects, wide at the bottom": () => `${'{"a":'.repeat(60)}[${fill("0,", MIB - 2_000)}0]${"}".repeat(60)}`,
  "a wide list": () => `[${fill("0,")}0]`,
  "a list of texts": () => `[${fill('"a",')}"a"]`,
  "a list of objects": () => `[${fill('{"a":1},')}{"a":1}]`,
  "many keys": () => `{${numbered(70_000, (i) => `"k${i}":1`)}}`,
  "one key, many times": () => `{${fill('"a":1,')}"a":1}`,
  operators: () => `{"payload":{${numbered(70_000, (i) => `"$o${i}":1`)}}}`,
  "operators below a long key": () => `{"payload":{"${"k".repeat(300_000)}":{${numbered(20_000, (i) => `"$o${i}":1`)}}}}`,
  "a long key": () => `{"${fill("k")}":1}`,
  "a dotted key": () => `{"payload.${fill("a.")}b":1}`,
  "a key of blanks": () => `{"${fill(" ")}":1}`,
  "the mask's own words": () => `{"${fill(" cannot represent ")}":1}`,
  "a long text": () => `"${fill("a")}"`,
  "escaped quotes": () => `"${fill('\\"')}"`,
  "escaped letters": () => `"${fill("\\u0061")}"`,
  "backslashes without an end": () => `"${fill("\\\\")}`,
  "a long number": () => fill("9"),
  "zeros and a one": () => `0.${fill("0")}1`,
  "white space": () => `[${fill(" \n")}]`,
  "half a text": () => `["${fill("a")}`,
};

const FORMS: Record<string, () => string> = {
  "equal names": () => fill("a&"),
  "equal names with values": () => fill("a=1&"),
  "many names": () => numbered(90_000, (i) => `a${i}=1`, "&"),
  percents: () => `a=${fill("%")}`,
  escapes: () => `a=${fill("%41")}`,
  "plus signs": () => `a=${fill("+")}`,
  "equal signs": () => fill("="),
  "one long name": () => fill("a"),
};

const DOCUMENTS: Record<string, () => string> = {
  "deep XML": () => fill("<a>"),
  "deep XML, closed": () => "<a>".repeat(140_000) + "</a>".repeat(140_000),
  "wide XML": () => `<Webhook>${fill("<a/>", MIB - 2_000)}</Webhook>`,
  "wide XML with texts": () => `<Webhook>${fill("<string>a</string>", MIB - 2_000)}</Webhook>`,
  "open comments": () => fill("<!--"),
  comments: () => `<a>${fill("<!---->", MIB - 2_000)}</a>`,
  "open character data": () => fill("<![CDATA["),
  "character data": () => `<a>${fill("<![CDATA[]]>", MIB - 2_000)}</a>`,
  "open instructions": () => fill("<?a "),
  "open tags": () => fill("<a "),
  "less-than signs": () => fill("<"),
  "closing tags": () => fill("</a>"),
  ampersands: () => `<a>${fill("&", MIB - 2_000)}</a>`,
  entities: () => `<a>${fill("&amp;", MIB - 2_000)}</a>`,
  "character references": () => `<a>${fill("&#65;", MIB - 2_000)}</a>`,
  attributes: () => `<a ${numbered(70_000, (i) => `b${i}="1"`, " ")}/>`,
  "an attribute without an end": () => `<a b="${fill(" ", MIB - 2_000)}`,
  "blanks in a tag": () => `<a${fill(" ", MIB - 2_000)}/>`,
  "a long name": () => `<${fill("a", MIB - 2_000)}/>`,
  "coded names": () => `<${fill("_x0041_", MIB - 2_000)}/>`,
  "a DOCTYPE with entities": () => `<!DOCTYPE a [${fill('<!ENTITY a "b">', MIB - 2_000)}]><a/>`,
};

/** GraphQL documents. */
const QUERIES: Record<string, () => string> = {
  "open fields": () => fill("{a"),
  "open fields, closed": () => "{a".repeat(200_000) + "}".repeat(200_000),
  "brackets in an argument": () => `{ viewer(a: ${"[".repeat(200_000)}${"]".repeat(200_000)}) { role } }`,
  "objects in an argument": () => `{ viewer(a: ${"{a:".repeat(200_000)}1${"}".repeat(200_000)}) { role } }`,
  "list types": () => `query ($a: ${"[".repeat(200_000)}Int${"]".repeat(200_000)}) { viewer { role } }`,
  aliases: () => `{ ${numbered(90_000, (i) => `a${i}:viewer{role}`, " ")} }`,
  "one field many times": () => `{ ${fill("viewer{role} ")} }`,
  "fragments that double": () =>
    `{ ...f0 } ${numbered(180, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`, " ")} fragment f180 on Query { viewer { role } }`,
  "fragments in a circle": () => `{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }`,
  directives: () => `{ viewer ${fill("@a ")} { role } }`,
  variables: () => `query (${numbered(60_000, (i) => `$a${i}:Int`, " ")}) { viewer { role } }`,
  "open texts": () => fill('"'),
  "open blocks": () => fill('"""a'),
  "a block of blanks": () => `{ a(b: """${fill(" \n")}""") }`,
  "escapes in a text": () => `{ a(b: "${fill("\\u0061")}") }`,
  comments: () => fill("#\n"),
  commas: () => fill(","),
  "a long name": () => `{ ${fill("a")} }`,
  "long names": () => `{ ${numbered(400, (i) => `${"a".repeat(2_000)}${i}`, " ")} }`,
  "a long number": () => `{ viewer(a: ${fill("9")}) { role } }`,
  "a long enumeration value": () => `{ webhookRequests(filter: { state: ${fill("A")} }) { totalCount } }`,
};

/** What a header's value may be: below the head's 16 KiB, which end with 431 or a closed socket. */
const LINES: Record<string, string> = {
  blanks: `Bearer ${" ".repeat(12_000)}x`,
  commas: ",".repeat(12_000),
  semicolons: ";".repeat(12_000),
  qualities: "a;q=1,".repeat(2_000),
  pairs: "a=b;".repeat(3_000),
  percents: "%".repeat(12_000),
  addresses: "10.0.0.1,".repeat(1_300),
  colons: ":".repeat(12_000),
  digits: "9".repeat(12_000),
  base64: `Basic ${"YTph".repeat(3_000)}`,
};
const HEADERS = [
  ...["authorization", "cookie", "accept", "accept-encoding", "content-type", "idempotency-key", "x-forwarded-for", "x-forwarded-proto"],
  ...["if-modified-since", "so-timezone", "so-apptoken", "ce-id", "ce-time", "origin", "sec-websocket-protocol", "traceparent"],
];

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

type Door = { path: string; method?: Spite["method"]; kinds: readonly ("json" | "form" | "xml" | "graphql")[]; type?: string };

const DOORS: readonly Door[] = [
  { path: "/graphql", kinds: ["json", "graphql"] },
  { path: "/v1/events", kinds: ["json"] },
  { path: "/v1/events", kinds: ["json"], type: "application/cloudevents+json" },
  { path: "/v1/events", kinds: ["json"], type: "application/cloudevents-batch+json" },
  { path: "/inbound/goals/1/1", kinds: ["json", "form"] },
  { path: "/api/inbound-webhooks", kinds: ["json"] },
  { path: "/auth/local", kinds: ["json"] },
  { path: "/api/v3/webhook/subscription", kinds: ["json"] },
  { path: "/api/v2/webservices", kinds: ["json"] },
  { path: "/api/v2/connections", kinds: ["json"] },
  { path: "/api/v2/tokens/webservice", kinds: ["json"] },
  { path: "/crmapi/rest/v2/authentication/token", kinds: ["json", "form"] },
  { path: "/crmapi/rest/v2/authentication/web_api_key/token", kinds: ["json", "form"] },
  { path: "/crmapi/rest/v2/webhook_definitions/create", kinds: ["json", "form"] },
  { path: "/crmapi/rest/v2/workflow_rules/create", kinds: ["json", "form"] },
  { path: "/api/v1/Webhook", kinds: ["json", "form", "xml"] },
  { path: "/api/v1/Webhook/1", method: "PATCH", kinds: ["json", "xml"] },
  { path: "/api/v1/Webhook/1", method: "PUT", kinds: ["json", "xml"] },
  { path: "/api/v1/Webhook/1/1", kinds: ["json", "xml"] },
  { path: "/api/v1/Agents/Webhook/SignalEvent", kinds: ["json", "xml"] },
  { path: "/api/v1/Agents/Webhook/SaveWebhook", kinds: ["json", "xml"] },
];

const BODIED = new Set(["POST", "PUT", "PATCH", "DELETE"]);
/** What a route's parameters are called with. */
const pathOf = (route: string) => route.replace(/:[^/]+/g, "1").replace("*", "a");

const fits = (route: string, path: string) => {
  const [pattern, given] = [route.split("/"), path.split("/")];
  return pattern.length === given.length && pattern.every((segment, i) => segment.startsWith(":") || segment === given[i]);
};

/** A door for every route that takes a body and has none above, with what its product may send. */
export function doorsOf(routes: readonly Route[]): Door[] {
  return routes
    .filter(
      ({ method, url }) =>
        BODIED.has(method) && ![...DOORS, ...describedDoors()].some((door) => (door.method ?? "POST") === method && fits(url, door.path)),
    )
    .map(({ method, url: path }): Door => {
      const kinds = path.startsWith("/api/v1/") ? (["json", "form", "xml"] as const) : (["json", "form"] as const);
      return { path: pathOf(path), method: method as Spite["method"], kinds };
    });
}

/** Every other operation of /openapi.json that takes a body, by its content types. */
function describedDoors(): Door[] {
  const { paths } = openApiDocument("http://localhost") as { paths: Record<string, Record<string, { requestBody?: { content: object } }>> };
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).flatMap(([name, { requestBody }]): Door[] => {
      const path = filled(template);
      const method = name.toUpperCase() as Spite["method"];
      const known = DOORS.some((door) => filled(door.path) === path && (door.method ?? "POST") === method);
      if (!requestBody || known) return [];
      const types = Object.keys(requestBody.content);
      const kinds = (["json", "form", "xml"] as const).filter((kind) => types.includes(TYPES[kind]));
      return [{ path, method, kinds }];
    }),
  );
}

/** A path of the document with something for each parameter. */
export const filled = (template: string): string => template.replaceAll(/\{\w+\}/g, "1");

const TABLES = { json: VALUES, form: FORMS, xml: DOCUMENTS, graphql: QUERIES };
const TYPES = { json: JSON_TYPE, form: FORM_TYPE, xml: "application/xml", graphql: JSON_TYPE };

/** Values where a definition, an event or a filter has one: what is well-formed gets further. */
const INSIDE: Record<string, (value: string) => string> = {
  "a filter": (value) =>
    mutation(
      "createWebhookDefinition",
      "CreateWebhookDefinitionInput",
      `{"name":"a","targetUrl":"https://a.example","eventTypes":["a"],"filter":${value}}`,
    ),
  headers: (value) =>
    mutation(
      "createWebhookDefinition",
      "CreateWebhookDefinitionInput",
      `{"name":"a","targetUrl":"https://a.example","eventTypes":["a"],"headers":${value}}`,
    ),
  "event types": (value) =>
    mutation(
      "createWebhookDefinition",
      "CreateWebhookDefinitionInput",
      `{"name":"a","targetUrl":"https://a.example","eventTypes":${value}}`,
    ),
  "a name": (value) =>
    mutation(
      "createWebhookDefinition",
      "CreateWebhookDefinitionInput",
      `{"name":${value},"targetUrl":"https://a.example","eventTypes":["a"]}`,
    ),
  "a URL": (value) =>
    mutation("createWebhookDefinition", "CreateWebhookDefinitionInput", `{"name":"a","targetUrl":${value},"eventTypes":["a"]}`),
  "a payload query": (value) =>
    mutation(
      "createWebhookDefinition",
      "CreateWebhookDefinitionInput",
      `{"name":"a","targetUrl":"https://a.example","eventTypes":["a"],"payloadQuery":${value}}`,
    ),
  "a condition": (value) =>
    mutation("createWorkflowRule", "CreateWorkflowRuleInput", `{"name":"a","entity":"a","webhookDefinitionIds":[],"condition":${value}}`),
  "a payload": (value) => mutation("emitEvent", "EmitEventInput", `{"type":"spite.payload","payload":${value}}`),
  "a scope": (value) => mutation("emitEvent", "EmitEventInput", `{"type":"spite.scope","payload":{},"scope":${value}}`),
  "an input": (value) => mutation("emitEvent", "EmitEventInput", value),
  "a preview": (value) =>
    `{"query":"query ($f: JSON) { filterPreview(eventTypes: [\\"*\\"], filter: $f) { matched } }","variables":{"f":${value}}}`,
  "an id": (value) => `{"query":"query ($id: ID!) { node(id: $id) { id } }","variables":{"id":${value}}}`,
  ids: (value) => `{"query":"query ($ids: [ID!]!) { nodes(ids: $ids) { id } }","variables":{"ids":${value}}}`,
  "a cursor": (value) =>
    `{"query":"query ($c: String) { webhookRequests(first: 1, after: $c) { totalCount } }","variables":{"c":${value}}}`,
  "a request's filter": (value) =>
    `{"query":"query ($f: WebhookRequestFilter) { webhookRequests(first: 1, filter: $f) { totalCount } }","variables":{"f":{"url":${value}}}}`,
  "an operation's name": (value) => `{"query":"query a { viewer { role } }","operationName":${value}}`,
};

function mutation(name: string, input: string, value: string): string {
  return `{"query":"mutation ($input: ${input}!) { ${name}(input: $input) { __typename } }","variables":{"input":${value}}}`;
}

/** Every one, in a fixed order; a body is made when it is asked for. */
export function allSpite(routes: readonly Route[] = []): { route: string; name: string; path: string; make(): Spite }[] {
  const all: ReturnType<typeof allSpite> = [];
  const add = (route: string, name: string, rest: Omit<Spite, "route" | "name" | "body">, body?: () => string) =>
    all.push({ route, name: `${route}: ${name}`, path: rest.path, make: () => ({ route, name, ...rest, body: body?.() }) });
  for (const { path, kinds, method = "POST", type } of [...DOORS, ...describedDoors(), ...doorsOf(routes)]) {
    for (const kind of kinds) {
      const headers = { "content-type": type ?? TYPES[kind] };
      for (const [name, value] of Object.entries(TABLES[kind])) {
        const body = kind === "graphql" ? () => JSON.stringify({ query: value() }) : value;
        add(`${method} ${path} ${type ?? kind}`, name, { method, path, headers }, body);
      }
    }
  }
  for (const [place, write] of Object.entries(INSIDE)) {
    const headers = { "content-type": JSON_TYPE };
    for (const [name, value] of Object.entries(VALUES))
      add(`/graphql, ${place}`, name, { method: "POST", path: "/graphql", headers }, () => write(value()));
  }
  for (const path of ["/graphql?query=a", "/v1/events", "/api/v1/Webhook", "/api/v3/webhook/subscription", "/inbound/goals/a/b", "/"]) {
    for (const header of HEADERS) {
      for (const [name, value] of Object.entries(LINES))
        add(`GET ${path}, a header`, `${header} of ${name}`, { method: "GET", path, headers: { [header]: value } });
    }
  }
  const urls: Record<string, string> = {
    "equal names": `?${"a&".repeat(6_000)}`,
    "many names": `?${numbered(1_500, (i) => `a${i}=1`, "&")}`,
    percents: `?a=${"%41".repeat(4_000)}`,
    "broken percents": `?a=${"%".repeat(12_000)}`,
    slashes: "/".repeat(12_000),
    dots: "/..".repeat(4_000),
    "coded slashes": "/%2F".repeat(3_000),
    "a long segment": `/${"a".repeat(12_000)}`,
    fields: `?fields_set=${"id,".repeat(4_000)}id&$select=${"a/".repeat(100)}`,
    "a selection": `?$select=${"name,".repeat(2_400)}`,
    "an identifier": `?definition=${"id=1,".repeat(2_400)}`,
  };
  const paths = ["/graphql", "/v1/events", "/inbound/goals/a", "/api/v1/Webhook", "/api/v2/webservices", "/api/v3/webhook/subscription"];
  const read = routes.filter(({ method }) => method === "GET").map(({ url }) => pathOf(url));
  for (const path of new Set([...paths, "/crmapi/rest/v2/webhook_definitions/list", "/assets", "", ...read])) {
    for (const [name, rest] of Object.entries(urls))
      add(`GET ${path || "/"}, the URL`, name, { method: "GET", path: path + rest, headers: {} });
  }
  return all;
}

/** Messages of a WebSocket, without and with an acknowledged connection. */
export function allMessages(): { name: string; make(): string }[] {
  const about = Object.entries(VALUES).flatMap(([name, value]) => [
    { name: `a message of ${name}`, make: value },
    { name: `connection_init with ${name}`, make: () => `{"type":"connection_init","payload":${value()}}` },
    { name: `authorization of ${name}`, make: () => `{"type":"connection_init","payload":{"authorization":${value()}}}` },
    {
      name: `subscribe with ${name}`,
      make: () => `{"type":"subscribe","id":"1","payload":{"query":"{ viewer { role } }","variables":${value()}}}`,
    },
    { name: `ping with ${name}`, make: () => `{"type":"ping","payload":${value()}}` },
  ]);
  const documents = Object.entries(QUERIES).map(([name, query]) => ({
    name: `subscribe to ${name}`,
    make: () => JSON.stringify({ type: "subscribe", id: "1", payload: { query: query() } }),
  }));
  return [...about, ...documents];
}
