/** Subscribers of the same change share an answer only when it is the same for them. */

import { parse } from "graphql";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { variablesOf } from "../../src/api/graphql/shared-updates.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { overSocket } from "../helpers/live.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";
import { watchTenantStatements } from "../helpers/tenant-statements.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

test("documents, variables and callers that differ get answers of their own; those that do not share the reading", async () => {
  const { organizationId, core } = app.t;
  const definition = await addDefinition(core, organizationId);
  const filter = { webhookDefinitionId: globalId("WebhookDefinition", definition.id) };
  const NAMED = `subscription ($filter: WebhookRequestFilter, $after: String, $with: Boolean = false, $last: Int) {
    webhookRequestUpdated(filter: $filter, after: $after) { request { number event { id payload @include(if: $with) } attempts(last: $last) { totalCount } } } }`;
  const OTHER = "subscription ($after: String) { webhookRequestUpdated(after: $after) { cursor request { state } } }";
  const viewer = await app.token({ role: "VIEWER" });
  const open = [
    overSocket(app, app.adminToken, NAMED, { filter }),
    overSocket(app, app.adminToken, NAMED),
    overSocket(app, viewer, NAMED, { filter }),
    overSocket(app, app.adminToken, NAMED, { filter, with: true, last: 3 }),
    overSocket(app, app.adminToken, OTHER),
  ];
  while (app.doors.feed.subscribers < open.length) await new Promise((resolve) => setTimeout(resolve, 5));
  const statements = watchTenantStatements(core.db);
  await addRequest(core, organizationId, definition, { payload: '{"n":1}' });
  const [a, b, c, d, e] = await Promise.all(open.map(async (s) => (await s.take(1))[0]?.data.webhookRequestUpdated));
  expect(a.request).toEqual({ number: expect.any(Number), event: { id: expect.any(String) }, attempts: { totalCount: 0 } });
  expect(b).toEqual(a);
  expect(c).toEqual(a);
  expect(d.request).toEqual({ ...a.request, event: { ...a.request.event, payload: { n: 1 } } });
  expect(e).toEqual({ cursor: expect.any(String), request: { state: "PENDING" } });
  expect(statements.sent.filter(({ name }) => name === "read-events-by-id")).toHaveLength(1);
  statements.stop();
  for (const subscription of open) subscription.close();
});

test("a variable that is null and one that is absent, which has its default, are answered apart", async () => {
  const { organizationId, core } = app.t;
  const definition = await addDefinition(core, organizationId);
  const document = `subscription ($with: Boolean = true) { webhookRequestUpdated(filter: { webhookDefinitionId: "${globalId("WebhookDefinition", definition.id)}" }) { request { number state @include(if: $with) } } }`;
  const before = app.doors.feed.subscribers;
  const open = [overSocket(app, app.adminToken, document, { with: null }), overSocket(app, app.adminToken, document)];
  while (app.doors.feed.subscribers < before + open.length) await new Promise((resolve) => setTimeout(resolve, 5));
  await addRequest(core, organizationId, definition, { payload: '{"n":1}' });
  const [withNull, without] = await Promise.all(open.map(async (subscription) => (await subscription.take(1))[0]));
  expect(without?.data.webhookRequestUpdated.request).toEqual({ number: expect.any(Number), state: "PENDING" });
  expect(JSON.stringify(withNull)).toContain("@include(if:)");
  for (const subscription of open) subscription.close();
});

test("P7 an update is made into text once for each document and set of variables, however many sockets get it", async () => {
  const { organizationId, core } = app.t;
  const definition = await addDefinition(core, organizationId);
  const filter = { webhookDefinitionId: globalId("WebhookDefinition", definition.id) };
  const documentOf = (fields: string) =>
    `subscription ($filter: WebhookRequestFilter) { webhookRequestUpdated(filter: $filter) { cursor request { ${fields} } } }`;
  const before = app.doors.feed.subscribers;
  const open = ["number", "number state"].flatMap((fields) =>
    Array.from({ length: 20 }, () => overSocket(app, app.adminToken, documentOf(fields), { filter })),
  );
  while (app.doors.feed.subscribers < before + open.length) await new Promise((resolve) => setTimeout(resolve, 5));
  const texts = vi.spyOn(JSON, "stringify");
  await addRequest(core, organizationId, definition, { payload: '{"n":1}' });
  await Promise.all(open.map((subscription) => subscription.take(1)));
  const updates = texts.mock.results.filter(({ value }) => typeof value === "string" && value.includes('"webhookRequestUpdated"'));
  texts.mockRestore();
  expect(updates).toHaveLength(2);
  for (const subscription of open) subscription.close();
});

test("an answer depends on the variables of the selection, not on those that chose the change", () => {
  const document = parse(`subscription ($filter: WebhookRequestFilter, $after: String, $last: Int, $a: Boolean!, $b: Boolean!) {
    webhookRequestUpdated(filter: $filter, after: $after) @include(if: $a) { ...Row } }
    fragment Row on WebhookRequestUpdate { cursor @skip(if: $b) request { attempts(last: $last) { totalCount } } }`);
  expect([...variablesOf(document)].sort()).toEqual(["a", "b", "last"]);
});
