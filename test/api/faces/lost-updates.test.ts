/** Patches at the same moment are made one of the other: none is lost, and a test holds of what is written. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { minimalWebhook, type SuperOffice, startSuperOffice, WEBHOOK } from "./superoffice-server.ts";

let so: SuperOffice;
let receiver: Receiver;
beforeAll(async () => {
  so = await startSuperOffice();
  receiver = await startReceiver();
  receiver.respond(200);
});
afterAll(async () => {
  await so?.close();
  await receiver?.close();
});

const eight = Array.from({ length: 8 }, (_, i) => i);

test("S31 properties, events and tests of eight patches at once", async () => {
  const { WebhookId } = await so.create(minimalWebhook(receiver, { Name: "C", Properties: { n: 1 } }));
  const patch = (body: unknown) => so.call(`${WEBHOOK}/${WebhookId}`, { method: "PATCH", body: body as object });
  const merged = await Promise.all(eight.map((i) => patch({ Properties: { [`k${i}`]: i } })));
  expect(merged.map(({ status }) => status)).toEqual(eight.map(() => 200));
  const added = await Promise.all(eight.map((i) => patch([{ op: "add", path: "/Events/-", value: `e.e${i}` }])));
  expect(added.map(({ status }) => status)).toEqual(eight.map(() => 200));
  const now = (await so.call(`${WEBHOOK}/${WebhookId}`)).json;
  expect(now.Properties).toEqual({ n: 1, ...Object.fromEntries(eight.map((i) => [`k${i}`, i])) });
  for (const i of eight) expect(now.Events).toContain(`e.e${i}`);
  const tested = await Promise.all(
    eight.map((i) =>
      patch([
        { op: "test", path: "/Name", value: "C" },
        { op: "replace", path: "/Name", value: `C${i}` },
      ]),
    ),
  );
  expect(tested.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 409)]);
});

test("S31 If-Unmodified-Since holds of what is written: what changed while the target was asked is not written over", async () => {
  const made = await so.create(minimalWebhook(receiver, { Name: "a" }));
  const path = `${WEBHOOK}/${made.WebhookId}`;
  // The header knows seconds.
  await sleep(1_100 - (Date.now() % 1_000));
  const headers = { "if-unmodified-since": new Date().toUTCString() };
  await sleep(1_100);
  let asked: (() => void) | undefined;
  const asking = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const slow = await startReceiver();
  let answer: ((status: number) => void) | undefined;
  slow.respond(() => {
    asked?.();
    return new Promise<number>((resolve) => {
      answer = resolve;
    });
  });
  try {
    const put = so.call(path, { method: "PUT", headers, body: minimalWebhook(slow, { Name: "a" }) });
    await asking;
    expect((await so.call(path, { method: "PATCH", body: { Name: "b" } })).status).toBe(200);
    answer?.(200);
    expect(await put).toMatchObject({ status: 412, json: { ErrorType: "SoPreconditionFailedException" } });
    expect((await so.call(path)).json).toMatchObject({ Name: "b", TargetUrl: made.TargetUrl });
  } finally {
    await slow.close();
  }
});

test("S31 what is a list or an object where a text is asked for is refused, never a fault", async () => {
  for (const odd of [[1.5], { toString: "x" }, { valueOf: 1, toString: 1 }]) {
    const calls = [
      so.post(WEBHOOK, { ...minimalWebhook(receiver), Type: odd }),
      so.post("/api/v1/Agents/Webhook/GetWebhook", { webhookId: odd }),
      so.post("/api/v1/Agents/Webhook/DeleteWebhook", { webhookId: odd }),
      so.post("/api/v1/Agents/Webhook/SaveWebhook", { ...minimalWebhook(receiver), WebhookId: odd }),
      so.post("/api/v1/Agents/Webhook/GetAllWebhooks", { NameFilter: odd }),
      so.post("/api/v1/Agents/Webhook/GetAllWebhooks", { StatusFilter: odd }),
      so.post("/api/v1/Agents/Webhook/SignalEvent", { EventName: "a.b", PrimaryKey: odd, Data: {} }),
    ];
    for (const { status } of await Promise.all(calls)) expect([400, 404]).toContain(status);
  }
});

test("S31 XML that was read is taken, and changes nothing, also with names that every object inherits", async () => {
  const Properties = { toString: 1, constructor: 2, hasOwnProperty: "x", prototype: [1, 2], n: 1 };
  const { WebhookId } = await so.create(minimalWebhook(receiver, { Properties }));
  const path = `${WEBHOOK}/${WebhookId}`;
  const xml = await so.call(path, { headers: { accept: "application/xml" } });
  for (const method of ["PUT", "PATCH"]) {
    const put = await so.call(path, { method, body: xml.text, headers: { "content-type": "application/xml" } });
    expect([method, put.status]).toEqual([method, 200]);
    expect((await so.call(path)).json.Properties).toEqual(Properties);
  }
});
