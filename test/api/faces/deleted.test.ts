/** Requests of definitions that are deleted end in a state that each face knows: doForms and Cotalker (CRM.COM: crmcom-names.test.ts). */
import { expect, test } from "vitest";
import {
  api,
  app,
  ask,
  confirm,
  emit,
  firstKey,
  listening,
  logged,
  makeConnection,
  notification,
  receiver,
  startDoforms,
  target,
} from "./doforms-world.ts";

startDoforms();

const DELETE =
  "mutation ($input: DeleteWebhookDefinitionInput!) { gone: deleteWebhookDefinition(input: $input) { __typename ... on ConflictError { message } } }";

async function definitionOf(key: string): Promise<string> {
  return (await ask("query ($id: ID!) { webhookRequest(id: $id) { webhookDefinition { id } } }", { id: key })).webhookRequest
    .webhookDefinition.id;
}

test("doForms: a notification that waits when its target is deleted has failed, and its web service still sees it", async () => {
  receiver.respond(503);
  const service = await listening();
  await emit(service);
  const key = await firstKey();
  await expect.poll(async () => (await logged(key)).state, { timeout: 10_000 }).toBe("WAITING");
  await ask(DELETE, { input: { id: await definitionOf(key) } });
  await expect.poll(async () => (await logged(key)).state, { timeout: 10_000 }).toBe("CANCELLED");
  expect((await logged(key)).notificationStatus).toBe("FAILED");
  expect(await notification(service, key)).toMatchObject({ status: 200, body: { key, status: "failed" } });
  const list = await api("GET", "/notifications?status=failed", undefined, service.credentials);
  expect(list.body.map((each: { key: string }) => each.key)).toEqual([key]);
  expect((await confirm(service, key, { status: "failed" })).status).toBe(200);
  expect(await confirm(service, key, { status: "completed" })).toMatchObject({
    status: 409,
    body: { message: "the notification is failed already" },
  });
});

test("doForms: what was delivered before is still called back for, until there is a new target", async () => {
  receiver.respond(200);
  const service = await listening();
  await emit(service);
  const key = await firstKey();
  await expect.poll(async () => (await notification(service, key)).body.status, { timeout: 10_000 }).toBe("received");
  await ask(DELETE, { input: { id: await definitionOf(key) } });
  expect((await api("GET", `/webservices/${service.id}`)).body.target).toBeNull();
  expect(await confirm(service, key)).toMatchObject({ status: 200, body: { status: "completed" } });
  await target(service, await makeConnection());
  expect((await notification(service, key)).status).toBe(404);
});

test("doForms: one that is in flight when its target is deleted ends, whatever is answered", async () => {
  const service = await listening();
  receiver.respond({ status: 503, delayMs: 2_000 });
  await emit(service);
  const key = await firstKey();
  await ask(DELETE, { input: { id: await definitionOf(key) } });
  await expect.poll(() => logged(key), { timeout: 25_000 }).toMatchObject({ notificationStatus: "FAILED" });
  expect((await notification(service, key)).body.status).toBe("failed");
});

test("Cotalker: a deleted webhook has no log, and what was queued is not sent", async () => {
  receiver.respond(503);
  const headers = { authorization: `Bearer ${app.adminToken}`, admin: "true", "content-type": "application/json" };
  const base = `${app.url}/api/v3/webhook/subscription`;
  const body = JSON.stringify({ name: "Gone", url: `${receiver.url}/gone`, trigger: "logout-user" });
  const { _id } = (await (await fetch(base, { method: "POST", headers, body })).json()) as { _id: string };
  const log = () => fetch(`${base}/logs/${_id}`, { headers });
  for (const entityId of ["1", "2", "3"]) {
    const event = JSON.stringify({ type: "user.logged_out", entity: "user", entityId, payload: {} });
    await fetch(`${app.url}/v1/events`, { method: "POST", headers, body: event });
  }
  await expect.poll(async () => ((await (await log()).json()) as unknown[]).length, { timeout: 10_000 }).toBeGreaterThan(0);
  const { webhookDefinition } = await ask('query { webhookDefinition(code: "gone") { id } }');
  await ask(DELETE, { input: { id: webhookDefinition.id } });
  expect((await log()).status).toBe(404);
  expect((await fetch(`${base}/${_id}`, { headers })).status).toBe(404);
  const states = async () =>
    (
      await ask("query ($f: WebhookRequestFilter) { webhookRequests(first: 10, filter: $f) { edges { node { state errorCode } } } }", {
        f: { eventType: "user.logged_out" },
      })
    ).webhookRequests.edges.map((edge: { node: { state: string } }) => edge.node.state);
  await expect.poll(states, { timeout: 15_000 }).not.toEqual(expect.arrayContaining([expect.stringMatching(/PENDING|WAITING|SENDING/)]));
});
