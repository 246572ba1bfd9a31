/** doForms, rule by rule (contract D16–D20): what a receiver says later. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { overSocket } from "../../helpers/live.ts";
import {
  api,
  app,
  ask,
  becomes,
  confirm,
  emit,
  firstKey,
  keyOf,
  listening,
  logged,
  notification,
  receiver,
  settled,
  startDoforms,
} from "./doforms-world.ts";

startDoforms();

describe("calls back", () => {
  test("D16 D17 D18 D19 D20 a received notification is completed later; the answer is the whole notification", async () => {
    const service = await listening();
    await emit(service, "record.updated", { payload: { submissionKey: "sub-9", dispatchKey: 9 } });
    const key = await firstKey();
    await becomes(service, key, "received");
    const answer = await confirm(service, key, { status: "completed", message: "booked" });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        key,
        customerKey: expect.stringMatching(/^org_/),
        submissionKey: "sub-9",
        webserviceId: service.id,
        event: "update",
        status: "completed",
        message: "booked",
        createTime: receiver.calls[0]?.json().createTime,
        updateTime: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    expect((await notification(service, key)).body).toEqual(answer.body);
    // The same again is no mistake, the other one is.
    expect((await confirm(service, key, { status: "completed" })).status).toBe(200);
    expect((await confirm(service, key, { status: "failed" })).body).toMatchObject({ status: 409 });
  });

  test("D17 a final status from the body is final too", async () => {
    receiver.respond({ body: { status: "failed" } });
    const service = await listening();
    await emit(service);
    await becomes(service, await firstKey(), "failed");
    expect((await confirm(service, await firstKey(), { status: "completed" })).status).toBe(409);
    expect((await confirm(service, await firstKey(), { status: "failed" })).status).toBe(200);
  });

  test("D18 D20 wrong credentials are 401, in the same words; another web service's key, or none, is 404; junk is 400", async () => {
    const [service, other] = [await listening(), await listening()];
    await emit(service);
    const key = await firstKey();
    await becomes(service, key, "received");
    const wrong = await Promise.all(
      ["", "nonsense", `${service.id}:wrong`, `unknown:${service.password}`, `${service.id}`, app.adminToken].map((as) =>
        api("PUT", `/notifications/${key}`, { status: "completed" }, as),
      ),
    );
    for (const answer of wrong) expect(answer.body).toMatchObject({ status: 401 });
    expect(new Set(wrong.map((answer) => answer.text)).size).toBe(1);
    expect((await confirm(other, key)).status).toBe(404);
    for (const unknown of [`req_${"0".repeat(32)}`, "nonsense"]) expect((await confirm(service, unknown)).status).toBe(404);
    for (const junk of [{ status: "received" }, { status: "COMPLETED" }, {}, "{", "", { status: "completed", message: 1 }]) {
      expect((await confirm(service, key, junk)).body).toMatchObject({ status: 400 });
    }
    expect((await notification(service, key)).body.status).toBe("received");
  });

  test("D20 an opaque token, for 24 h, is accepted wherever the pair is", async () => {
    const service = await listening();
    const answer = await api("POST", "/tokens/webservice", { id: service.id, password: service.password }, "");
    expect(answer.status).toBe(200);
    const hours = (new Date(answer.body.expires).getTime() - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(24);
    await emit(service);
    const key = await firstKey();
    await becomes(service, key, "received");
    expect((await api("GET", `/notifications/${key}`, undefined, answer.body.token)).body.key).toBe(key);
    expect((await api("PUT", `/notifications/${key}`, { status: "completed" }, answer.body.token)).status).toBe(200);
    const wrong = await api("POST", "/tokens/webservice", { id: service.id, password: "wrong" }, "");
    const unknown = await api("POST", "/tokens/webservice", { id: "unknown", password: "wrong" }, "");
    expect([wrong.status, unknown.status, unknown.text]).toEqual([401, 401, wrong.text]);
    expect((await api("POST", "/tokens/webservice", { id: service.id }, "")).status).toBe(400);
    // It ends with its web service.
    await api("DELETE", `/webservices/${service.id}`);
    await expect.poll(async () => (await api("GET", "/notifications", undefined, answer.body.token)).status, { timeout: 3_000 }).toBe(401);
    expect((await api("GET", "/notifications", undefined, service.credentials)).status).toBe(401);
  });

  test("GET /notifications: its own, newest first, by status, in pages", async () => {
    const service = await listening();
    for (const submissionKey of ["1", "2", "3"]) {
      await emit(service, "record.created", { payload: { submissionKey } });
      await receiver.waitFor(Number(submissionKey));
    }
    const list = async (query = "") => (await api("GET", `/notifications${query}`, undefined, service.credentials)).body;
    await expect.poll(async () => (await list("?status=received")).length).toBe(3);
    const all = await list();
    expect(all.map((each: { submissionKey: string }) => each.submissionKey)).toEqual(["3", "2", "1"]);
    await confirm(service, all[1].key, { status: "failed" });
    expect((await list("?status=failed")).map((each: { submissionKey: string }) => each.submissionKey)).toEqual(["2"]);
    expect((await list("?limit=1&skip=2")).map((each: { submissionKey: string }) => each.submissionKey)).toEqual(["1"]);
    for (const wrong of ["?status=done", "?limit=0", "?limit=x", "?skip=-1"]) expect((await list(wrong)).status).toBe(400);
  });

  test("D17 a call back ends retries that wait", async () => {
    receiver.respond(500);
    const service = await listening();
    await emit(service);
    const key = await firstKey();
    // The last wait, 2.2 s, is long enough to call back in.
    await receiver.waitFor(5);
    await settled(key, "WAITING");
    expect((await confirm(service, key)).body.status).toBe("completed");
    expect(await logged(key)).toMatchObject({ state: "DELIVERED", notificationStatus: "COMPLETED" });
    receiver.respond(200);
    await emit(service, "record.deleted");
    await expect.poll(() => receiver.calls.at(-1)?.path, { timeout: 10_000 }).toBe("/deleted");
    await sleep(2_400);
    expect(receiver.calls.filter((each) => keyOf(each) === key)).toHaveLength(5);
  });

  test("D17 a call back while the call is under way wins over its empty 200", async () => {
    const service = await listening();
    receiver.hold();
    await emit(service);
    const key = await firstKey();
    expect((await confirm(service, key, { status: "failed", message: "told you" })).status).toBe(200);
    receiver.release();
    await settled(key, "DELIVERED");
    expect((await notification(service, key)).body).toMatchObject({ status: "failed", message: "told you" });
  });

  test("D17 a call back while the call is under way ends the retries that its 5xx would bring", async () => {
    const service = await listening();
    receiver.respond(500);
    receiver.hold();
    await emit(service);
    const key = await firstKey();
    expect((await confirm(service, key)).status).toBe(200);
    receiver.release();
    await settled(key, "DELIVERED");
    expect(await logged(key)).toMatchObject({ notificationStatus: "COMPLETED", attempts: [{ outcome: "REJECTED", statusCode: 500 }] });
    receiver.respond(200);
    await emit(service, "record.deleted");
    await expect.poll(() => receiver.calls.at(-1)?.path).toBe("/deleted");
    expect(receiver.calls).toHaveLength(2);
  });

  test("D17 of two at once, one wins", async () => {
    const service = await listening();
    await emit(service);
    const key = await firstKey();
    await becomes(service, key, "received");
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => confirm(service, key, { status: i % 2 ? "completed" : "failed" })),
    );
    const { status } = (await notification(service, key)).body;
    for (const [i, answer] of answers.entries()) expect(answer.status).toBe((i % 2 ? "completed" : "failed") === status ? 200 : 409);
  });

  test("a resend by hand carries the same key, and its status goes back to new", async () => {
    const service = await listening();
    receiver.respond(404);
    await emit(service);
    const key = await firstKey();
    await becomes(service, key, "failed");
    receiver.respond({ body: { status: "completed" } });
    receiver.hold();
    await ask("mutation ($id: ID!) { resendWebhookRequest(input: { id: $id }) { __typename ... on Error { message } } }", { id: key });
    await receiver.waitFor(2);
    expect((await notification(service, key)).body.status).toBe("new");
    receiver.release();
    await becomes(service, key, "completed");
    expect(receiver.calls.map(keyOf)).toEqual([key, key]);
  });

  test("statuses are seen live: a change of the status alone is an update with a cursor of its own", async () => {
    const service = await listening();
    const query = `subscription ($after: String) { webhookRequestUpdated(filter: { eventType: "record.status_changed" }, after: $after) {
      cursor request { id state notificationStatus } } }`;
    const live = overSocket(app, app.adminToken, query);
    await expect.poll(() => app.doors.feed.subscribers).toBe(1);
    await emit(service, "record.status_changed");
    const key = await firstKey();
    await becomes(service, key, "received");
    await confirm(service, key, { status: "completed" });
    // The same again changes nothing, and says nothing.
    await confirm(service, key, { status: "completed" });
    const seen = () => live.updates.map((update) => update.data.webhookRequestUpdated);
    await expect.poll(() => seen().at(-1)?.request.notificationStatus, { timeout: 10_000 }).toBe("COMPLETED");
    const updates = seen();
    expect(updates.map((update) => update.request.id)).toEqual(updates.map(() => key));
    expect(updates.slice(-2).map(({ request }) => [request.state, request.notificationStatus])).toEqual([
      ["DELIVERED", "RECEIVED"],
      ["DELIVERED", "COMPLETED"],
    ]);
    expect(new Set(updates.map((update) => update.cursor)).size).toBe(updates.length);
    const resumed = overSocket(app, app.adminToken, query, { after: updates.at(-2).cursor });
    const [last] = await resumed.take(1);
    expect(last?.data.webhookRequestUpdated).toEqual(updates.at(-1));
    live.close();
    resumed.close();
  });
});
