/** Documents that are odd, and valid: every schema that comes out of one stands alone, or the place of its mistake is said. */
import { describe, expect, test } from "vitest";
import { documentedTypes } from "../../src/definitions/documented-types.ts";
import { createJudge } from "../../src/definitions/schemas/compile.ts";

type Tree = Record<string, unknown>;

const judge = createJudge();
/** What the one schema says of values. */
function saysOf(schema: unknown, values: unknown[]): boolean[] {
  const { problem, mistakes } = judge({ schema: JSON.stringify(schema), values: values.map((value) => JSON.stringify(value)) });
  expect(problem).toBeUndefined();
  return values.map((_, i) => !mistakes.some(({ value }) => value === i));
}

function theOnly(document: Tree) {
  const { types, issues } = documentedTypes(document);
  expect(issues).toEqual([]);
  return types[0] as (typeof types)[number];
}

const TEXT = { type: "string" };
const openapi = (schema: unknown, more: Tree = {}, media = "application/json"): Tree => ({
  openapi: "3.1.0",
  webhooks: { "a.b": { post: { requestBody: { content: { [media]: { schema } } } } } },
  ...more,
});
const x = (schema: unknown) => ({ properties: { x: schema } });

describe("OpenAPI", () => {
  test.each<[string, unknown, Tree]>([
    ["somewhere else in the document", x({ $ref: "#/x-shared/1/deep~1er" }), { "x-shared": [{}, { "deep/er": TEXT }] }],
    ["another webhook", x({ $ref: "#/webhooks/c/post/requestBody/content/text~1json/schema" }), {}],
    ["the schema's own $defs", { $defs: { A: TEXT }, ...x({ $ref: "#/$defs/A" }) }, {}],
    [
      "the $defs of a schema in components",
      { $ref: "#/components/schemas/B" },
      { components: { schemas: { B: { $defs: { A: TEXT }, ...x({ $ref: "#/$defs/A" }) } } } },
    ],
    [
      "a component from one with an $id",
      { $ref: "#/components/schemas/B" },
      { components: { schemas: { B: { $id: "https://e.com/b", ...x({ $ref: "#/components/schemas/A" }) }, A: TEXT } } },
    ],
    ["an $id of the document", x({ $ref: "https://e.com/a" }), { components: { schemas: { A: { $id: "https://e.com/a", ...TEXT } } } }],
    ["an $anchor of the schema", { $defs: { A: { $anchor: "here", ...TEXT } }, ...x({ $ref: "#here" }) }, {}],
    ["an $anchor in components", x({ $ref: "#here" }), { components: { schemas: { A: { $anchor: "here", ...TEXT } } } }],
    ["an inner schema with an $id", x({ $id: "inner", $defs: { A: TEXT }, $ref: "#/$defs/A" }), {}],
    [
      "a component of the name of one of its $defs",
      { $defs: { A: { type: "number" } }, ...x({ $ref: "#/components/schemas/A" }) },
      { components: { schemas: { A: TEXT } } },
    ],
    ["a component by $dynamicRef", x({ $dynamicRef: "#/components/schemas/A" }), { components: { schemas: { A: TEXT } } }],
  ])("a schema may refer to %s", (_, schema, more) => {
    const document = openapi(schema, more);
    (document["webhooks"] as Tree)["c"] = { post: { requestBody: { content: { "text/json": { schema: TEXT } } } } };
    expect(saysOf(theOnly(document).schema, [{ x: "text" }, { x: 1 }])).toEqual([true, false]);
  });

  test("true and false are schemas; OpenAPI's dialect is 2020-12; a draft 7 is rewritten", () => {
    for (const schema of [true, false]) expect(theOnly(openapi(schema)).schema).toBe(schema);
    expect(theOnly(openapi({ $schema: "https://spec.openapis.org/oas/3.1/dialect/base", ...TEXT })).schema).toEqual(TEXT);
    const draft7 = {
      $schema: "http://json-schema.org/draft-07/schema#",
      items: [TEXT],
      additionalItems: false,
      dependencies: { items: ["b"], c: { required: ["d"] } },
    };
    const { schema } = theOnly(openapi(draft7));
    expect(saysOf(schema, [["a"], [1], ["a", "b"], { items: 1 }, { items: 1, b: 1 }, { c: 1 }, { c: 1, d: 1 }])).toEqual([
      true,
      false,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  test("of several media types the JSON one is taken, and a range that JSON is in", () => {
    const content = {
      "application/xml": { schema: { type: "null" } },
      "*/*": { schema: { type: "boolean" } },
      "application/json-seq": {},
      "application/vnd.a+json; v=1": { schema: TEXT },
    };
    expect(theOnly({ openapi: "3.1.0", webhooks: { a: { post: { requestBody: { content } } } } }).schema).toEqual(TEXT);
    for (const range of ["*/*", "application/*"]) expect(theOnly(openapi(TEXT, {}, range)).schema).toEqual(TEXT);
  });

  test.each<[string, unknown, string]>([
    ["to another document", { $ref: "https://e.com/x.json#/a" }, "only what stands in the document itself"],
    ["to a file", { $ref: "file:///etc/hosts" }, "only what stands in the document itself"],
    ["to an anchor that nobody has", { $ref: "#nowhere" }, "only what stands in the document itself"],
    ["to nowhere", { $ref: "#/components/schemas/None" }, "leads nowhere"],
    ["with an escape that is none", { $ref: "#/components/%zz" }, "no escape"],
  ])("a reference %s is refused with its place", (_, schema, message) => {
    expect(documentedTypes(openapi(x(schema))).issues).toEqual([
      { path: "document.webhooks.a.b", message: expect.stringContaining(message) },
    ]);
  });

  test("a schema that doubles at every level ends before the memory does", () => {
    const levels = Array.from({ length: 60 }, (_, i) => [
      `L${i}`,
      { allOf: [{ $ref: `#/components/schemas/L${i + 1}` }, { $ref: `#/components/schemas/L${i + 1}` }] },
    ]);
    const { schema } = theOnly(
      openapi({ $ref: "#/components/schemas/L0" }, { components: { schemas: { ...Object.fromEntries(levels), L60: TEXT } } }),
    );
    expect(Object.keys((schema as { $defs: object }).$defs)).toHaveLength(61);
    const large = openapi({ enum: [], anyOf: Array.from({ length: 66_000 }, () => ({})) });
    expect(documentedTypes(large).issues[0]?.message).toContain("65536 values");
  });
});

describe("what references multiply", () => {
  const many = (count: number, value: unknown) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, value]));
  const post = (content: unknown) => ({ post: { requestBody: { content } } });
  const webhooks = (item: unknown, components: Tree): Tree => ({ openapi: "3.1.0", webhooks: many(900, item), components });
  const schemaIs = (L: unknown) =>
    webhooks(post({ "application/json": { schema: { $ref: "#/components/schemas/L" } } }), { schemas: { L } });
  const pathIs = (P: unknown) => webhooks({ $ref: "#/components/pathItems/P" }, { pathItems: { P } });
  const messageIs = (M: unknown): Tree => ({
    asyncapi: "3.0.0",
    channels: { c: { messages: many(900, { $ref: "#/components/messages/M" }) } },
    components: { messages: { M } },
  });
  const names = Array.from({ length: 10_000 }, (_, i) => i);

  test.each<[string, Tree]>([
    ["one schema's values", schemaIs({ anyOf: names.map(() => ({})) })],
    ["one schema's text", schemaIs({ const: "x".repeat(1_000_000) })],
    ["one body's examples", pathIs(post({ "application/json": { examples: many(10_000, { value: 1 }) } }))],
    ["one body's types", pathIs(post(many(10_000, {})))],
    ["one message's examples", messageIs({ examples: names.map(() => ({})) })],
    ["one message's traits", messageIs({ traits: names.map(() => ({ title: "a" })) })],
    [
      "one channel's messages",
      {
        asyncapi: "3.0.0",
        channels: many(900, { $ref: "#/components/channels/c" }),
        components: { channels: { c: { messages: many(10_000, {}) } } },
      },
    ],
  ])("%s: it ends before they are read", (_, document) => {
    const issue = { path: "document", message: expect.stringContaining("more than 2000000 values and names") };
    expect(documentedTypes(document)).toEqual({ types: [], issues: [issue] });
  });

  test("a document names a thousand types, and is told of twenty mistakes", () => {
    const of = (count: number, item: unknown) => documentedTypes({ openapi: "3.1.0", webhooks: many(count, item) });
    expect(of(1_000, {}).types).toHaveLength(1_000);
    expect(of(1_001, {}).issues).toEqual([{ path: "document", message: "must name at most 1000 event types" }]);
    expect(of(50_000, { $ref: "#/nowhere" }).issues).toHaveLength(20);
  });
});

describe("AsyncAPI", () => {
  const asyncapi = (message: Tree, components: Tree = {}): Tree => ({
    asyncapi: "3.0.0",
    channels: { c: { messages: { "a.b": message } } },
    components,
  });

  test("traits say what the message does not; a later trait goes before an earlier one", () => {
    const components = { messageTraits: { T: { name: "t.named", summary: "of the second", "x-deprecated": true } } };
    const message = {
      description: "own",
      traits: [{ summary: "of the first", title: "t", examples: [{ payload: "e" }] }, { $ref: "#/components/messageTraits/T" }],
      payload: TEXT,
    };
    expect(theOnly(asyncapi(message, components))).toMatchObject({
      name: "t.named",
      description: "own",
      examples: ["e"],
      deprecated: true,
    });
    expect(theOnly(asyncapi({ ...message, description: undefined, name: "own.name" }, components))).toMatchObject({
      name: "own.name",
      description: "of the second",
    });
  });

  test.each([
    "application/vnd.aai.asyncapi;version=3.0.0",
    "application/vnd.aai.asyncapi+yaml;version=3.0.0",
    "application/schema+json;version=draft-07",
    "application/schema+yaml; version=draft-07",
  ])("a payload of the format %s is JSON Schema", (schemaFormat) => {
    const message = { payload: { $ref: "#/components/schemas/P" } };
    const { schema } = theOnly(
      asyncapi(message, { schemas: { P: { schemaFormat, schema: { items: [{ $ref: "#/components/schemas/A" }] } }, A: TEXT } }),
    );
    expect(saysOf(schema, [["a"], [1]])).toEqual([true, false]);
  });

  test("a payload of another format is refused with its name", () => {
    for (const schemaFormat of ["application/vnd.apache.avro+json;version=1.9.0", "application/raml+yaml;version=1.0"])
      expect(documentedTypes(asyncapi({ payload: { schemaFormat, schema: {} } })).issues).toEqual([
        { path: "document.channels.c.messages.a.b", message: expect.stringContaining(schemaFormat) },
      ]);
  });

  test("a payload may be an $anchor of the document", () => {
    const { schema } = theOnly(asyncapi({ payload: { $ref: "#here" } }, { schemas: { A: { $anchor: "here", ...TEXT } } }));
    expect(saysOf(schema, ["a", 1])).toEqual([true, false]);
  });

  test("channels and messages may be references, and payloads true", () => {
    const document = {
      asyncapi: "3.1.0",
      channels: { c: { $ref: "#/components/channels/C" } },
      components: { channels: { C: { messages: { "c.d": { $ref: "#/components/messages/M" } } } }, messages: { M: { payload: true } } },
    };
    expect(theOnly(document)).toMatchObject({ name: "c.d", schema: true });
  });
});
