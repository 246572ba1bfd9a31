/** Transformations and payload queries over GraphQL: dry runs, and what saving refuses. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { data, graphql } from "../../helpers/graphql.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
beforeAll(async () => {
  app = await testApp({ retryScale: 0.001 }, { worker: true });
  receiver = await startReceiver();
});
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});

const DRY_RUN = `mutation ($input: DryRunTransformationInput!) { dryRunTransformation(input: $input) {
  __typename ... on TransformationResult { send body headers urlSuffix console error durationMs } ... on Error { code message } } }`;
const CREATE = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) {
  __typename ... on CreatedWebhookDefinition { definition { id } } ... on ValidationError { issues { path message } } } }`;
const EMIT = `mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename ... on Event { id } } }`;

const event = { type: "order.created", entity: "order", entityId: "18", payload: { total: 120 } };
const dryRun = async (transformation: string, more: object = {}, token = app.adminToken) =>
  (await data(app, token, DRY_RUN, { input: { transformation, event, ...more } })).dryRunTransformation;
const create = async (more: object) =>
  (await data(app, app.adminToken, CREATE, { input: { name: "x", targetUrl: `${receiver.url}/hook`, eventTypes: ["order.*"], ...more } }))
    .createWebhookDefinition;

describe("dryRunTransformation", () => {
  test("shows what would be sent, to a viewer too, and logs nothing", async () => {
    const viewer = await app.token({ role: "VIEWER" });
    const source =
      "function transform(e) { console.log(e.type); return { body: { id: e.id, n: e.payload.total }, headers: { 'X-A': '1' }, urlSuffix: '/a' } }";
    expect(await dryRun(source, {}, viewer)).toEqual({
      __typename: "TransformationResult",
      ...{ send: true, body: { id: expect.stringMatching(/^evt_[0-9a-f]{32}$/), n: 120 }, headers: { "X-A": "1" }, urlSuffix: "/a" },
      ...{ console: ["order.created"], error: null, durationMs: expect.any(Number) },
    });
    expect(await app.t.core.db.unscoped.event.count()).toBe(0);
    expect(receiver.calls).toHaveLength(0);
  });

  test("do not send, errors and endless loops are results", async () => {
    const nothing = { send: false, body: null, headers: null, urlSuffix: null };
    expect(await dryRun("function transform() { return null }")).toMatchObject({ ...nothing, error: null });
    expect(await dryRun("function transform() { boom() }")).toMatchObject({ ...nothing, error: expect.stringContaining("boom") });
    expect(await dryRun("function transform() { for (;;) {} }")).toMatchObject({ ...nothing, error: "took longer than 1 s" });
    expect(await dryRun("nonsense(")).toMatchObject({ ...nothing, error: expect.stringContaining("SyntaxError") });
  });

  test("an unknown definition is NotFoundError; no token, no run", async () => {
    const webhookDefinitionId = `whd_${"0".repeat(32)}`;
    expect(await dryRun("function transform() {}", { webhookDefinitionId })).toMatchObject({ __typename: "NotFoundError" });
    const input = { transformation: "function transform() {}", event };
    expect((await graphql(app, DRY_RUN, { variables: { input } })).status).toBe(401);
    const token = await app.token({ scopes: ["goals:read"] });
    const answer = await graphql(app, DRY_RUN, { token, variables: { input } });
    expect(answer.body.data.dryRunTransformation.__typename).toBe("ForbiddenError");
  });
});

describe("definitions", () => {
  test("a source that does not define transform, and a query that does not fit, are refused with their path", async () => {
    expect(await create({ transformation: "const x = 1" })).toMatchObject({ issues: [{ path: "transformation" }] });
    expect(await create({ transformation: "function transform(" })).toMatchObject({ issues: [{ path: "transformation" }] });
    expect(await create({ payloadQuery: "{ event { nope } }" })).toMatchObject({ issues: [{ path: "payloadQuery" }] });
  });

  test("what is shaped is what is sent, and hostile sources cost other lanes nothing", async () => {
    const shapes = [
      {
        transformation:
          "function transform(e) { return { body: { n: e.payload.n }, headers: { 'x-n': String(e.payload.n) }, urlSuffix: '/t' } }",
      },
      { payloadQuery: '{ event { n: payload(path: "n") } }' },
      { transformation: "function transform() { for (;;) {} }" },
      { transformation: "function transform() { return null }" },
    ];
    for (const shape of shapes) expect(await create(shape)).toMatchObject({ __typename: "CreatedWebhookDefinition" });
    await data(app, app.adminToken, EMIT, { input: { type: "order.paid", payload: { n: 1 } } });
    const calls = await receiver.waitFor(2);
    expect(calls.map((call) => [call.path, call.body.toString(), call.headers["x-n"]]).sort()).toEqual([
      ["/hook", '{"event":{"n":1}}', undefined],
      ["/hook/t", '{"n":1}', "1"],
    ]);
    const states = () =>
      app.t.core.db.unscoped.webhookRequest.findMany({ orderBy: { number: "asc" }, select: { state: true, errorCode: true } });
    await expect.poll(states, { timeout: 10_000 }).toEqual([
      { state: "DELIVERED", errorCode: null },
      { state: "DELIVERED", errorCode: null },
      { state: "REJECTED", errorCode: "TRANSFORMATION_ERROR" },
      { state: "SKIPPED", errorCode: null },
    ]);
    expect(receiver.calls).toHaveLength(2);
    // Nobody waited for the one that ran its whole second.
    const endless = await app.t.core.db.unscoped.webhookRequest.findFirstOrThrow({ where: { errorCode: "TRANSFORMATION_ERROR" } });
    for (const { time } of calls) expect(time.getTime()).toBeLessThan((endless.settledAt as Date).getTime());
  });
});
