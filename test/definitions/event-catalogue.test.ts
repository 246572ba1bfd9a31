/** The event catalogue as a user meets it: enforced by schema at the doors, examples, versions, import. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
beforeAll(async () => {
  app = await testApp({}, { worker: true });
  receiver = await startReceiver();
});
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: whatever a mutation answered
type Answer = any;
const ask = async (name: string, input: object, fields: string, token = app.adminToken): Promise<Answer> => {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const errors = "... on Error { code message } ... on ValidationError { issues { path message } }";
  const text = `mutation ($input: ${type}!) { it: ${name}(input: $input) { __typename ${fields} ${errors} } }`;
  return ((await data(app, token, text, { input })) as Answer).it;
};
const TYPE = "... on EventType { id name version deprecated schema examples }";
const emit = (type: string, payload: unknown) => ask("emitEvent", { type, payload }, "... on Event { type }");
const enforce = (eventTypeEnforcement: string) =>
  ask("updateOrganization", { eventTypeEnforcement }, "... on Organization { eventTypeEnforcement enforceEventTypes }");
const post = async (body: string) => {
  const answer = await fetch(`${app.url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" },
    body,
  });
  return { status: answer.status, text: await answer.text() };
};

const ORDER = {
  type: "object",
  required: ["id"],
  properties: { id: { type: "integer" }, items: { type: "array", items: { $ref: "#/$defs/item" } } },
  $defs: { item: { type: "object", properties: { "a/b": { type: "string" }, qty: { minimum: 1 } }, unevaluatedProperties: false } },
};

describe("an enforced catalogue", () => {
  it("refuses payloads at every door with the JSON Pointer of each mistake, and takes those that fit", async () => {
    await ask("createEventType", { name: "cat.order", schema: ORDER }, TYPE);
    await ask("createEventType", { name: "cat.free" }, TYPE);
    expect(await enforce("SCHEMAS")).toMatchObject({ eventTypeEnforcement: "SCHEMAS", enforceEventTypes: true });
    const bad = { items: [{ qty: 0, "a/b": 1, more: 2 }] };
    const refused = await emit("cat.order", bad);
    expect(refused.__typename).toBe("ValidationError");
    expect(refused.issues.map((i: Answer) => i.path).sort()).toEqual([
      "payload",
      "payload.items.0",
      "payload.items.0.a/b",
      "payload.items.0.qty",
    ]);
    expect(refused.message).toContain("/items/0/a~1b must be string");
    expect(refused.message).toContain('unevaluated properties: "more"');
    const many = await ask("emitEvents", { events: [{ type: "cat.free" }, { type: "cat.order", payload: bad }] }, "");
    expect(many.issues[0].path).toMatch(/^events\.1\.payload/);
    const rest = await post(
      JSON.stringify([
        { type: "cat.order", payload: { id: 1 } },
        { type: "cat.order", payload: { id: "x" } },
      ]),
    );
    expect(rest).toMatchObject({ status: 400, text: expect.stringContaining("events.1.payload.id") });
    expect(rest.text).toContain("/id must be integer");
    expect(await post(JSON.stringify({ type: "cat.order", payload: { id: 1, items: [{ qty: 2 }] } }))).toMatchObject({ status: 202 });
    expect((await emit("cat.order", { id: 7 })).__typename).toBe("Event");
    expect((await emit("cat.free", ["anything"])).__typename).toBe("Event");
    expect((await emit("cat.unknown", {})).issues[0].path).toBe("type");
    const lots = await emit("cat.order", { id: 1, items: Array.from({ length: 50 }, () => ({ qty: 0 })) });
    expect(lots.issues).toHaveLength(20);
  });

  it("judges by the schema as it is now, in every process", async () => {
    await enforce("OFF");
    const other = await app.another();
    const there = async (payload: unknown) => {
      const answer = await fetch(`${other.url}/v1/events`, {
        method: "POST",
        headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" },
        body: JSON.stringify({ type: "cat.order", payload }),
      });
      return answer.status;
    };
    // Its catalogue is kept from here on.
    expect(await there({ id: "text" })).toBe(202);
    await enforce("SCHEMAS");
    expect(await there({ id: "text" })).toBe(400);
    expect(await there({ id: 3 })).toBe(202);
    await enforce("NAMES");
    expect(await there({ id: "text" })).toBe(202);
  });

  it("is kept out of names that are Hookline's own", async () => {
    expect((await emit("hookline.mine", {})).issues[0]).toMatchObject({ path: "type", message: expect.stringContaining("Hookline's own") });
    expect(await post(JSON.stringify({ type: "hookline.mine" }))).toMatchObject({ status: 400 });
  });

  it("keeps the boolean: NAMES or more", async () => {
    const set = (input: object) => ask("updateOrganization", input, "... on Organization { eventTypeEnforcement enforceEventTypes }");
    expect(await set({ enforceEventTypes: false })).toMatchObject({ eventTypeEnforcement: "OFF", enforceEventTypes: false });
    expect(await set({ enforceEventTypes: true })).toMatchObject({ eventTypeEnforcement: "NAMES" });
    expect(await set({ eventTypeEnforcement: "SCHEMAS" })).toMatchObject({ enforceEventTypes: true });
    expect(await set({ enforceEventTypes: true })).toMatchObject({ eventTypeEnforcement: "SCHEMAS" });
    expect((await set({ enforceEventTypes: false, eventTypeEnforcement: "NAMES" })).issues[0].path).toBe("enforceEventTypes");
    expect(await set({ enforceEventTypes: false })).toMatchObject({ eventTypeEnforcement: "OFF" });
  });
});

describe("a schema", () => {
  it.each<[string, object, string]>([
    ["refers to elsewhere", { $ref: "https://example.com/order.json" }, "can't resolve reference"],
    ["breaks its own rules", { properties: { a: { type: "number", minimum: "x" } } }, "/properties/a/minimum"],
    ["is of another dialect", { $schema: "http://json-schema.org/draft-07/schema#" }, "/$schema"],
    ["has a pattern that is none", { pattern: "(" }, "regular expression"],
    ["is asynchronous", { $async: true }, "$async"],
  ])("that %s is refused when it is saved", async (_, schema, message) => {
    const refused = await ask("createEventType", { name: "cat.bad", schema }, "");
    expect(refused.issues).toEqual([{ path: "schema", message: expect.stringContaining(message) }]);
  });

  it("may be true or false, or name itself by an anchor", async () => {
    const { admin } = await app.t.organization();
    const theirs = await app.token({ organizationId: admin.organizationId });
    const anchored = { $anchor: "node", type: "object", properties: { next: { $ref: "#node" } } };
    for (const [name, schema] of Object.entries({ "cat.any": true, "cat.none": false, "cat.node": anchored }))
      expect(await ask("createEventType", { name, schema }, TYPE, theirs)).toMatchObject({ schema });
    await ask("updateOrganization", { eventTypeEnforcement: "SCHEMAS" }, "", theirs);
    const judged = async (type: string, payload: unknown) => {
      const { issues, __typename } = await ask("emitEvent", { type, payload }, "", theirs);
      return issues?.map(({ path }: Answer) => path) ?? __typename;
    };
    expect(await judged("cat.any", { a: 1 })).toBe("Event");
    expect(await judged("cat.none", { a: 1 })).toEqual(["payload"]);
    expect(await judged("cat.node", { next: { next: {} } })).toBe("Event");
    expect(await judged("cat.node", { next: { next: 1 } })).toEqual(["payload.next.next"]);
  });

  it("that 0.1 stored and that does not compile is told at the switch to SCHEMAS, which changes nothing", async () => {
    const { admin } = await app.t.organization();
    const theirs = await app.token({ organizationId: admin.organizationId });
    const set = (input: object) => ask("updateOrganization", input, "... on Organization { name eventTypeEnforcement }", theirs);
    await set({ name: "Before", eventTypeEnforcement: "NAMES" });
    const store = (name: string, schema: unknown) =>
      app.t.core.db.pool.query(
        "INSERT INTO event_type (id, organization_id, name, schema, examples) VALUES (gen_random_uuid(), $1, $2, $3, '[]')",
        [admin.organizationId, name, JSON.stringify(schema)],
      );
    await store("cat.fine", ORDER);
    await store("cat.list", []);
    await store("cat.null", null);
    await store("cat.pattern", { pattern: "(" });
    const refused = await set({ name: "After", eventTypeEnforcement: "SCHEMAS" });
    expect(refused).toMatchObject({ __typename: "ValidationError" });
    expect(refused.issues).toEqual(
      ["cat.list", "cat.pattern"].map((name) => ({
        path: "eventTypeEnforcement",
        message: expect.stringContaining(`the schema of ${name} `),
      })),
    );
    expect(await set({})).toMatchObject({ name: "Before", eventTypeEnforcement: "NAMES" });
    for (let i = 0; i < 30; i++) await store(`cat.more${i}`, "none");
    expect((await set({ eventTypeEnforcement: "SCHEMAS" })).issues).toHaveLength(20);
    await app.t.core.db.pool.query("DELETE FROM event_type WHERE organization_id = $1 AND name <> 'cat.fine'", [admin.organizationId]);
    expect(await set({ eventTypeEnforcement: "SCHEMAS" })).toMatchObject({ eventTypeEnforcement: "SCHEMAS" });
    // It stands already: a setting beside it is not held up.
    await store("cat.later", []);
    expect(await set({ name: "After", eventTypeEnforcement: "SCHEMAS" })).toMatchObject({ name: "After" });
  });

  it("that never ends stops neither the process nor another organization", async () => {
    const slow = { properties: { s: { pattern: "^(a+)+$" } } };
    const deep: Record<string, unknown> = { x0: { type: "string" } };
    for (let i = 1; i < 40; i++) deep[`x${i}`] = { anyOf: [{ $ref: `#/$defs/x${i - 1}` }, { $ref: `#/$defs/x${i - 1}` }] };
    const { admin } = await app.t.organization();
    const theirs = await app.token({ organizationId: admin.organizationId });
    await ask("createEventType", { name: "cat.slow", schema: slow }, TYPE);
    await ask("createEventType", { name: "cat.deep", schema: { $defs: deep, $ref: "#/$defs/x39" } }, TYPE);
    const endless = await ask("createEventType", { name: "cat.self", schema: { $ref: "#" }, examples: [1] }, TYPE);
    expect(endless.issues[0].message).toContain("without end");
    await ask("createEventType", { name: "cat.order", schema: ORDER }, TYPE, theirs);
    await ask("updateOrganization", { eventTypeEnforcement: "SCHEMAS" }, "", theirs);
    await enforce("SCHEMAS");
    const hostile = [emit("cat.slow", { s: `${"a".repeat(40)}!` }), emit("cat.deep", 1)];
    const judged = await ask("emitEvent", { type: "cat.order", payload: { id: "x" } }, "", theirs);
    expect(judged.message).toContain("/id must be integer");
    for (const refused of await Promise.all(hostile)) {
      expect(refused.__typename).toBe("ValidationError");
      expect(refused.issues[0].message).toMatch(/cannot be judged by the schema of cat\.(slow|deep)/);
    }
    expect((await emit("cat.order", { id: 1 })).__typename).toBe("Event");
    await enforce("OFF");
  });

  it("may refer to itself", async () => {
    await ask("createEventType", { name: "cat.tree", schema: { type: "object", properties: { child: { $ref: "#" } } } }, TYPE);
    await enforce("SCHEMAS");
    expect((await emit("cat.tree", { child: { child: 3 } })).issues[0].path).toBe("payload.child.child");
    await enforce("OFF");
  });

  it("has a version, and examples that fit it with their numbers as written", async () => {
    const text = '{"id":12345678901234567890,"total":1.50}';
    const body = `{"query":"mutation($i: CreateEventTypeInput!) { createEventType(input: $i) { ${TYPE} } }","variables":{"i":{"name":"cat.ex","schema":{"type":"object"},"examples":[${text}]}}}`;
    const answer = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" },
      body,
    });
    const made = await answer.text();
    expect(made).toContain(`"examples":[${text}]`);
    const { id, version } = JSON.parse(made).data.createEventType;
    expect(version).toBe(1);
    const change = (input: object) => ask("updateEventType", { id, ...input }, TYPE);
    expect((await change({ schema: { required: ["nope"] } })).issues[0].path).toBe("examples.0");
    expect((await change({ examples: ["x"] })).issues[0]).toMatchObject({
      path: "examples.0",
      message: expect.stringContaining("must be object"),
    });
    expect(await change({ description: "D", deprecated: true })).toMatchObject({ version: 1, deprecated: true });
    expect(await change({ schema: { type: "object" } })).toMatchObject({ version: 1 });
    expect(await change({ schema: { type: "object", required: ["id"] } })).toMatchObject({ version: 2, examples: [expect.anything()] });
  });

  it("and its first example are what a test sends", async () => {
    receiver.respond(200);
    const fields = "... on CreatedWebhookDefinition { definition { id } }";
    const made = await ask("createWebhookDefinition", { name: "D", targetUrl: `${receiver.url}/x`, eventTypes: ["cat.ex"] }, fields);
    const { id } = made.definition;
    await ask("testWebhookDefinition", { id }, "");
    expect(receiver.calls.at(-1)?.json()).toMatchObject({ type: "cat.ex", data: { total: 1.5 } });
    expect(String(receiver.calls.at(-1)?.body)).toContain("12345678901234567890");
    await ask("testWebhookDefinition", { id, event: { type: "cat.ex", payload: { own: true } } }, "");
    expect(receiver.calls.at(-1)?.json()).toMatchObject({ data: { own: true } });
  });
});

const IMPORTED = "... on ImportedEventTypes { created updated unchanged }";
const openapi = (more: object = {}) => ({
  openapi: "3.1.0",
  webhooks: {
    "pet.created": {
      post: {
        summary: "A pet came.",
        requestBody: {
          content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" }, example: { name: "Rex", owner: { id: 1 } } } },
        },
        ...more,
      },
    },
    "pet.gone": { post: { deprecated: true } },
  },
  components: {
    schemas: {
      Pet: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string" },
          owner: { $ref: "#/components/schemas/Owner" },
          parent: { $ref: "#/components/schemas/Pet" },
        },
      },
      Owner: { type: "object", properties: { id: { type: "integer" } } },
    },
  },
});

describe("importEventTypes", () => {
  it("takes OpenAPI 3.1 webhooks, tries it dry, and changes nothing the second time", async () => {
    const created = { created: ["pet.created", "pet.gone"], updated: [], unchanged: [] };
    expect(await ask("importEventTypes", { document: openapi(), dryRun: true }, IMPORTED)).toMatchObject(created);
    expect(await ask("importEventTypes", { document: openapi() }, IMPORTED)).toMatchObject(created);
    expect(await ask("importEventTypes", { document: openapi() }, IMPORTED)).toMatchObject({ unchanged: created.created, created: [] });
    const changed = openapi({ description: "Now said." });
    expect(await ask("importEventTypes", { document: changed }, IMPORTED)).toMatchObject({
      updated: ["pet.created"],
      unchanged: ["pet.gone"],
    });
    await enforce("SCHEMAS");
    expect((await emit("pet.created", { name: "Rex", owner: { id: "x" }, parent: { name: 1 } })).message).toMatch(
      /\/owner\/id must be integer.*\/parent\/name must be string/,
    );
    await enforce("OFF");
  });

  it("takes messages of AsyncAPI 3 channels", async () => {
    const document = {
      asyncapi: "3.0.0",
      channels: { users: { messages: { signedUp: { $ref: "#/components/messages/SignedUp" } } } },
      components: {
        messages: {
          SignedUp: { name: "user.signed_up", payload: { $ref: "#/components/schemas/User" }, examples: [{ payload: { id: 1 } }] },
        },
        schemas: { User: { type: "object", properties: { id: { type: "integer" } } } },
      },
    };
    expect(await ask("importEventTypes", { document }, IMPORTED)).toMatchObject({ created: ["user.signed_up"] });
  });

  it.each<[string, object, string]>([
    ["is none of both", {}, "document"],
    ["is OpenAPI 3.0", { openapi: "3.0.3", webhooks: {} }, "document.openapi"],
    ["refers to elsewhere", { openapi: "3.1.0", webhooks: { "a.b": { $ref: "other.yaml#/x" } } }, "document.webhooks.a.b"],
    ["names what is no event type", { openapi: "3.1.0", webhooks: { "a b": {} } }, "document.webhooks.a b.name"],
    [
      "has an example that does not fit",
      openapi({ requestBody: { content: { "application/json": { schema: { type: "string" }, example: 1 } } } }),
      "document.webhooks.pet.created.examples.0",
    ],
    [
      "holds a schema that is none",
      openapi({ requestBody: { content: { "application/json": { schema: { type: "nope" } } } } }),
      "document.webhooks.pet.created.schema",
    ],
  ])("refuses a document that %s, and writes nothing", async (_, document, path) => {
    const refused = await ask("importEventTypes", { document }, IMPORTED);
    expect(refused.issues?.map((i: Answer) => i.path)).toEqual([path]);
  });
});
