/** Calls of an operation made from its description alone: one that must be taken, and many that break it somewhere. */
import type { World } from "./openapi-world.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document as it is served
export type Json = any;

export interface Operation {
  path: string;
  method: string;
  operationId: string;
  described: Json;
}

export interface Call {
  name: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

export function operationsOf(document: Json): Operation[] {
  return Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, described]) => ({
      path,
      method: method.toUpperCase(),
      operationId: described.operationId,
      described,
    })),
  );
}

/** Nothing that a path or query may hold; each stands for a kind of mistake. */
const STRANGE = ["", "x", "-1", "1.5", "99999999999999999999", "%00", "null", "a=b,c=d", "ü".repeat(300), "2026-02-30", "../..", "'\"<>"];
/** What a member may turn out to be. */
const MEMBERS: unknown[] = [
  null,
  true,
  7,
  -1.5,
  1e300,
  "",
  "x",
  "x".repeat(5_000),
  "\u0000",
  "\ud800",
  [],
  ["x"],
  [null],
  {},
  { a: { b: 1 } },
];
const WHOLES = [
  "",
  " ",
  "null",
  "true",
  "7",
  '"text"',
  "[]",
  "[7]",
  "{}",
  "{",
  '{"a":',
  "\u0000",
  "<a>",
  "a=1&b",
  "[".repeat(200),
  '{"__proto__":{"x":1}}',
];

const securityOf = (operation: Operation, document: Json): Record<string, unknown>[] => operation.described.security ?? document.security;

export function validCall(operation: Operation, document: Json, world: World): Call {
  const [scheme] = Object.keys(securityOf(operation, document).find((one) => Object.keys(one).length > 0) ?? {});
  const authorization = scheme === undefined ? undefined : world.authorization(scheme);
  const admin = (operation.described.parameters ?? []).some(({ name }: Json) => name === "Admin");
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(world.pathValue(operation.path, name)));
  const query = new URLSearchParams(world.query(operation.operationId)).toString();
  const content = operation.described.requestBody?.content["application/json"];
  const body = content === undefined ? undefined : JSON.stringify(world.body(operation.operationId, content.example));
  return {
    name: "as it is described",
    method: operation.method,
    path: query === "" ? path : `${path}?${query}`,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(admin && { admin: "true" }),
      ...((operation.described.parameters ?? []).some(({ name }: Json) => name === "Origin") && { origin: world.origin }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    body,
  };
}

const asForm = (body: string): string => {
  const value = JSON.parse(body);
  const text = (each: unknown) => (typeof each === "string" ? each : JSON.stringify(each));
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? new URLSearchParams(Object.entries(value).map(([name, each]) => [name, text(each)])).toString()
    : "";
};

/** @param random makes further JSON bodies */
export function brokenCalls(operation: Operation, valid: Call, random: readonly unknown[]): Call[] {
  const calls: Call[] = [];
  const add = (name: string, change: Partial<Call>) => calls.push({ ...valid, ...change, name });
  const { authorization, ...anonymous } = valid.headers;
  if (authorization !== undefined) {
    add("without a token", { headers: anonymous });
    add("with a wrong token", { headers: { ...valid.headers, authorization: "Bearer nobody" } });
    add("with a wrong scheme", { headers: { ...valid.headers, authorization: "Digest x" } });
  }
  if (valid.headers["admin"] !== undefined) add("without Admin", { headers: { ...valid.headers, admin: "no" } });
  const [base = "", query = ""] = valid.path.split("?");
  for (const [parameter] of operation.path.matchAll(/\{(\w+)\}/g)) {
    const at = operation.path.split("/").indexOf(parameter);
    for (const value of [...STRANGE.filter((one) => one !== "" && !one.includes("..")), "0".repeat(24), `whd_${"0".repeat(32)}`]) {
      const segments = base.split("/");
      segments[at] = value === "%00" ? value : encodeURIComponent(value);
      add(`${parameter} ${value.slice(0, 20)}`, { path: [segments.join("/"), query].filter((part) => part !== "").join("?") });
    }
  }
  for (const { name } of (operation.described.parameters ?? []).filter((one: Json) => one.in === "query")) {
    for (const value of STRANGE) {
      const changed = new URLSearchParams(query);
      changed.set(name, value);
      add(`?${name}=${value.slice(0, 20)}`, { path: `${base}?${changed}` });
    }
    add(`?${name} twice`, { path: `${base}?${query}&${name}=a&${name}=b` });
  }
  if (valid.body === undefined) return calls;
  for (const body of WHOLES) add(`the body ${JSON.stringify(body).slice(0, 30)}`, { body });
  for (const body of random) add(`the body ${JSON.stringify(body).slice(0, 30)}`, { body: JSON.stringify(body) });
  const value = JSON.parse(valid.body);
  const fields = new Set([
    ...Object.keys(value),
    ...Object.keys(operation.described.requestBody.content["application/json"].schema.properties ?? {}),
  ]);
  for (const field of fields) {
    const { [field]: _, ...rest } = value;
    add(`without ${field}`, { body: JSON.stringify(rest) });
    for (const member of MEMBERS)
      add(`${field}: ${JSON.stringify(member)?.slice(0, 30)}`, { body: JSON.stringify({ ...value, [field]: member }) });
  }
  for (const type of [
    "text/plain",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "application/xml",
    "image/png",
    "nonsense",
  ]) {
    add(`as ${type}`, { headers: { ...valid.headers, "content-type": type } });
  }
  if (operation.described.requestBody.content["application/x-www-form-urlencoded"])
    add("as a form", { headers: { ...valid.headers, "content-type": "application/x-www-form-urlencoded" }, body: asForm(valid.body) });
  add("with a Content-Encoding", { headers: { ...valid.headers, "content-encoding": "gzip" } });
  add("too large", { body: JSON.stringify("x".repeat(6 * 2 ** 20)) });
  return calls;
}
