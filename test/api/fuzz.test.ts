/**
 * B50: anything at all, to every door: never a 500, never a hang, never an interpreter's words. Inputs are made from the schema and
 * the routes, so that they get past the first check, and broken in one place.
 */
import fc from "fast-check";
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
} from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { schema } from "../../src/api/graphql/schema.ts";
import type { Route } from "../../src/api/routing.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { send } from "./hostile.ts";
import { wrongWith } from "./sweep.ts";

const SEED = Number(process.env["HOSTILE_SEED"] ?? Math.floor(Date.now() / 86_400_000));
const RUNS = Number(process.env["HOSTILE_RUNS"] ?? 150);
const OPTIONS = { seed: SEED, numRuns: RUNS, endOnFailure: true };

let app: TestApp;
let routes: readonly Route[];
beforeAll(async () => {
  app = await testApp();
  routes = app.server.routes();
});
afterAll(() => app?.close());

/** What breaks parsers, databases and lookups. */
const nasty = fc.constantFrom(
  ...[
    "",
    " ",
    "\0",
    "\ud800",
    "__proto__",
    "constructor",
    "toString",
    "$where",
    "$gt",
    "%",
    "%00",
    "*",
    ".",
    "..",
    "../..",
    "null",
    "undefined",
    "NaN",
  ],
  ...[
    "1e400",
    "-0",
    "9007199254740993",
    "99999999999999999999",
    "0x10",
    "true",
    "[]",
    "{}",
    "'",
    '"',
    "\\",
    "\\u0000",
    "<a>",
    "&lt;",
    "]]>",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a template engine would read
    "${1}",
    "a.b",
    "a/b",
  ],
  ...[
    "2026-13-45",
    "0000-00-00",
    "2026-02-30T25:61:61Z",
    "-271821-04-20T00:00:00Z",
    "+275760-09-13T00:00:00.001Z",
    "é",
    "😀",
    "\u202e",
    "a".repeat(300),
    "wdf_0",
    "wrq_ffffffffffffffffffffffffffffffff",
  ],
);
const text = fc.oneof({ weight: 3, arbitrary: nasty }, { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }) });
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e308, 5e-324),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie("json"), { maxLength: 4 }) },
    { weight: 2, arbitrary: fc.dictionary(text, tie("json"), { maxKeys: 4, noNullPrototype: true }) },
  ),
}));

const stringify = (value: unknown) =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === "number" && !Number.isFinite(each) ? null : each)) ?? "null";
const header = fc.stringMatching(/^[\x21-\x7e]{0,40}$/);
const headers = fc.dictionary(
  fc.constantFrom(
    "accept",
    "content-type",
    "idempotency-key",
    "ce-id",
    "ce-type",
    "ce-source",
    "ce-specversion",
    "ce-time",
    "ce-subject",
    "cookie",
    "so-timezone",
    "so-language",
    "if-match",
    "x-hook-test",
    "range",
    "traceparent",
    "x-forwarded-for",
    "x-forwarded-proto",
    "origin",
    "admin",
  ),
  fc.oneof(
    header,
    fc.constantFrom(
      "application/json",
      "application/xml",
      "text/plain",
      "1.0",
      "*/*",
      "hookline_session=x",
      "utf-8",
      "2026-01-01T00:00:00Z",
    ),
  ),
  { maxKeys: 4, noNullPrototype: true },
);
const body = fc.oneof(
  json.map((value) => ({ type: "application/json", body: stringify(value) })),
  // Broken in one place.
  fc.tuple(json, fc.nat(), text).map(([value, at, piece]) => {
    const whole = stringify(value);
    const cut = at % (whole.length + 1);
    return { type: "application/json", body: whole.slice(0, cut) + piece + whole.slice(cut + 1) };
  }),
  fc.dictionary(text, text, { maxKeys: 5 }).map((fields) => ({
    type: "application/x-www-form-urlencoded",
    body: Object.entries(fields)
      .map(([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`)
      .join("&"),
  })),
  fc.tuple(fc.constantFrom("Webhook", "a", "string", "__proto__"), text).map(([name, inner]) => ({
    type: "application/xml",
    body: `<${name}><Name>${inner}</Name><Events><string>${inner}</string></Events></${name}>`,
  })),
  text.map((value) => ({ type: "text/plain", body: value })),
);

/** A path of the route, its parameters anything. */
const pathOf = (route: string, parameters: readonly string[]) => {
  let next = 0;
  return route.replace(
    /:[^/]+|\*/g,
    () => encodeURIComponent((parameters[next++ % Math.max(1, parameters.length)] ?? "1").toWellFormed()) || "1",
  );
};

test(`B50 every route, signed in and not (seed ${SEED})`, { timeout: 600_000 }, async () => {
  const answers = (
    route: Route,
    at: string,
    given: Record<string, string>,
    sent: { type: string; body: string },
    token: string | undefined,
  ) =>
    send(
      app.url,
      {
        route: route.url,
        name: "",
        method: route.method as "POST",
        path: at,
        headers: { "content-type": sent.type, ...given },
        body: /^(GET|HEAD|OPTIONS)$/.test(route.method) ? undefined : sent.body,
      },
      token,
    );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.array(text, { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[$a-z_]{1,12}$/), text, { maxKeys: 3 }),
      headers,
      body,
      fc.boolean(),
      async (pick, parameters, query, given, sent, signedIn) => {
        const route = routes[pick % routes.length] as Route;
        const search = Object.entries(query)
          .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`)
          .join("&");
        const at = pathOf(route.url, parameters) + (search === "" ? "" : `?${search}`);
        const said = await answers(route, at, given, sent, signedIn ? app.adminToken : undefined);
        expect([route.method, at, wrongWith(said)]).toEqual([route.method, at, undefined]);
      },
    ),
    { ...OPTIONS, numRuns: RUNS * 4 },
  );
});

/** A value for an input type: fitting mostly, so that it gets to the domain. */
function fitting(type: GraphQLInputType, depth = 0): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return fitting(type.ofType, depth).map((value) => value ?? "x");
  if (isListType(type)) return fc.array(fitting(type.ofType, depth + 1), { maxLength: 3 });
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(({ name }) => name));
  if (isInputObjectType(type)) return depth > 4 ? fc.constant({}) : inputOf(Object.values(type.getFields()), depth + 1);
  switch (type.name) {
    case "Int":
      return fc.oneof(fc.integer({ min: -2, max: 200 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 0));
    case "SafeInt":
      return fc.oneof(fc.integer(), fc.constantFrom(2 ** 53 - 1, "9007199254740991", -1));
    case "Float":
      return fc.oneof(fc.integer({ min: -1, max: 100 }), fc.double({ noNaN: true, noDefaultInfinity: true }));
    case "Boolean":
      return fc.boolean();
    case "DateTime":
      return fc.constantFrom(
        "2026-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00Z",
        "2026-11-27T00:00:00.123456+14:00",
      );
    case "Date":
      return fc.constantFrom("2026-01-01", "0001-01-01", "9999-12-31");
    case "Decimal":
      return fc.constantFrom(
        "0",
        "-1",
        "1e3",
        "99999999999999999999999999999999999999.99999",
        "0.00000000000000000001",
        `1${"0".repeat(60)}`,
      );
    case "JSON":
      return json;
    case "ID":
      return fc.oneof(text, fc.constantFrom("wdf_00000000000000000000000000000000", "org_00000000000000000000000000000000"));
    default:
      return text;
  }
}

function inputOf(fields: readonly (GraphQLArgument | GraphQLInputField)[], depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const required = fields.filter(({ type, defaultValue }) => isNonNullType(type) && defaultValue === undefined).map(({ name }) => name);
  const model = Object.fromEntries(fields.map((field) => [field.name, fitting(field.type, depth)]));
  return fc.record(model, { requiredKeys: required as never, noNullPrototype: true }) as fc.Arbitrary<Record<string, unknown>>;
}

/** Every leaf of a type, and of what stands below it. */
function selectionOf(field: GraphQLField<unknown, unknown>): string {
  const type = getNamedType(field.type);
  if (isLeafType(type)) return "";
  return "{ __typename ... on Error { code message } }".replace(
    " ... on Error { code message }",
    "possible" in type || "getTypes" in type ? " ... on Error { code message }" : "",
  );
}

const TRUST: Record<string, true> = { signOut: true };

for (const kind of ["Query", "Mutation"] as const) {
  test(`B50 every field of ${kind} with any input that fits its types (seed ${SEED})`, { timeout: 600_000 }, async () => {
    const fields = Object.values((schema.getType(kind) as GraphQLObjectType).getFields()).filter(({ name }) => !TRUST[name]);
    for (const field of fields) {
      const used = field.args;
      const head = used.length > 0 ? `(${used.map((arg) => `$${arg.name}: ${arg.type}`).join(", ")})` : "";
      const args = used.length > 0 ? `(${used.map((arg) => `${arg.name}: $${arg.name}`).join(", ")})` : "";
      const query = `${kind.toLowerCase()} ${head} { ${field.name}${args} ${selectionOf(field)} }`;
      await fc.assert(
        fc.asyncProperty(inputOf(used), async (variables) => {
          const sent = {
            route: "/graphql",
            name: field.name,
            method: "POST" as const,
            path: "/graphql",
            headers: { "content-type": "application/json" },
          };
          const said = await send(app.url, { ...sent, body: stringify({ query, variables }) }, app.adminToken);
          expect([field.name, said.status >= 200, wrongWith(said)]).toEqual([field.name, true, undefined]);
        }),
        { ...OPTIONS, numRuns: Math.max(10, Math.ceil(RUNS / 6)) },
      );
    }
  });
}

test("the check can fail", () => {
  expect(wrongWith({ status: 500, text: "" })).toBeDefined();
  expect(wrongWith({ status: 400, text: "Unexpected token } in JSON" })).toBeDefined();
});
