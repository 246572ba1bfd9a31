/** Recovery as a client of GraphQL tries it, and with a real process that is killed in the middle. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRunMissed } from "../../src/events/missed.ts";
import { resumeReplays, workReplays } from "../../src/requests/replay-run.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { data } from "../helpers/graphql.ts";
import { overSocket } from "../helpers/live.ts";
import { type Program, startProgram } from "../helpers/program.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
const programs: Program[] = [];
beforeAll(async () => {
  app = await testApp({ retryScale: 0.001 }, { worker: true });
  receiver = await startReceiver();
  await workReplays(app.doors.core, app.queue, createRunMissed(app.doors.core, app.doors.ingest));
});
afterAll(async () => {
  for (const program of programs) await program.kill().catch(() => undefined);
  await app?.close();
  await receiver?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
type Answer = any;
const ask = (query: string, variables?: Record<string, unknown>): Promise<Answer> => data(app, app.adminToken, query, variables);
const ERRORS = "... on Error { code message } ... on ValidationError { issues { path message } }";
const REPLAY = "id kind total done failed state ratePerSecond createdAt finishedAt";
const since = new Date(Date.now() - 3_600_000).toISOString();

let serial = 0;
async function definition(more: Record<string, unknown> = {}): Promise<{ id: string; type: string; path: string }> {
  const [type, path] = [`rec${++serial}.made`, `/rec/${serial}`];
  const input = { name: `R ${serial}`, targetUrl: receiver.url + path, eventTypes: [type], retrySchedule: [], ...more };
  const made = await ask(
    `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { ... on CreatedWebhookDefinition { definition { id } } ${ERRORS} } }`,
    { input },
  );
  return { id: made.createWebhookDefinition.definition.id, type, path };
}
const emit = (type: string, count: number) =>
  ask(`mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { ... on EmittedEvents { events { id } } ${ERRORS} } }`, {
    input: { events: Array.from({ length: count }, (_, n) => ({ type, payload: { n } })) },
  });
const replay = async (name: "createReplay" | "planReplay", input: Record<string, unknown>): Promise<Answer> => {
  const fields =
    name === "createReplay"
      ? `... on Replay { ${REPLAY} }`
      : "... on ReplayPlan { total totalCapped oldest newest webhookDefinitions { total webhookDefinition { id } } }";
  return (await ask(`mutation ($input: ReplayInput!) { ${name}(input: $input) { __typename ${fields} ${ERRORS} } }`, { input }))[name];
};
const at = (path: string) => receiver.calls.filter((call) => call.path === path);

async function finished(id: string): Promise<Answer> {
  for (const deadline = Date.now() + 20_000; ; await sleep(25)) {
    const { node } = await ask(`query ($id: ID!) { node(id: $id) { ... on Replay { ${REPLAY} } } }`, { id });
    if (node.state !== "RUNNING") return node;
    if (Date.now() > deadline) throw new Error(JSON.stringify(node));
  }
}

describe("REJECTED", () => {
  test("planned, shown by webhook and error, replayed with progress; a second run finds nothing more", async () => {
    const [a, b] = [await definition(), await definition()];
    let broken = true;
    receiver.respond((call) => (broken && [a.path, b.path].includes(call.path) ? (call.path === a.path ? 500 : 404) : 200));
    await emit(a.type, 7);
    await emit(b.type, 3);
    const rejected = "{ rejectedRequests { webhookDefinition { id } errorCode count oldest newest capped } }";
    const groups = () => ask(rejected).then((answer) => answer.rejectedRequests);
    await expect.poll(async () => (await groups()).map((g: Answer) => g.count), { timeout: 10_000 }).toEqual([7, 3]);
    expect((await groups())[0]).toEqual({
      ...{ webhookDefinition: { id: a.id }, errorCode: "HTTP_STATUS", count: 7, capped: false },
      ...{ oldest: expect.any(String), newest: expect.any(String) },
    });
    const plan = await replay("planReplay", { kind: "REJECTED", since });
    expect(plan).toMatchObject({ __typename: "ReplayPlan", total: 10, totalCapped: false });
    expect(plan.webhookDefinitions).toEqual([
      { total: 7, webhookDefinition: { id: a.id } },
      { total: 3, webhookDefinition: { id: b.id } },
    ]);
    expect(await replay("planReplay", { kind: "REJECTED", since, webhookDefinitionId: b.id })).toMatchObject({ total: 3 });
    expect(
      await replay("planReplay", { kind: "REJECTED", since, filter: { webhookDefinitionId: b.id, errorCode: "TIMEOUT" } }),
    ).toMatchObject({ total: 0 });
    broken = false;
    const started = await replay("createReplay", { kind: "REJECTED", since, ratePerSecond: 5 });
    expect(started).toMatchObject({ __typename: "Replay", kind: "REJECTED", total: 10, ratePerSecond: 5, failed: 0, finishedAt: null });
    const live = overSocket(app, app.adminToken, `subscription { replayUpdated(id: "${started.id}") { done state } }`);
    expect(await finished(started.id)).toMatchObject({ done: 10, state: "DONE", finishedAt: expect.any(String) });
    await live.ended;
    expect(live.updates.at(-1)?.data.replayUpdated).toEqual({ done: 10, state: "DONE" });
    await expect.poll(groups, { timeout: 10_000 }).toEqual([]);
    expect(await replay("createReplay", { kind: "REJECTED", since })).toMatchObject({ total: 0, state: "DONE" });
    expect(at(a.path).map((call) => call.json().data.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6]);
  });
});

describe("MISSED", () => {
  test("activateWebhookDefinitions with recoverMissedSince sends what was missed; a foreign replay is nobody's", async () => {
    const { id, type, path } = await definition();
    await ask(`mutation { stopWebhookDefinitions(input: { ids: ["${id}"] }) { __typename } }`);
    await emit(type, 5);
    expect(await replay("planReplay", { kind: "MISSED", webhookDefinitionId: id, since })).toMatchObject({ total: 5 });
    expect(await replay("createReplay", { kind: "MISSED", webhookDefinitionId: id, since })).toMatchObject({
      ...{ __typename: "ConflictError", code: "DEFINITION_NOT_ACTIVE" },
    });
    const answer = await ask(
      `mutation ($input: ActivateWebhookDefinitionsInput!) { activateWebhookDefinitions(input: $input) {
         ... on WebhookDefinitionList { webhookDefinitions { state } replays { id kind } } ${ERRORS} } }`,
      { input: { ids: [id], recoverMissedSince: since } },
    );
    const { webhookDefinitions, replays } = answer.activateWebhookDefinitions;
    expect(webhookDefinitions).toEqual([{ state: "ACTIVE" }]);
    expect(await finished(replays[0].id)).toMatchObject({ kind: "MISSED", total: 5, done: 5, state: "DONE" });
    await receiver.waitFor(() => at(path).length === 5);
    const other = await app.t.organization();
    const token = await app.token({ organizationId: other.id });
    const cancel = `mutation { cancelReplay(input: { id: "${replays[0].id}" }) { __typename ${ERRORS} } }`;
    expect((await data(app, token, cancel)).cancelReplay).toMatchObject({ __typename: "NotFoundError" });
    expect((await ask(cancel)).cancelReplay).toMatchObject({ __typename: "ConflictError", code: "NOT_RUNNING" });
    const late = await ask(
      `mutation ($input: ActivateWebhookDefinitionsInput!) { activateWebhookDefinitions(input: $input) { __typename ${ERRORS} } }`,
      { input: { ids: [id], recoverMissedSince: new Date(Date.now() + 3_600_000).toISOString() } },
    );
    expect(late.activateWebhookDefinitions).toMatchObject({ issues: [{ path: "recoverMissedSince" }] });
    expect(await replay("createReplay", { kind: "MISSED", since })).toMatchObject({ issues: [{ path: "webhookDefinitionId" }] });
  });

  test("kill -9 of a process in the middle: another goes on, and every event has one request", async () => {
    const { id, type, path } = await definition({ name: "Killed" });
    await ask(`mutation { stopWebhookDefinitions(input: { ids: ["${id}"] }) { __typename } }`);
    await emit(type, 400);
    await ask(`mutation { activateWebhookDefinitions(input: { ids: ["${id}"] }) { __typename } }`);
    const program = startProgram({
      ...{ DATABASE_URL: app.t.url, HOOKLINE_MASTER_KEY: `1:${MASTER_KEY_TEXT}`, HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8" },
      HOOKLINE_DATA_DIR: `${app.t.core.config.dataDir}/killed`,
    });
    programs.push(program);
    await program.up();
    // Of the two processes that take its jobs one is killed with a batch in its hands.
    const started = await replay("createReplay", { kind: "MISSED", webhookDefinitionId: id, since, ratePerSecond: 40 });
    await receiver.waitFor(() => at(path).length >= 80, 30_000);
    await program.kill();
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(500)) {
      const { node } = await ask(`query ($id: ID!) { node(id: $id) { ... on Replay { state } } }`, { id: started.id });
      if (node.state !== "RUNNING") break;
      // The job of the killed one comes back by itself after two minutes; what it did not write is all there is to do.
      await resumeReplays(app.doors.core, app.doors.jobs, 2_000);
    }
    expect(await finished(started.id)).toMatchObject({ total: 400, done: 400, state: "DONE" });
    const { rows } = await app.t.core.db.pool.query(
      "SELECT count(*)::int AS count, count(DISTINCT event_id)::int AS events FROM webhook_request WHERE event_type = $1",
      [type],
    );
    expect(rows).toEqual([{ count: 400, events: 400 }]);
    // The lane of the killed process is free when its lease has passed.
    await receiver.waitFor(() => new Set(at(path).map((call) => call.json().data.n)).size === 400, 60_000);
  }, 180_000);
});

test("pauseAllDeliveries and resumeAllDeliveries, with and without an input", async () => {
  const paused = await ask(
    `mutation { pauseAllDeliveries(input: { reason: "night" }) { ... on Organization { id deliveriesPausedAt } ${ERRORS} } }`,
  );
  expect(paused.pauseAllDeliveries.deliveriesPausedAt).toEqual(expect.any(String));
  expect((await ask("{ organization { deliveriesPausedAt } }")).organization).toEqual({
    deliveriesPausedAt: paused.pauseAllDeliveries.deliveriesPausedAt,
  });
  const resumed = await ask(`mutation { resumeAllDeliveries { ... on Organization { deliveriesPausedAt } ${ERRORS} } }`);
  expect(resumed.resumeAllDeliveries).toEqual({ deliveriesPausedAt: null });
  const { auditEntries } = await ask("{ auditEntries(first: 2) { edges { node { action } } } }");
  expect(auditEntries.edges.map((edge: Answer) => edge.node.action)).toEqual([
    "organization.resumeAllDeliveries",
    "organization.pauseAllDeliveries",
  ]);
});
