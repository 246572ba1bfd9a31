import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import type { Core } from "../../src/core.ts";
import { type Catalogs, createCatalogs } from "../../src/definitions/catalog.ts";
import { createConnection, updateConnection } from "../../src/definitions/connections.ts";
import { type CreateDefinitionInput, createDefinition, deleteDefinition, updateDefinition } from "../../src/definitions/definitions.ts";
import { createEventType } from "../../src/definitions/event-types.ts";
import type { MatchEvent } from "../../src/definitions/match.ts";
import { createRule, deleteRule, updateRule } from "../../src/definitions/rules.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import type { EventView } from "../../src/wire/dialect.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
let catalogs: Catalogs;
let admin: Caller;
const checks = { sandbox: { check: async () => [] }, payloadQuery: { check: () => [] } };

beforeAll(async () => {
  t = await testCore();
  catalogs = createCatalogs();
});
afterAll(() => t.close());
beforeEach(async () => {
  admin = (await t.organization()).admin;
});

const create = async (input: Partial<CreateDefinitionInput> = {}) =>
  (await createDefinition(t.core, admin, { name: "D", targetUrl: "https://shop.example/", eventTypes: ["order.*"], ...input }, checks))
    .definition;
const event: MatchEvent = {
  ...{ type: "order.created", entity: "order", entityId: "1", payload: "{}", scope: null, actor: null, changes: [] },
  applicationId: null,
};

/** Each process keeps its own. */
const kept = new Map<Core, Catalogs>();

async function catalog(core: Core = t.core, organizationId = admin.organizationId) {
  const own = kept.get(core) ?? createCatalogs();
  kept.set(core, own);
  const found = await core.db.transaction((client) => own.of(client, [organizationId]));
  const one = found.get(organizationId);
  if (!one) throw new Error("no catalogue");
  return one;
}
const matched = async (core?: Core, of: Partial<MatchEvent> = {}) =>
  (await catalog(core)).match({ ...event, ...of }).map((match) => match.definitionId);

describe("the catalogue of an organization", () => {
  it("is empty, and accepts every event type", async () => {
    const empty = await catalog();
    expect(empty.match(event)).toEqual([]);
    expect(empty.accepts("anything")).toBe(true);
  });

  it("is unknown for no organization", async () => {
    const unknown = "00000000-0000-7000-8000-000000000000";
    expect(await t.core.db.transaction((client) => catalogs.of(client, [unknown]))).toEqual(new Map());
  });

  it("follows every change, on every process", async () => {
    const another = await t.another();
    const both = async () => {
      const [here, there] = [await matched(t.core), await matched(another)];
      expect(there).toEqual(here);
      return here;
    };
    expect(await both()).toEqual([]);
    const { id } = await create();
    expect(await both()).toEqual([id]);
    await stopDefinitions(t.core, admin, [id]);
    expect(await both()).toEqual([]);
    await activateDefinitions(another, admin, [id]);
    expect(await both()).toEqual([id]);
    await updateDefinition(another, admin, id, { filter: { payload: { vip: true } } }, checks);
    expect(await both()).toEqual([]);
    const rule = await createRule(t.core, admin, { name: "R", entity: "order", webhookDefinitionIds: [id] });
    expect(await both()).toEqual([id]);
    await updateRule(t.core, admin, rule.id, { state: "STOPPED" });
    expect(await both()).toEqual([]);
    await updateRule(t.core, admin, rule.id, { state: "ACTIVE" });
    expect(await both()).toEqual([id]);
    await deleteRule(t.core, admin, rule.id);
    expect(await both()).toEqual([]);
    await updateDefinition(t.core, admin, id, { filter: null }, checks);
    expect(await both()).toEqual([id]);
    await deleteDefinition(t.core, admin, id);
    expect(await both()).toEqual([]);
  });

  it("is read once, and not again while nothing changes", async () => {
    await create();
    const before = await catalog();
    expect(await catalog()).toBe(before);
    await createConnection(t.core, admin, { name: "c" });
    expect(await catalog()).not.toBe(before);
  });

  it("does not hold what its transaction cannot see", async () => {
    const { core } = t;
    await matched();
    const client = await core.db.pool.connect();
    try {
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      await catalogs.of(client, [admin.organizationId]);
      const { id } = await create();
      expect(await matched()).toEqual([id]);
      const old = (await catalogs.of(client, [admin.organizationId])).get(admin.organizationId);
      expect(old?.match(event)).toEqual([]);
      await client.query("COMMIT");
      expect(await matched()).toEqual([id]);
    } finally {
      client.release();
    }
  });

  it("keeps organizations apart", async () => {
    const { id } = await create();
    const other = await t.organization();
    const both = await t.core.db.transaction((client) => catalogs.of(client, [other.id, admin.organizationId]));
    expect(both.get(other.id)?.match(event)).toEqual([]);
    expect(both.get(admin.organizationId)?.match(event)).toEqual([{ definitionId: id, workflowRuleId: null }]);
    expect(both.get(other.id)?.definition(id)).toBeUndefined();
  });

  it("knows how each definition's requests begin", async () => {
    const strict = await create({ fieldsSet: ["a.b"] });
    const free = await create({ dialect: "SUPEROFFICE" });
    const keyed = await create({ dialect: "SUPEROFFICE", ordering: "KEY" });
    const { definition } = await catalog();
    expect(definition(strict.id)).toMatchObject({ number: 1, dialect: "STANDARD", ordering: "DEFINITION", fieldsSet: ["a.b"] });
    expect(definition(free.id)).toMatchObject({ ordering: "NONE" });
    expect(definition(keyed.id)).toMatchObject({ ordering: "KEY" });
    expect(definition(strict.id)?.url(event as unknown as EventView)).toBe("https://shop.example/");
  });

  it("knows a connection's URL for each kind of change", async () => {
    const connection = await createConnection(t.core, admin, { name: "c", urlAdded: "https://a.example/" });
    const { id } = await create({ dialect: "DOFORMS", targetUrl: null, connectionId: connection.id, eventTypes: ["record.*"] });
    const url = async (type: string) => (await catalog()).definition(id)?.url({ ...event, type } as unknown as EventView);
    expect(await url("record.created")).toBe("https://a.example/");
    expect(await url("record.updated")).toBeNull();
    await updateConnection(t.core, admin, connection.id, { urlEdited: "https://e.example/" });
    expect(await url("record.updated")).toBe("https://e.example/");
  });

  it("matches the form, project and events of web services", async () => {
    const { id } = await create({ dialect: "DOFORMS", eventTypes: ["record.*"] });
    const { organizationId } = admin;
    await t.core.db.prisma.webService.create({
      data: { organizationId, externalId: `ws-${id}`, form: "f", project: "p", passwordHash: "x", definitionId: id, events: ["added"] },
    });
    expect(await matched(t.core, { type: "record.created", scope: { form: "f", project: "p" } })).toEqual([id]);
    expect(await matched(t.core, { type: "record.updated", scope: { form: "f", project: "p" } })).toEqual([]);
    expect(await matched(t.core, { type: "record.created", scope: { form: "f", project: "q" } })).toEqual([]);
  });

  it("enforces the event types when the organization says so", async () => {
    await createEventType(t.core, admin, { name: "order.created" });
    expect((await catalog()).accepts("order.deleted")).toBe(true);
    await t.core.db.unscoped.organization.update({ where: { id: admin.organizationId }, data: { enforceEventTypes: true } });
    expect((await catalog()).accepts("order.created")).toBe(true);
    expect((await catalog()).accepts("order.deleted")).toBe(false);
  });

  it("orders rules by priority and age, and a request remembers the first", async () => {
    const [a, b, c] = [await create({ eventTypes: [] }), await create({ eventTypes: [] }), await create()];
    const low = await createRule(t.core, admin, { name: "low", entity: "order", priority: "LOW", webhookDefinitionIds: [a.id, b.id] });
    const high = await createRule(t.core, admin, { name: "high", entity: "order", priority: "HIGH", webhookDefinitionIds: [b.id] });
    expect((await catalog()).match(event)).toEqual([
      { definitionId: b.id, workflowRuleId: high.id },
      { definitionId: a.id, workflowRuleId: low.id },
      { definitionId: c.id, workflowRuleId: null },
    ]);
  });
});
