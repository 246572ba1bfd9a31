/**
 * A list page costs as many statements as its answer has parts, never as many as it has rows: each list of configuration is
 * asked for everything that its rows have, relations and pages below them included, once with few rows and once with many.
 */
import {
  execute,
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  parse,
} from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApiToken } from "../../../src/accounts/tokens.ts";
import { createUser } from "../../../src/accounts/users.ts";
import type { Doors } from "../../../src/api/doors.ts";
import { schema } from "../../../src/api/graphql/schema.ts";
import { createConnection } from "../../../src/definitions/connections.ts";
import { createDefinition } from "../../../src/definitions/definitions.ts";
import { createEventType } from "../../../src/definitions/event-types.ts";
import { createRule } from "../../../src/definitions/rules.ts";
import { createScript } from "../../../src/definitions/scripts.ts";
import { createSecretKey } from "../../../src/definitions/secret-keys.ts";
import { createWebService, setTarget } from "../../../src/definitions/web-services.ts";
import { createGoal } from "../../../src/goals/goals.ts";
import { createInboundWebhook } from "../../../src/goals/inbound-webhooks.ts";
import { type CountingProxy, startCountingProxy } from "../../helpers/counting-proxy.ts";
import { type TestCore, type TestOrganization, testCore } from "../../helpers/database.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
type Answer = any;

const MOST_STATEMENTS = 5;
/** Rows that have a log of their own, which no page lists beside them: its entries, and their number. */
const WITH_LOG = new Set(["inboundWebhooks"]);
const LOG_STATEMENTS = 2;
const FEW = 2;
const MANY = 9;

const LISTS = [
  ...["webhookDefinitions", "connections", "scripts", "secretKeys", "workflowRules", "eventTypes", "goals", "inboundWebhooks"],
  ...["webServices", "users", "apiTokens", "auditEntries"],
] as const;

let t: TestCore;
let proxy: CountingProxy;
let few: TestOrganization;
let many: TestOrganization;
const checks = { sandbox: { check: async () => [] }, payloadQuery: { check: () => [] } } as never;

/** `n` of each noun, each related to others of its own, so that nothing is read once for all by chance. */
async function fill({ admin }: TestOrganization, n: number): Promise<void> {
  const { core } = t;
  await core.db.unscoped.organization.update({ where: { id: admin.organizationId }, data: { features: ["INBOUND_WEBHOOKS"] } });
  for (let i = 0; i < n; i++) {
    const connection = await createConnection(core, admin, {
      name: `c${i}`,
      urlAdded: "http://127.0.0.1:9/a",
      headers: { "X-N": String(i) },
    });
    const script = await createScript(core, admin, { name: `s${i}`, source: "1" }, checks);
    const key = await createSecretKey(core, admin, { name: `k${i}`, secret: `secret-${i}` });
    const { definition } = await createDefinition(
      core,
      admin,
      {
        name: `d${i}`,
        eventTypes: ["order.*"],
        filter: { payload: { total: { $gt: 1.5 } } },
        properties: { n: 12.25 },
        connectionId: connection.id,
        scriptId: script.id,
        secretKeyId: key.id,
      },
      checks,
    );
    await createRule(core, admin, {
      name: `r${i}`,
      entity: "order",
      condition: { payload: { n: i } },
      webhookDefinitionIds: [definition.id],
    });
    await createEventType(core, admin, { name: `order.n${i}`, schema: { type: "object" } });
    const goal = await createGoal(core, admin, { name: `g${i}`, direction: "MAXIMIZE", goodThreshold: "2", badThreshold: "1" });
    for (const day of ["01", "02", "03"]) {
      await core.db.pool.query(
        "INSERT INTO goal_value (id, organization_id, goal_id, date, value) VALUES (gen_random_uuid(), $1, $2, $3::date, $4::numeric)",
        [admin.organizationId, goal.id, `2026-11-${day}`, `${i}.5`],
      );
    }
    await createInboundWebhook(core, admin, { goalId: goal.id });
    const externalId = `${admin.organizationId}-${i}`;
    await createWebService(core, admin, { id: externalId, form: "1", project: "2", password: "secret" });
    await setTarget(core, admin, externalId, { connectionId: connection.id, events: ["added"] }, checks);
    const user = { email: `u${i}@${admin.organizationId}.example`, name: `u${i}`, password: "correct horse", role: "MEMBER" } as const;
    await createUser(core, admin, user);
    await createApiToken(core, await t.caller("ADMIN", undefined, admin.organizationId), { name: `t${i}` });
  }
}

beforeAll(async () => {
  t = await testCore({}, async (url) => {
    proxy = await startCountingProxy(url, ["hot", "tenant"]);
    return proxy.url;
  });
  [few, many] = [await t.organization("Few"), await t.organization("Many")];
  await fill(few, FEW);
  await fill(many, MANY);
}, 120_000);
afterAll(async () => {
  await t.close();
  await proxy.close();
});

/** All that can be asked of a type without arguments that must be given, so many objects deep. */
function everything(type: GraphQLObjectType, depth: number): string {
  const parts = Object.values(type.getFields()).flatMap((field: GraphQLField<unknown, unknown>) => {
    if (field.args.some(isRequiredArgument)) return [];
    const named = getNamedType(field.type);
    if (isLeafType(named)) return [field.name];
    if (!isObjectType(named)) return [];
    if (named.name === "PageInfo") return [`${field.name} { hasNextPage endCursor }`];
    const isPage = named.name.endsWith("Connection") && "edges" in named.getFields();
    const below = isPage || named.name.endsWith("Edge") ? depth : depth - 1;
    if (below < 0) return [];
    return [`${field.name}${isPage ? "(first: 2)" : ""} ${everything(named, below)}`];
  });
  return `{ ${parts.join(" ")} }`;
}

async function answer({ admin }: TestOrganization, document: string) {
  const contextValue = { doors: { core: t.core } as unknown as Doors, caller: admin, address: undefined, cookies: undefined };
  return execute({ schema, document: parse(document), contextValue: { ...contextValue, signal: new AbortController().signal } });
}

async function ask(of: TestOrganization, document: string): Promise<{ data: Answer; statements: number }> {
  proxy.take();
  const { data, errors } = await answer(of, document);
  expect(errors).toBeUndefined();
  return { data: JSON.parse(JSON.stringify(data)), statements: proxy.take().syncs };
}

const pageOf = (list: string) => {
  const type = getNamedType(schema.getQueryType()?.getFields()[list]?.type) as GraphQLObjectType;
  return `{ ${list}(first: 100) ${everything(type, 2)} }`;
};

describe("a list page asks a constant number of statements", () => {
  test.each(LISTS)("%s, with all that its rows have", async (list) => {
    const document = pageOf(list);
    // Connections that are opened now say what a session is like.
    await ask(many, document);
    const [small, large] = [await ask(few, document), await ask(many, document)];
    const rows = ({ data }: { data: Answer }) => (data[list] as { edges: unknown[] }).edges.length;
    console.info(`${list}: ${rows(large)} rows, ${large.statements} statements`);
    expect(rows(large)).toBeGreaterThan(rows(small));
    expect({ small: small.statements, large: large.statements }).toEqual({ small: small.statements, large: small.statements });
    expect(large.statements).toBeLessThanOrEqual(MOST_STATEMENTS + (WITH_LOG.has(list) ? LOG_STATEMENTS : 0));
  });

  test.each(LISTS)("a cursor of %s is none of another organization's", async (list) => {
    const { data } = await ask(few, `{ ${list}(first: 1) { edges { cursor } } }`);
    const [{ cursor }] = (data[list] as { edges: [{ cursor: string }] }).edges;
    for (const argument of ["after", "before"]) {
      const document = `{ ${list}(${argument}: "${cursor}") { edges { cursor } } }`;
      expect((await ask(few, document)).data[list]).toBeDefined();
      const { errors } = await answer(many, document);
      expect(errors?.map(({ message }) => message)).toEqual([`${argument} is no cursor of this list`]);
    }
  });

  test.each(LISTS)("a forged cursor of %s is refused, and no fault of ours", async (list) => {
    const { data } = await ask(few, `{ ${list}(first: 1) { edges { cursor } } }`);
    const [{ cursor }] = (data[list] as { edges: [{ cursor: string }] }).edges;
    const parts = Buffer.from(cursor, "base64url").toString().split(":");
    for (const key of ["9999999999", "2147483648", "-".repeat(36), "0-".repeat(18), "", "x"]) {
      const forged = Buffer.from([...parts.slice(0, -1), key].join(":")).toString("base64url");
      const { errors } = await answer(few, `{ ${list}(after: "${forged}") { edges { cursor } } }`);
      expect([key, errors?.map(({ message }) => message)]).toEqual([key, ["after is no cursor of this list"]]);
    }
  });

  test("node(ids) of one type are read together", async () => {
    const { data } = await ask(many, "{ webhookDefinitions(first: 9) { edges { node { id } } } }");
    const ids = (data["webhookDefinitions"] as { edges: { node: { id: string } }[] }).edges.map(({ node }) => node.id);
    const { data: found, statements } = await ask(
      many,
      `{ nodes(ids: ${JSON.stringify(ids)}) { id ... on WebhookDefinition { connection { name } secretKey { name } } } }`,
    );
    expect((found["nodes"] as { id: string }[]).map(({ id }) => id)).toEqual(ids);
    expect(statements).toBeLessThanOrEqual(MOST_STATEMENTS);
  });

  test("relations of rows that were read without them are read together, and are the same", async () => {
    const { data } = await ask(
      many,
      "{ workflowRules(first: 9) { edges { node { name webhookDefinitions { name connection { name } script { name } } } } } }",
    );
    const { data: services, statements } = await ask(
      many,
      "{ webServices(first: 9) { edges { node { webhookDefinition { connection { name } } connection { name } } } } }",
    );
    for (const { node } of (data["workflowRules"] as { edges: { node: Answer }[] }).edges) {
      const n = (node["name"] as string).slice(1);
      expect(node["webhookDefinitions"]).toEqual([{ name: `d${n}`, connection: { name: `c${n}` }, script: { name: `s${n}` } }]);
    }
    for (const { node } of (services["webServices"] as { edges: { node: Answer }[] }).edges) {
      expect(node["webhookDefinition"]).toEqual({ connection: node["connection"] });
    }
    expect(statements).toBeLessThanOrEqual(MOST_STATEMENTS);
  });

  test("values of goals come in pages, each goal its own", async () => {
    const { data } = await ask(
      many,
      '{ goals(first: 9) { edges { node { name values(first: 2, to: "2026-11-02") { totalCount edges { node { date value goal { name } } } pageInfo { hasNextPage } } } } } }',
    );
    const goals = (data["goals"] as { edges: { node: { name: string; values: unknown } }[] }).edges;
    expect(goals).toHaveLength(MANY);
    for (const { node } of goals) {
      const value = `${node.name.slice(1)}.5`;
      const row = (date: string) => ({ node: { date, value, goal: { name: node.name } } });
      expect(node.values).toEqual({ totalCount: 2, edges: [row("2026-11-02"), row("2026-11-01")], pageInfo: { hasNextPage: false } });
    }
  });

  test("a deleted definition shows what it referred to where it is shown at all; node(id) gives it no more", async () => {
    const { data } = await ask(many, "{ webhookDefinitions(first: 1) { edges { node { id connection { name } } } } }");
    const { id, connection } = data.webhookDefinitions.edges[0].node;
    const { data: deleted } = await ask(
      many,
      `mutation { deleteWebhookDefinition(input: { id: "${id}" }) { ... on WebhookDefinition { deletedAt connection { name } } ... on Error { message } } }`,
    );
    expect(deleted.deleteWebhookDefinition).toEqual({ deletedAt: expect.any(String), connection });
    expect((await ask(many, `{ node(id: "${id}") { id } nodes(ids: ["${id}"]) { id } }`)).data).toEqual({ node: null, nodes: [null] });
  });

  test("another organization's rows are not found, whoever asks for them beside one's own", async () => {
    const list = "{ connections(first: 1) { edges { node { id } } } }";
    const [mine, foreign] = [
      (await ask(many, list)).data.connections.edges[0].node.id,
      (await ask(few, list)).data.connections.edges[0].node.id,
    ];
    expect((await ask(many, `{ nodes(ids: ["${mine}", "${foreign}"]) { id } }`)).data).toEqual({ nodes: [{ id: mine }, null] });
  });
});
