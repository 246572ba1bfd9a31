/** Connections, workflow rules, scripts, secret keys and event types. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import {
  createConnection,
  deleteConnection,
  findConnection,
  listConnections,
  shownConnectionHeaders,
  updateConnection,
} from "../../src/definitions/connections.ts";
import { createDefinition, deleteDefinition, updateDefinition } from "../../src/definitions/definitions.ts";
import { createEventType, deleteEventType, listEventTypes, updateEventType } from "../../src/definitions/event-types.ts";
import {
  createRule,
  definitionsOfRules,
  deleteRule,
  findRule,
  listRules,
  listRulesByOffset,
  updateRule,
} from "../../src/definitions/rules.ts";
import { createScript, deleteScript, findScript, updateScript } from "../../src/definitions/scripts.ts";
import { createSecretKey, deleteSecretKey, listSecretKeys } from "../../src/definitions/secret-keys.ts";
import { createPlans } from "../../src/delivery/plan.ts";
import { createSandbox, type Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from "../../src/errors.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
let sandbox: Sandbox;
let admin: Caller;
let other: Caller;
const payloadQuery = { check: () => [] };
const FIRST = { limit: 20, fromBack: false, after: undefined, before: undefined };

beforeAll(async () => {
  t = await testCore();
  sandbox = createSandbox();
});
afterAll(async () => {
  await sandbox.close();
  await t.close();
});
beforeEach(async () => {
  admin = (await t.organization()).admin;
  other = (await t.organization()).admin;
});

const define = async (input: object = {}, caller = admin) =>
  (
    await createDefinition(
      t.core,
      caller,
      { name: "D", targetUrl: "https://shop.example/", eventTypes: [], ...input },
      { sandbox, payloadQuery },
    )
  ).definition;
const pathsOf = async (work: Promise<unknown>): Promise<string[]> => {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues.map((issue) => issue.path);
};

describe("connections", () => {
  it("keep URLs in canonical form and headers encrypted, in their order", async () => {
    const headers = [
      { name: "X-B", value: "2" },
      { name: "Authorization", value: "Bearer canary" },
    ];
    const connection = await createConnection(t.core, admin, { name: "C", urlAdded: "https://A.example", headers });
    expect(connection).toMatchObject({ urlAdded: "https://a.example/", urlEdited: null });
    expect(connection.headers).not.toContain("canary");
    expect(shownConnectionHeaders(t.core, admin, connection)).toEqual([headers[0], { name: "Authorization", value: "***" }]);
    const { id } = await define({ targetUrl: null, connectionId: connection.id });
    expect((await createPlans(t.core).get(id, 0))?.opened("https://a.example").definition).toMatchObject({
      connection: { added: "https://a.example/" },
      headers: { "X-B": "2", Authorization: "Bearer canary" },
    });
  });

  it("keep a header whose mask comes back, and take an object too", async () => {
    const { id } = await createConnection(t.core, admin, { name: "C", headers: { Authorization: "Bearer x" } });
    const updated = await updateConnection(t.core, admin, id, {
      headers: [{ name: "authorization", value: "***" }],
      urlStatus: "https://s.example/",
    });
    expect(t.core.vault.open(updated.headers ?? "", `${admin.organizationId}/${id}/headers`)).toBe(
      '{"for":["https://s.example"],"values":[{"name":"authorization","value":"Bearer x"}]}',
    );
    expect(await updateConnection(t.core, admin, id, { headers: null, urlStatus: null })).toMatchObject({
      headers: null,
      urlStatus: null,
      name: "C",
    });
  });

  it.each<[string, object, string[]]>([
    ["an empty name", { name: "" }, ["name"]],
    [
      "a bad URL",
      { urlAdded: "https://127.0.0.1:22/", urlEdited: "https://10.0.0.1", urlDeleted: "x", urlStatus: "ftp://a.example" },
      ["urlEdited", "urlDeleted", "urlStatus"],
    ],
    ["five headers", { headers: Array.from({ length: 5 }, (_, i) => ({ name: `X-${i}`, value: "1" })) }, ["headers"]],
    [
      "a header twice",
      {
        headers: [
          { name: "X-A", value: "1" },
          { name: "x-a", value: "1" },
        ],
      },
      ["headers.1"],
    ],
    ["a header of ours", { headers: [{ name: "Host", value: "x" }] }, ["headers.0"]],
    ["a value that is no text", { headers: [{ name: "X-A", value: { $gt: "" } }] }, ["headers.0"]],
    ["headers without names", { headers: [{ value: "1" }] }, ["headers"]],
    ["headers that are a text", { headers: "X-A: 1" }, ["headers"]],
  ])("refuse %s", async (_, input, paths) => {
    expect(await pathsOf(createConnection(t.core, admin, { name: "C", ...input }))).toEqual(paths);
  });

  it("are deleted only when nothing uses them", async () => {
    const { id } = await createConnection(t.core, admin, { name: "C", urlAdded: "https://a.example/" });
    const definition = await define({ connectionId: id });
    await expect(deleteConnection(t.core, admin, id)).rejects.toThrow(ConflictError);
    await updateDefinition(t.core, admin, definition.id, { connectionId: null }, { sandbox, payloadQuery });
    await expect(deleteConnection(t.core, other, id)).rejects.toThrow(NotFoundError);
    expect(await deleteConnection(t.core, admin, id)).toMatchObject({ id });
    expect(await findConnection(t.core, admin, id)).toBeNull();
  });

  it("are their organization's", async () => {
    const { id } = await createConnection(t.core, admin, { name: "C" });
    await expect(updateConnection(t.core, other, id, { name: "x" })).rejects.toThrow(NotFoundError);
    expect(await findConnection(t.core, other, id)).toBeNull();
    expect((await listConnections(t.core, other, FIRST)).rows).toEqual([]);
    expect((await listConnections(t.core, admin, FIRST)).rows).toMatchObject([{ id }]);
  });
});

describe("workflow rules", () => {
  it("have a code of their own, suggested or given", async () => {
    const { id } = await define();
    const rule = await createRule(t.core, admin, { name: "Big Orders!", entity: "order", webhookDefinitionIds: [id] });
    expect(rule).toMatchObject({ code: "big_orders", priority: "MEDIUM", state: "ACTIVE", entity: "order", condition: null });
    expect(await createRule(t.core, admin, { name: "Big Orders", entity: "o", webhookDefinitionIds: [] })).toMatchObject({
      code: "big_orders_2",
    });
    expect(await createRule(t.core, admin, { name: "!", entity: "o", webhookDefinitionIds: [] })).toMatchObject({ code: "rule" });
    await expect(createRule(t.core, admin, { name: "x", code: "rule", entity: "o", webhookDefinitionIds: [] })).rejects.toThrow(
      ConflictError,
    );
    expect(await pathsOf(createRule(t.core, admin, { name: "x", code: "A-1", entity: "o", webhookDefinitionIds: [] }))).toEqual(["code"]);
    const free = { name: "x", code: "A-1 é", freeCode: true, entity: "o", webhookDefinitionIds: [] };
    expect(await createRule(t.core, admin, free)).toMatchObject({ code: "A-1 é" });
  });

  it("name definitions in an order, each once", async () => {
    const [a, b] = [await define(), await define()];
    const rule = await createRule(t.core, admin, { name: "R", entity: "o", webhookDefinitionIds: [b.id, a.id, b.id] });
    const named = async () => (await definitionsOfRules(t.core, admin.organizationId, [rule.id])).get(rule.id)?.map(({ id }) => id) ?? [];
    expect(await named()).toEqual([b.id, a.id]);
    await updateRule(t.core, admin, rule.id, { webhookDefinitionIds: [a.id] });
    expect(await named()).toEqual([a.id]);
    await updateRule(t.core, admin, rule.id, { name: "S" });
    expect(await named()).toEqual([a.id]);
    await deleteDefinition(t.core, admin, a.id);
    expect(await named()).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ["an empty name", { name: "" }, ["name"]],
    ["an empty entity", { entity: " " }, ["entity"]],
    ["$where", { condition: { payload: { $where: "1" } } }, ["condition.payload.$where"]],
    ["an unknown operator", { condition: { payload: { a: { $regex: "1" } } } }, ["condition.payload.a.$regex"]],
    ["a condition that is no object", { condition: "true" }, ["condition"]],
  ])("refuse %s", async (_, input, paths) => {
    expect(await pathsOf(createRule(t.core, admin, { name: "R", entity: "o", webhookDefinitionIds: [], ...input }))).toEqual(paths);
  });

  it("name only their organization's living definitions", async () => {
    const foreign = await define({}, other);
    await expect(createRule(t.core, admin, { name: "R", entity: "o", webhookDefinitionIds: [foreign.id] })).rejects.toThrow(NotFoundError);
    const gone = await define();
    await deleteDefinition(t.core, admin, gone.id);
    await expect(createRule(t.core, admin, { name: "R", entity: "o", webhookDefinitionIds: [gone.id] })).rejects.toThrow(NotFoundError);
    expect((await listRules(t.core, admin, {}, FIRST)).rows).toEqual([]);
  });

  it("change, but for entity and code, and are deleted softly", async () => {
    const rule = await createRule(t.core, admin, { name: "R", entity: "o", condition: { payload: { a: 1 } }, webhookDefinitionIds: [] });
    const changed = await updateRule(t.core, admin, rule.id, { condition: null, priority: "HIGH", state: "STOPPED", description: "d" });
    expect(changed).toMatchObject({ code: "r", entity: "o", condition: null, priority: "HIGH", state: "STOPPED", description: "d" });
    await expect(updateRule(t.core, other, rule.id, { name: "x" })).rejects.toThrow(NotFoundError);
    await expect(deleteRule(t.core, other, rule.id)).rejects.toThrow(NotFoundError);
    expect(await deleteRule(t.core, admin, rule.id)).toMatchObject({ id: rule.id });
    expect(await findRule(t.core, admin, { code: "r" })).toBeNull();
    await expect(updateRule(t.core, admin, rule.id, { name: "x" })).rejects.toThrow(NotFoundError);
    expect(await createRule(t.core, admin, { name: "R", entity: "o", webhookDefinitionIds: [] })).toMatchObject({ code: "r" });
  });

  it("are listed by entity and state", async () => {
    await createRule(t.core, admin, { name: "a", entity: "INVOICES", webhookDefinitionIds: [] });
    await createRule(t.core, admin, { name: "b", entity: "JOBS", state: "STOPPED", webhookDefinitionIds: [] });
    const names = async (filter: object) =>
      (await listRulesByOffset(t.core, admin, filter, { limit: 10, offset: 0 })).map(({ name }) => name);
    expect(await names({})).toEqual(["b", "a"]);
    expect(await names({ entity: "JOBS" })).toEqual(["b"]);
    expect(await names({ entities: ["INVOICES", "LEADS"] })).toEqual(["a"]);
    expect(await names({ state: ["ACTIVE"] })).toEqual(["a"]);
  });
});

describe("scripts", () => {
  it("must parse, and have a name of their own", async () => {
    const script = await createScript(t.core, admin, { name: "S", source: "1 + 1" }, { sandbox });
    await expect(createScript(t.core, admin, { name: "S", source: "2" }, { sandbox })).rejects.toThrow(ConflictError);
    expect(await pathsOf(createScript(t.core, admin, { name: "T", source: "function (" }, { sandbox }))).toEqual(["source"]);
    expect(await pathsOf(createScript(t.core, admin, { name: "", source: " " }, { sandbox }))).toEqual(["name", "source"]);
    expect(await updateScript(t.core, admin, script.id, { source: "2 + 2" }, { sandbox })).toMatchObject({ name: "S", source: "2 + 2" });
    expect(await pathsOf(updateScript(t.core, admin, script.id, { source: "{" }, { sandbox }))).toEqual(["source"]);
    await expect(updateScript(t.core, other, script.id, { name: "x" }, { sandbox })).rejects.toThrow(NotFoundError);
    expect(await findScript(t.core, admin, { name: "S" })).toMatchObject({ id: script.id });
    expect(await findScript(t.core, other, { name: "S" })).toBeNull();
  });

  it("are a definition's target, and then cannot be deleted", async () => {
    const script = await createScript(t.core, admin, { name: "S", source: "1" }, { sandbox });
    expect(await pathsOf(define({ targetType: "CRMSCRIPT" }))).toEqual(["scriptId"]);
    const definition = await define({ targetUrl: null, scriptId: script.id });
    expect(definition).toMatchObject({ targetType: "CRMSCRIPT", scriptId: script.id });
    await expect(deleteScript(t.core, admin, script.id)).rejects.toThrow(ConflictError);
    const back = { targetType: "WEBHOOK", targetUrl: "https://shop.example/" } as const;
    const { definition: changed } = await updateDefinition(t.core, admin, definition.id, back, { sandbox, payloadQuery });
    expect(changed).toMatchObject({ targetType: "WEBHOOK", scriptId: null });
    expect(await deleteScript(t.core, admin, script.id)).toMatchObject({ id: script.id });
  });
});

describe("secret keys", () => {
  it("show their last four characters, of short ones none", async () => {
    expect(await createSecretKey(t.core, admin, { name: "a", secret: "my-secret-key" })).toMatchObject({ lastFour: "-key" });
    const short = await createSecretKey(t.core, admin, { name: "b", secret: "short" });
    expect(short.lastFour).toBe("****");
    expect(t.core.vault.open(short.ciphertext, `${admin.organizationId}/secret-key/${short.id}`)).toBe("short");
    expect((await listSecretKeys(t.core, admin, FIRST)).rows.map(({ name }) => name)).toEqual(["b", "a"]);
  });

  it.each([
    ["", "x", "name"],
    ["k", "", "secret"],
    ["k", "x".repeat(401), "secret"],
    ["k", "a\0", "secret"],
  ])("refuse name %j with secret %j", async (name, secret, path) => {
    expect(await pathsOf(createSecretKey(t.core, admin, { name, secret }))).toEqual([path]);
  });

  it("have a name of their own, and stay while selected", async () => {
    const key = await createSecretKey(t.core, admin, { name: "k", secret: "my-secret-key" });
    await expect(createSecretKey(t.core, admin, { name: "k", secret: "x" })).rejects.toThrow(ConflictError);
    await createSecretKey(t.core, other, { name: "k", secret: "x" });
    const definition = await define({ dialect: "CRMCOM", secretKeyId: key.id, hmacAlgorithm: "SHA1" });
    expect((await createPlans(t.core).get(definition.id, 0))?.definition.secretKey).toEqual({
      text: "my-secret-key",
      algorithm: "SHA1",
      encoding: "HEX",
    });
    await expect(deleteSecretKey(t.core, admin, key.id)).rejects.toThrow(ConflictError);
    await expect(deleteSecretKey(t.core, other, key.id)).rejects.toThrow(NotFoundError);
    await updateDefinition(t.core, admin, definition.id, { secretKeyId: null }, { sandbox, payloadQuery });
    expect(await deleteSecretKey(t.core, admin, key.id)).toMatchObject({ id: key.id });
  });
});

describe("event types", () => {
  it("are made, described, deleted", async () => {
    const type = await createEventType(t.core, admin, { name: "order.created", schema: { type: "object" } });
    expect(type).toMatchObject({ name: "order.created", schema: { type: "object" } });
    await expect(createEventType(t.core, admin, { name: "order.created" })).rejects.toThrow(ConflictError);
    expect(await updateEventType(t.core, admin, type.id, { description: "d" })).toMatchObject({
      description: "d",
      schema: { type: "object" },
    });
    expect(await updateEventType(t.core, admin, type.id, { schema: null })).toMatchObject({ description: "d", schema: null });
    await expect(updateEventType(t.core, other, type.id, {})).rejects.toThrow(NotFoundError);
    await expect(deleteEventType(t.core, other, type.id)).rejects.toThrow(NotFoundError);
    expect((await listEventTypes(t.core, admin, FIRST)).rows).toHaveLength(1);
    expect(await deleteEventType(t.core, admin, type.id)).toMatchObject({ id: type.id });
    expect((await listEventTypes(t.core, admin, FIRST)).rows).toEqual([]);
  });

  it.each([
    [{ name: "order.*" }, "name"],
    [{ name: "" }, "name"],
    [{ name: "a b" }, "name"],
    [{ name: "a", schema: "object" }, "schema"],
    [{ name: "a", description: "\ud800" }, "description"],
  ])("refuse %j", async (input, path) => {
    expect(await pathsOf(createEventType(t.core, admin, input))).toEqual([path]);
  });
});

it("need the right to write, each of them", async () => {
  const reader = await t.caller("VIEWER", undefined, admin.organizationId);
  for (const work of [
    () => createConnection(t.core, reader, { name: "C" }),
    () => createRule(t.core, reader, { name: "R", entity: "o", webhookDefinitionIds: [] }),
    () => createScript(t.core, reader, { name: "S", source: "1" }, { sandbox }),
    () => createSecretKey(t.core, reader, { name: "k", secret: "x" }),
    () => createEventType(t.core, reader, { name: "a" }),
  ]) {
    await expect(work()).rejects.toThrow(ForbiddenError);
  }
});
