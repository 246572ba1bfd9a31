/** Definitions and what belongs to them, asked as a client asks. */
import { type ExecutionResult, execute, parse, validate } from "graphql";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../src/accounts/caller.ts";
import type { Doors } from "../../../src/api/doors.ts";
import { schema } from "../../../src/api/graphql/schema.ts";
import { createSandbox, type Sandbox } from "../../../src/delivery/sandbox/sandbox.ts";
import { withSources } from "../../../src/wire/json-source.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";
import { testDoors } from "../../helpers/doors.ts";
import { watchTenantStatements } from "../../helpers/tenant-statements.ts";

let t: TestCore;
let sandbox: Sandbox;
let doors: Doors;
let admin: Caller;

beforeAll(async () => {
  t = await testCore();
  sandbox = createSandbox();
  doors = testDoors(t, sandbox);
});
afterAll(async () => {
  await sandbox.close();
  await t.close();
});
beforeEach(async () => {
  admin = (await t.organization()).admin;
});

async function run(source: string, variables: Record<string, unknown> = {}, caller: Caller = admin): Promise<ExecutionResult> {
  const document = parse(source);
  const mistakes = validate(schema, document);
  if (mistakes[0]) throw mistakes[0];
  const contextValue = { doors, caller, address: "127.0.0.1", cookies: undefined };
  const { data, errors } = (await execute({ schema, document, variableValues: variables, contextValue })) as ExecutionResult;
  // As the doors write it.
  return { ...(errors && { errors }), data: data === undefined ? data : JSON.parse(withSources(JSON.stringify(data))) };
}

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
async function ask(source: string, variables: Record<string, unknown> = {}, caller: Caller = admin): Promise<any> {
  const result = await run(source, variables, caller);
  if (result.errors) throw result.errors[0];
  return result.data;
}

const ERRORS = "... on ValidationError { issues { path message } } ... on Error { code message }";
const SETTINGS = `id number code name description state dialect eventTypes filter targetType targetUrl headers properties ordering concurrency onExhausted
  retrySchedule maxConsecutiveErrors timeoutMs signatureVersions signingSecretLastFour signingPublicKey fieldsSet secretKey { id name } connection { id }
  script { id } hmacAlgorithm hmacEncoding transformation payloadQuery errorsEmail totalCalls totalErrors consecutiveErrors lastError lastAttemptAt createdAt`;
const CREATE = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename
  ... on CreatedWebhookDefinition { definition { ${SETTINGS} policy { ordering concurrency onExhausted retrySchedule timeoutMs maxConsecutiveErrors } } signingSecret } ${ERRORS} } }`;
const UPDATE = `mutation ($input: UpdateWebhookDefinitionInput!) { updateWebhookDefinition(input: $input) { __typename ... on WebhookDefinition { ${SETTINGS} } ${ERRORS} } }`;
const base = { name: "Orders", targetUrl: "https://shop.example/hooks", eventTypes: ["order.*"] };

const create = async (input: object = {}, caller = admin) =>
  (await ask(CREATE, { input: { ...base, ...input } }, caller)).createWebhookDefinition;
const made = async (input: object = {}): Promise<string> => (await create(input)).definition.id;
const update = async (id: string, input: object, caller = admin) =>
  (await ask(UPDATE, { input: { id, ...input } }, caller)).updateWebhookDefinition;

describe("a first definition", () => {
  test("as the design writes it", async () => {
    const input = {
      name: "Orders",
      targetUrl: "https://shop.example/hooks",
      eventTypes: ["order.*"],
      filter: { payload: { total: { $gt: 100 } } },
      dialect: "STANDARD",
      ordering: "DEFINITION",
      onExhausted: "SKIP",
      retrySchedule: [5, 300],
      timeoutMs: 15000,
      headers: { Authorization: "Bearer x", "X-Plain": "y" },
      properties: { region: "eu" },
    };
    const answer = await create(input);
    expect(answer.__typename).toBe("CreatedWebhookDefinition");
    expect(answer.definition).toMatchObject({
      ...input,
      headers: { Authorization: "***", "X-Plain": "y" },
      number: 1,
      code: "orders",
      state: "ACTIVE",
      signatureVersions: ["V1"],
      signingSecretLastFour: answer.signingSecret.slice(-4),
      totalCalls: 0,
      consecutiveErrors: 0,
      lastError: null,
    });
    expect(answer.definition.id).toMatch(/^whd_[0-9a-f]{32}$/);
    expect(answer.signingSecret).toMatch(/^whsec_/);
  });

  test("shows its own settings as null, and what applies as its policy", async () => {
    const { definition } = await create({ dialect: "COTALKER" });
    expect(definition).toMatchObject({ ordering: null, retrySchedule: null, timeoutMs: null, onExhausted: null });
    expect(definition.policy).toMatchObject({ ordering: "DEFINITION", concurrency: 1, onExhausted: "SKIP", retrySchedule: [30, 30] });
    expect((await create({ dialect: "SUPEROFFICE", concurrency: 3 })).definition.policy).toMatchObject({
      ordering: "NONE",
      concurrency: 3,
      onExhausted: "REQUEUE",
      maxConsecutiveErrors: 9,
    });
    expect((await create({ dialect: "SUPEROFFICE", maxConsecutiveErrors: null })).definition.policy.maxConsecutiveErrors).toBeNull();
    expect((await create({ retrySchedule: [] })).definition).toMatchObject({ retrySchedule: [], policy: { retrySchedule: [] } });
  });

  test("gets a secret by its dialect, or as it is told", async () => {
    const secret = async (input: object) => (await create(input)).signingSecret;
    expect(await secret({ dialect: "SUPEROFFICE" })).toMatch(/^whsec_/);
    expect(await secret({ dialect: "CRMCOM" })).toBeNull();
    expect(await secret({ dialect: "COTALKER", signed: true })).toMatch(/^whsec_/);
    expect(await secret({ signed: false })).toBeNull();
    expect((await create({ signatureVersions: ["V1", "V1A"] })).definition.signingPublicKey).toMatch(/^whpk_/);
  });
});

describe("bad input", () => {
  test.each<[string, object, string[]]>([
    ["an empty name", { name: "" }, ["name"]],
    ["a bad pattern", { eventTypes: ["ok", "*.x"] }, ["eventTypes.1"]],
    ["a target inside", { targetUrl: "http://169.254.169.254/" }, ["targetUrl"]],
    ["a filter with $where", { filter: { payload: { $where: "1" } } }, ["filter.payload.$where"]],
    ["a bad wait", { retrySchedule: [1, 2, 1e9] }, ["retrySchedule.2"]],
    ["a bad header", { headers: { Cookie: "x" } }, ["headers.Cookie"]],
    ["a bad code", { code: "Not A Code" }, ["code"]],
    ["a bad path", { fieldsSet: ["a..b"] }, ["fieldsSet.0"]],
    ["a broken transformation", { transformation: "function" }, ["transformation"]],
    ["a broken payload query", { payloadQuery: "{ event { nothing } }" }, ["payloadQuery"]],
    ["REQUEUE", { onExhausted: "REQUEUE" }, ["onExhausted"]],
    ["NUL", { description: "a\0" }, ["description"]],
  ])("%s is a ValidationError that names its place", async (_, input, paths) => {
    const answer = await create(input);
    expect(answer).toMatchObject({ __typename: "ValidationError", code: "VALIDATION_FAILED" });
    expect(answer.issues.map((issue: { path: string }) => issue.path)).toEqual(paths);
    expect((await ask("{ webhookDefinitions { totalCount } }")).webhookDefinitions.totalCount).toBe(0);
  });

  test("a taken code is a ConflictError", async () => {
    await create({ code: "mine" });
    expect(await create({ code: "mine" })).toMatchObject({ __typename: "ConflictError", code: "CONFLICT" });
  });

  test.each(["connectionId", "scriptId", "secretKeyId"])("an unknown %s is a NotFoundError", async (name) => {
    const id = { connectionId: "con", scriptId: "scr", secretKeyId: "key" }[name];
    for (const value of [`${id}_${"0".repeat(32)}`, "nonsense", `whd_${"0".repeat(32)}`]) {
      expect(await create({ [name]: value })).toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });
    }
  });

  test("wrong types and unknown enums never reach the domain", async () => {
    for (const input of [
      { name: 5 },
      { dialect: "SOAP" },
      { timeoutMs: "x" },
      { concurrency: 1.5 },
      { eventTypes: [null] },
      { surprise: 1 },
    ]) {
      const result = await run(CREATE, { input: { ...base, ...input } });
      expect(result.data ?? null).toBeNull();
      expect(result.errors).toHaveLength(1);
    }
  });

  test("null where a value must be is refused on an update", async () => {
    const id = await made();
    const answer = await update(id, { name: null, eventTypes: null });
    expect(answer.issues.map((issue: { path: string }) => issue.path)).toEqual(["name", "eventTypes"]);
  });

  test("a deep filter is refused", async () => {
    const filter = Array.from({ length: 300 }).reduce<object>((inner) => ({ $not: inner }), { payload: { a: 1 } });
    expect(await create({ filter })).toMatchObject({ __typename: "ValidationError" });
  });
});

describe("changing", () => {
  test("what is absent stays, null clears, the code is no input", async () => {
    const id = await made({ description: "d", timeoutMs: 500, headers: { Authorization: "Bearer x" } });
    expect(await update(id, { name: "New" })).toMatchObject({ name: "New", description: "d", timeoutMs: 500, code: "orders" });
    expect(await update(id, { description: null, timeoutMs: null, headers: { Authorization: "***" } })).toMatchObject({
      description: null,
      timeoutMs: null,
      headers: { Authorization: "***" },
    });
    await expect(update(id, { code: "other" })).rejects.toThrow(/code/);
  });

  test("stops and activates several, and tells SuperOffice's subscribers", async () => {
    const ids = [await made(), await made({ dialect: "SUPEROFFICE" })];
    const STOP = `mutation ($input: StopWebhookDefinitionsInput!) { stopWebhookDefinitions(input: $input) { __typename ... on WebhookDefinitionList { webhookDefinitions { id state } } ${ERRORS} } }`;
    const ACTIVATE = STOP.replaceAll("Stop", "Activate").replaceAll("stop", "activate");
    expect((await ask(STOP, { input: { ids } })).stopWebhookDefinitions.webhookDefinitions).toEqual(
      ids.map((id) => ({ id, state: "STOPPED" })),
    );
    await ask(STOP, { input: { ids } });
    expect((await ask(ACTIVATE, { input: { ids } })).activateWebhookDefinitions.webhookDefinitions).toEqual(
      ids.map((id) => ({ id, state: "ACTIVE" })),
    );
    const events = await t.core.db.prisma.event.findMany({ where: { organizationId: admin.organizationId }, orderBy: { id: "asc" } });
    expect(events.map(({ type }) => type)).toEqual(["webhook2.stopped", "webhook2.started"]);
    expect((await ask(STOP, { input: { ids: [ids[0], "x"] } })).stopWebhookDefinitions).toMatchObject({ __typename: "NotFoundError" });
  });

  test("rotates the secret, shown once", async () => {
    const id = await made();
    const ROTATE = `mutation ($input: RotateSigningSecretInput!) { rotateSigningSecret(input: $input) { __typename ... on RotatedSigningSecret { definition { id signingSecretLastFour } signingSecret } ${ERRORS} } }`;
    const rotated = (await ask(ROTATE, { input: { id, overlapSeconds: 60 } })).rotateSigningSecret;
    expect(rotated).toMatchObject({ definition: { id, signingSecretLastFour: rotated.signingSecret.slice(-4) } });
    expect((await ask(ROTATE, { input: { id, overlapSeconds: -1 } })).rotateSigningSecret.issues[0].path).toBe("overlapSeconds");
  });

  test("takes every field of create but the code", async () => {
    const fields = async (input: string): Promise<string[]> => {
      const { __type } = await ask("query ($input: String!) { __type(name: $input) { inputFields { name } } }", { input });
      return __type.inputFields.map(({ name }: { name: string }) => name).sort();
    };
    const created = await fields("CreateWebhookDefinitionInput");
    expect((await fields("UpdateWebhookDefinitionInput")).filter((name) => !["id", "ifUnchangedSince"].includes(name))).toEqual(
      created.filter((name) => name !== "code"),
    );
  });

  test("takes its secrets away, and makes no first one that nobody would see", async () => {
    const id = await made();
    const SIGNED = `mutation ($input: UpdateWebhookDefinitionInput!) { updateWebhookDefinition(input: $input) { __typename ... on WebhookDefinition { signingSecretLastFour } ${ERRORS} } }`;
    const sign = async (signed: boolean) => (await ask(SIGNED, { input: { id, signed } })).updateWebhookDefinition;
    expect((await sign(true)).signingSecretLastFour).toHaveLength(4);
    expect(await sign(false)).toMatchObject({ signingSecretLastFour: null });
    expect(await sign(true)).toMatchObject({ __typename: "ValidationError", issues: [{ path: "signed" }] });
  });

  test("deletes, and answers with what it deleted", async () => {
    const id = await made();
    const DELETE = `mutation ($input: DeleteWebhookDefinitionInput!) { deleteWebhookDefinition(input: $input) { __typename ... on WebhookDefinition { id name deletedAt } ${ERRORS} } }`;
    expect((await ask(DELETE, { input: { id } })).deleteWebhookDefinition).toMatchObject({ id, name: "Orders" });
    expect((await ask(DELETE, { input: { id } })).deleteWebhookDefinition).toMatchObject({ __typename: "NotFoundError" });
    expect(await ask("query ($id: ID!) { node(id: $id) { id } webhookDefinition(id: $id) { id } }", { id })).toEqual({
      node: null,
      webhookDefinition: null,
    });
  });
});

describe("reading", () => {
  test("one by id, code, number or node", async () => {
    const id = await made({ code: "c1" });
    const by = async (args: string) => (await ask(`{ webhookDefinition(${args}) { id } }`)).webhookDefinition;
    for (const args of [`id: "${id}"`, 'code: "c1"', "number: 1"]) expect(await by(args)).toEqual({ id });
    for (const args of ['id: "x"', `id: "whd_${"0".repeat(32)}"`, 'code: "C1"', "number: 2", "number: 0"])
      expect(await by(args)).toBeNull();
    for (const args of ['id: "x", number: 1', "id: null"]) {
      expect((await run(`{ webhookDefinition(${args}) { id } }`)).errors?.[0]?.message).toContain("exactly one");
    }
    expect((await ask("query ($id: ID!) { node(id: $id) { __typename id } }", { id })).node).toEqual({
      __typename: "WebhookDefinition",
      id,
    });
  });

  test("a list, newest first, in pages, with a filter", async () => {
    for (const name of ["A", "B", "C"]) await made({ name });
    const LIST =
      "query ($first: Int, $after: String, $filter: WebhookDefinitionFilter) { webhookDefinitions(first: $first, after: $after, filter: $filter) { totalCount edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }";
    const page = (await ask(LIST, { first: 2 })).webhookDefinitions;
    expect(page).toMatchObject({
      totalCount: 3,
      edges: [{ node: { name: "C" } }, { node: { name: "B" } }],
      pageInfo: { hasNextPage: true },
    });
    const next = (await ask(LIST, { first: 2, after: page.pageInfo.endCursor })).webhookDefinitions;
    expect(next).toMatchObject({ edges: [{ node: { name: "A" } }], pageInfo: { hasNextPage: false } });
    expect(
      (await ask(LIST, { filter: { search: "b", state: ["ACTIVE"], dialect: "STANDARD", eventType: "ORDER.*" } })).webhookDefinitions,
    ).toMatchObject({
      totalCount: 1,
      edges: [{ node: { name: "B" } }],
    });
    expect((await ask(LIST, { filter: { search: null } })).webhookDefinitions.totalCount).toBe(3);
    for (const variables of [{ first: 101 }, { after: "x" }]) expect((await run(LIST, variables)).errors).toHaveLength(1);
  });

  test("many definitions' counters and targets in a few statements", async () => {
    for (const name of ["A", "B", "C", "D"]) await made({ name });
    const statements = watchTenantStatements(t.core.db);
    await ask("{ webhookDefinitions { edges { node { totalCalls lastError signingSecretLastFour } } } }");
    statements.stop();
    expect(statements.sent.filter(({ text }) => text.includes("definition_counter"))).toHaveLength(1);
  });
});

describe("another organization", () => {
  test("finds nothing of ours", async () => {
    const id = await made();
    const other = (await t.organization()).admin;
    expect(
      await ask(
        "query ($id: ID!) { node(id: $id) { id } webhookDefinition(id: $id) { id } webhookDefinitions { totalCount } }",
        { id },
        other,
      ),
    ).toEqual({
      node: null,
      webhookDefinition: null,
      webhookDefinitions: { totalCount: 0 },
    });
    expect(await update(id, { name: "x" }, other)).toMatchObject({ __typename: "NotFoundError" });
  });

  test("and too few rights are told apart from nothing found", async () => {
    const viewer = await t.caller("VIEWER", undefined, admin.organizationId);
    const blind = await t.caller("ADMIN", ["goals:read"], admin.organizationId);
    const id = await made();
    expect(await create({}, viewer)).toMatchObject({ __typename: "ForbiddenError", code: "FORBIDDEN" });
    expect(await update(id, {}, viewer)).toMatchObject({ __typename: "ForbiddenError" });
    expect((await ask("{ webhookDefinitions { totalCount } }", {}, viewer)).webhookDefinitions.totalCount).toBe(1);
    for (const field of ["webhookDefinitions", "connections", "workflowRules", "scripts", "secretKeys", "eventTypes"]) {
      const result = await run(`{ ${field} { totalCount } }`, {}, blind);
      expect(result.errors?.[0]?.originalError).toMatchObject({ code: "FORBIDDEN" });
    }
  });
});

describe("what belongs to a definition", () => {
  test("connections, scripts, secret keys, event types and rules are made, read by node, listed and deleted", async () => {
    const definitionId = await made({ dialect: "CRMCOM" });
    const nouns = [
      {
        type: "Connection",
        list: "connections",
        input: { name: "C", urlAdded: "https://a.example/", headers: [{ name: "X-A", value: "1" }] },
        fields: "name urlAdded urlEdited headers",
        change: { name: "C2" },
      },
      {
        type: "Script",
        list: "scripts",
        input: { name: "S", source: "1" },
        fields: "name source createdAt updatedAt",
        change: { source: "2" },
      },
      { type: "SecretKey", list: "secretKeys", input: { name: "K", secret: "my-secret-key" }, fields: "name lastFour", change: undefined },
      {
        type: "EventType",
        list: "eventTypes",
        input: { name: "order.created", schema: { type: "object" } },
        fields: "name description schema",
        change: { description: "d" },
      },
      {
        type: "WorkflowRule",
        list: "workflowRules",
        input: { name: "R", entity: "order", condition: { payload: { amount: { $gt: 100 } } }, webhookDefinitionIds: [definitionId] },
        fields: "name code entity condition priority state webhookDefinitions { id }",
        change: { priority: "HIGH", webhookDefinitionIds: [] },
      },
    ];
    for (const { type, list, input, fields, change } of nouns) {
      const write = async (verb: string, value: object) => {
        const source = `mutation ($input: ${verb}${type}Input!) { answer: ${verb.toLowerCase()}${type}(input: $input) { __typename ... on ${type} { id ${fields} } ${ERRORS} } }`;
        return (await ask(source, { input: value })).answer;
      };
      const row = await write("Create", input);
      expect(row.__typename).toBe(type);
      expect((await ask(`query ($id: ID!) { node(id: $id) { id ... on ${type} { ${fields} } } }`, { id: row.id })).node).toEqual(
        Object.fromEntries(Object.entries(row).filter(([name]) => name !== "__typename")),
      );
      expect((await ask(`{ ${list} { totalCount edges { node { id } } } }`))[list]).toEqual({
        totalCount: 1,
        edges: [{ node: { id: row.id } }],
      });
      if (change) expect(await write("Update", { id: row.id, ...change })).toMatchObject({ __typename: type, id: row.id });
      const other = (await t.organization()).admin;
      expect((await ask("query ($id: ID!) { node(id: $id) { id } }", { id: row.id }, other)).node).toBeNull();
      expect(await write("Delete", { id: row.id })).toMatchObject({ __typename: type, id: row.id });
      expect(await write("Delete", { id: row.id })).toMatchObject({ __typename: "NotFoundError" });
    }
  });

  test("a rule refuses $where and foreign definitions", async () => {
    const RULE = `mutation ($input: CreateWorkflowRuleInput!) { createWorkflowRule(input: $input) { __typename ${ERRORS} } }`;
    const rule = async (input: object) =>
      (await ask(RULE, { input: { name: "R", entity: "o", webhookDefinitionIds: [], ...input } })).createWorkflowRule;
    expect((await rule({ condition: { $where: "1" } })).issues[0].path).toBe("condition.$where");
    expect(await rule({ webhookDefinitionIds: [`whd_${"0".repeat(32)}`] })).toMatchObject({ __typename: "NotFoundError" });
  });

  test("a selected secret key cannot be deleted", async () => {
    const key = (
      await ask('mutation { createSecretKey(input: { name: "k", secret: "my-secret-key" }) { ... on SecretKey { id lastFour } } }')
    ).createSecretKey;
    expect((await create({ dialect: "CRMCOM", secretKeyId: key.id })).definition.secretKey).toEqual({ id: key.id, name: "k" });
    expect((await ask(`mutation { deleteSecretKey(input: { id: "${key.id}" }) { __typename ${ERRORS} } }`)).deleteSecretKey).toMatchObject({
      __typename: "ConflictError",
    });
  });
});

describe("trying a filter", () => {
  const PREVIEW =
    "query ($eventTypes: [String!]!, $filter: JSON, $last: Int) { filterPreview(eventTypes: $eventTypes, filter: $filter, last: $last) { scanned matched events { matches event { type } } } }";

  test("on the latest events", async () => {
    await doors.ingest.emit(admin.organizationId, [
      { type: "order.created", payload: '{"total":120}' },
      { type: "order.created", payload: '{"total":80}' },
      { type: "contact.created", payload: '{"total":120}' },
    ]);
    const variables = { eventTypes: ["order.*"], filter: { payload: { total: { $gt: 100 } } } };
    expect((await ask(PREVIEW, variables)).filterPreview).toEqual({
      scanned: 3,
      matched: 1,
      events: [
        { matches: false, event: { type: "contact.created" } },
        { matches: false, event: { type: "order.created" } },
        { matches: true, event: { type: "order.created" } },
      ],
    });
    expect((await ask(PREVIEW, { ...variables, last: 1 })).filterPreview).toMatchObject({ scanned: 1, matched: 0 });
    expect((await ask(PREVIEW, variables, (await t.organization()).admin)).filterPreview).toMatchObject({ scanned: 0 });
  });

  test("that is none says where", async () => {
    const wrong = await run(PREVIEW, { eventTypes: ["order.*"], filter: { payload: { $where: "1" } } });
    expect(wrong.errors?.[0]?.message).toContain("filter.payload.$where");
    expect((await run(PREVIEW, { eventTypes: ["*.x"] })).errors?.[0]?.message).toContain("*.x");
    expect((await run(PREVIEW, { eventTypes: [], last: 101 })).errors?.[0]?.message).toContain("last");
  });
});

test("every type, field, argument and value of these nouns has a description", () => {
  const mine =
    /WebhookDefinition|SigningSecret|Connection$|WorkflowRule|Script|SecretKey|EventType|Dialect|Ordering|OnExhausted|SignatureVersion|Hmac|TargetType|Policy|Priority/;
  const bare = Object.values(schema.getTypeMap())
    .filter((type) => mine.test(type.name))
    .flatMap((type) => {
      const fields = "getFields" in type ? Object.values(type.getFields()) : [];
      const values = "getValues" in type ? type.getValues() : [];
      const args = fields.flatMap((field) => ("args" in field ? field.args : []));
      return [type, ...fields, ...values, ...args].filter((one) => !one.description).map((one) => `${type.name}.${one.name}`);
    });
  expect(bare).toEqual([]);
});
