/** doForms' web services over GraphQL: made, given a target, listed, deleted; another organization's are unknown. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(async () => {
  await app?.close();
});

const FIELDS = "... on WebService { id externalId form events connection { name } webhookDefinition { dialect } } ... on Error { code }";
const ask = (query: string, input: object, token = app.adminToken) => data(app, token, query, { input });
const CREATE = `mutation ($input: CreateWebServiceInput!) { createWebService(input: $input) { __typename ${FIELDS} } }`;
const TARGET = `mutation ($input: SetWebServiceTargetInput!) { setWebServiceTarget(input: $input) { __typename ${FIELDS} } }`;
const DELETE = `mutation ($input: DeleteWebServiceInput!) { deleteWebService(input: $input) { __typename ${FIELDS} } }`;
const LIST =
  "query ($first: Int, $after: String) { webServices(first: $first, after: $after) { totalCount edges { node { externalId } } pageInfo { hasNextPage endCursor } } }";

test("from making it to deleting it", async () => {
  const { createWebService: made } = await ask(CREATE, {
    externalId: "acme$$1",
    form: "Inspection",
    project: "North",
    password: "secret-1",
  });
  expect(made).toMatchObject({ __typename: "WebService", externalId: "acme$$1", events: [], connection: null, webhookDefinition: null });
  expect(await ask(CREATE, { externalId: "acme$$1", form: "F", project: "P", password: "x" })).toMatchObject({
    createWebService: { code: "CONFLICT" },
  });
  await ask(CREATE, { externalId: "acme$$2", form: "Inspection", project: "South", password: "secret-2" });

  const { createConnection } = await ask(
    "mutation ($input: CreateConnectionInput!) { createConnection(input: $input) { ... on Connection { id } } }",
    { name: "Field", urlAdded: "https://field.example/added" },
  );
  const target = { id: made.id, connectionId: createConnection.id, events: ["edited", "added"] };
  expect((await ask(TARGET, target)).setWebServiceTarget).toMatchObject({
    events: ["edited", "added"],
    connection: { name: "Field" },
    webhookDefinition: { dialect: "DOFORMS" },
  });

  const { webServices: first } = await data(app, app.adminToken, LIST, { first: 1 });
  expect(first).toMatchObject({ totalCount: 2, edges: [{ node: { externalId: "acme$$2" } }], pageInfo: { hasNextPage: true } });
  const { webServices: second } = await data(app, app.adminToken, LIST, { first: 1, after: first.pageInfo.endCursor });
  expect(second).toMatchObject({ edges: [{ node: { externalId: "acme$$1" } }], pageInfo: { hasNextPage: false } });

  const stranger = await app.token({ organizationId: (await app.t.organization()).admin.organizationId });
  expect((await data(app, stranger, LIST)).webServices.totalCount).toBe(0);
  for (const [query, input] of [
    [TARGET, target],
    [DELETE, { id: made.id }],
  ] as const) {
    expect(Object.values(await ask(query, input, stranger))[0]).toMatchObject({ code: "NOT_FOUND" });
  }
  expect((await ask(DELETE, { id: made.id })).deleteWebService).toMatchObject({ externalId: "acme$$1" });
  expect((await data(app, app.adminToken, LIST)).webServices.totalCount).toBe(1);
});

test("a target that its definition does not take is not the web service's either", async () => {
  const connect = "mutation ($input: CreateConnectionInput!) { createConnection(input: $input) { ... on Connection { id } } }";
  const connections: string[] = [];
  for (const name of ["First", "Second"]) {
    const made = await ask(connect, { name, urlAdded: "https://field.example/added" });
    connections.push(made.createConnection.id);
  }
  const input = { externalId: "whole$$1", form: "F", project: "P", password: "secret" };
  const { id } = (await ask(CREATE, input)).createWebService;
  expect((await ask(TARGET, { id, connectionId: connections[0], events: ["added"] })).setWebServiceTarget).toMatchObject({
    connection: { name: "First" },
  });
  const { pool } = app.t.core.db;
  const row = async () => {
    const { rows } = await pool.query<{ name: string; events: string[]; definition: string }>(
      `SELECT c.name, w.events, w.definition_id AS definition FROM web_service w JOIN connection c ON c.id = w.connection_id
       WHERE w.external_id = $1`,
      [input.externalId],
    );
    return rows[0];
  };
  const before = await row();
  // Deleted while the change waits for it.
  const changed = await app.t.core.db.transaction(async (client) => {
    await client.query("SELECT FROM webhook_definition WHERE id = $1 FOR UPDATE", [before?.definition]);
    const changing = ask(TARGET, { id, connectionId: connections[1], events: ["edited"] });
    const waiting = async () =>
      (await app.t.asServer("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%webhook_definition%'")).rows
        .length;
    await expect.poll(waiting, { timeout: 3_000 }).toBe(1);
    await client.query("UPDATE webhook_definition SET state = 'STOPPED', deleted_at = now() WHERE id = $1", [before?.definition]);
    return { changing };
  });
  expect((await changed.changing).setWebServiceTarget).toMatchObject({ code: "NOT_FOUND" });
  expect(await row()).toEqual(before);
  // The next one makes a definition of its own.
  expect((await ask(TARGET, { id, connectionId: connections[1], events: ["edited"] })).setWebServiceTarget).toMatchObject({
    connection: { name: "Second" },
    events: ["edited"],
  });
});
