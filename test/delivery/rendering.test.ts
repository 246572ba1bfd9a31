/** A transformation's body, suffix and headers are one rendering: made once, kept, or made anew together. */
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDefinition, updateDefinition } from "../../src/definitions/definitions.ts";
import { resend } from "../../src/delivery/control.ts";
import { contentsOf } from "../../src/requests/attempt.ts";
import { shownContent } from "../../src/requests/shown.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;

beforeAll(async () => {
  d = await openDelivery({ retryScale: 0.02 });
  receiver = await startReceiver();
});
beforeEach(() => {
  receiver.calls.splice(0);
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

/** Says in all three parts which version made it. */
const version = (n: number) => `function transform(event) {
  return { body: { version: ${n}, payload: event.payload }, urlSuffix: "/v${n}", headers: { "x-version": "${n}", "x-api-key": "secret-of-${n}" } };
}`;
const seen = () => receiver.calls.map((call) => [call.path, call.json().version, call.headers["x-version"], call.headers["x-api-key"]]);
const of = (n: number, path: string) => [`${path}/v${n}`, n, String(n), `secret-of-${n}`];
const change = (id: string, input: object) => updateDefinition(d.t.core, d.t.admin, id, input as never, d.engine.engine);
const payload = JSON.stringify({ text: "é😀".repeat(60), n: 1.5 });
const sent = () => receiver.calls.map((call) => call.body.toString());

/** The bodies of a request's attempts as the log shows them. */
async function shown(requestId: string): Promise<(string | null)[]> {
  const attempts = (await d.attempts(requestId)).map(({ number }) => ({ requestId, number }));
  const contents = await contentsOf(d.t.core.db.pool, d.t.organizationId, attempts);
  const none = { requestHeaders: null, requestBody: null, responseHeaders: null, responseBody: null };
  return attempts.map((_, place) => shownContent(d.t.core, d.t.admin, contents.get(place) ?? none).requestBody);
}

describe("B72", () => {
  it("a transformation that is mended during the retries changes no part of what was rendered; the target may change", async () => {
    const id = await d.definition({
      ...{ targetUrl: `${receiver.url}/a`, eventTypes: ["mend.me"], retrySchedule: [1, 1, 1] },
      transformation: version(1),
    });
    let n = 0;
    receiver.respond(async () => {
      n += 1;
      if (n === 1) await change(id, { transformation: version(2) });
      if (n === 2) await change(id, { transformation: null, targetUrl: `${receiver.url}/b` });
      return n < 4 ? 500 : 200;
    });
    await d.emit("mend.me", { payload });
    const request = await d.request(id, "DELIVERED");
    expect(seen()).toEqual([of(1, "/a"), of(1, "/a"), of(1, "/b"), of(1, "/b")]);
    expect(new Set(sent()).size).toBe(1);
    const attempts = await d.attempts(request);
    expect(attempts.map((a) => a.rerendered)).toEqual([false, false, false, false]);
    // Nothing that is a secret stands in the log, sealed or shown.
    expect(JSON.stringify(attempts)).not.toContain("secret-of-1");
    expect(await shown(request)).toEqual(sent());
  });

  it("a resend sends the kept rendering; with rerender all three are made anew, under the same id, and kept from then on", async () => {
    const input = { name: "x", targetUrl: `${receiver.url}/c`, eventTypes: ["again.*"], transformation: version(1), retrySchedule: [1] };
    const { definition, signingSecret } = await createDefinition(d.t.core, d.t.admin, input as never, d.engine.engine);
    const statuses = [500, 500, 200, 500, 200, 200];
    receiver.respond(() => statuses.shift() ?? 200);
    await d.emit("again.now", { payload });
    const request = await d.request(definition.id, "REJECTED");
    await change(definition.id, { transformation: version(2) });
    await resend(d.t.core, d.t.organizationId, request);
    await d.request(definition.id, "DELIVERED");
    expect(seen()).toEqual([of(1, "/c"), of(1, "/c"), of(1, "/c")]);
    await resend(d.t.core, d.t.organizationId, request, { force: true, rerender: true });
    await receiver.waitFor(5);
    await d.request(definition.id, "DELIVERED");
    // The retry of what was made anew is that one again, whatever the definition says meanwhile.
    expect(seen().slice(3)).toEqual([of(2, "/c"), of(2, "/c")]);
    await change(definition.id, { transformation: version(3) });
    await resend(d.t.core, d.t.organizationId, request, { force: true });
    await receiver.waitFor(6);
    await d.request(definition.id, "DELIVERED");
    expect(seen().at(-1)).toEqual(of(2, "/c"));
    expect((await d.attempts(request)).map((a) => a.rerendered)).toEqual([false, false, false, true, false, false]);
    expect(new Set(receiver.calls.map((call) => call.headers["webhook-id"])).size).toBe(1);
    const webhook = new Webhook(signingSecret ?? "");
    for (const call of receiver.calls)
      expect(() => webhook.verify(call.body.toString(), call.headers as Record<string, string>)).not.toThrow();
    expect(await shown(request)).toEqual(sent());
  });

  it("rerender uses whatever the definition is now, also without a transformation", async () => {
    const id = await d.definition({
      targetUrl: `${receiver.url}/d`,
      eventTypes: ["plain.*"],
      retrySchedule: [],
      properties: { region: "eu" },
    });
    const statuses = [500];
    receiver.respond(() => statuses.shift() ?? 200);
    await d.emit("plain.now", { payload });
    const request = await d.request(id, "REJECTED");
    await change(id, { properties: { region: "us" } });
    await resend(d.t.core, d.t.organizationId, request, { rerender: true });
    await d.request(id, "DELIVERED");
    expect(receiver.calls.map((call) => call.json().region)).toEqual(["eu", "us"]);
  });

  it("CRM.COM renders a resend anew, and its retries keep what that made", async () => {
    const id = await d.definition({
      ...{ targetUrl: `${receiver.url}/e`, eventTypes: ["crm.*"], dialect: "CRMCOM", retrySchedule: [1], fieldsSet: ["a"] },
    });
    const statuses = [500, 500, 500];
    receiver.respond(() => statuses.shift() ?? 200);
    await d.emit("crm.now", { payload: '{"a":1,"b":2}' });
    const request = await d.request(id, "REJECTED");
    await change(id, { fieldsSet: ["b"] });
    await resend(d.t.core, d.t.organizationId, request);
    await d.request(id, "DELIVERED");
    expect(receiver.calls.map((call) => call.json().data)).toEqual([{ a: 1 }, { a: 1 }, { b: 2 }, { b: 2 }]);
    expect((await d.attempts(request)).map((a) => a.rerendered)).toEqual([false, false, true, false]);
  });
});

describe("ENGINE 12: a body that holds its event's payload is not stored with it", () => {
  it("the log shows and the retry sends the same bytes all the same", async () => {
    const id = await d.definition({
      ...{
        targetUrl: `${receiver.url}/f`,
        eventTypes: ["stored.*"],
        retrySchedule: [1],
        properties: { né: "😀" },
        publicProperties: ["né"],
      },
    });
    const statuses = [500];
    receiver.respond(() => statuses.shift() ?? 200);
    await d.emit("stored.once", { payload });
    const request = await d.request(id, "DELIVERED");
    const [first, second] = await d.attempts(request);
    expect(first?.request_body?.length).toBeLessThan(80);
    expect(first?.request_tail).toBe("}");
    expect(second).toMatchObject({ request_body: null, request_tail: null });
    expect(await shown(request)).toEqual(sent());
    expect(sent()[0]).toBe(sent()[1]);
    expect(sent()[0]).toContain(payload);
    // Nor is the event's id, which every call carries.
    const contents = await contentsOf(d.t.core.db.pool, d.t.organizationId, [{ requestId: request, number: 1 }]);
    expect(contents.get(0)?.requestHeaders).toMatchObject({ "webhook-id": receiver.calls[0]?.headers["webhook-id"] });
    expect(first?.request_headers?.["webhook-id"]).toHaveLength(1);
  });

  it.each([
    ["every dialect's", "SUPEROFFICE", {}],
    ["one that quotes its own event", "STANDARD", { occurredAt: new Date("1999-12-31T23:59:59.007Z"), entity: 'a"b', entityId: "\\1 é" }],
    ["a year that Postgres writes otherwise", "STANDARD", { occurredAt: new Date("+010000-01-01T00:00:00.001Z") }],
    ["a payload that looks like an envelope", "STANDARD", { payload: JSON.stringify({ time: "x".repeat(60), data: '"type":"odd.one",' }) }],
  ] as const)("%s body comes out of the log as it went", async (name, dialect, more) => {
    const type = `odd.${name.replaceAll(/\W/g, "")}`;
    const id = await d.definition({
      ...{ targetUrl: `${receiver.url}/g`, eventTypes: [type], dialect, retrySchedule: [1, 1] },
      properties: { kind: `"type":"${type}",` },
    });
    const statuses = [500];
    receiver.respond(() => statuses.shift() ?? 200);
    await d.emit(type, { payload, ...more });
    const request = await d.request(id, "DELIVERED");
    expect(await shown(request)).toEqual(sent());
    expect(sent()[0]).toBe(sent()[1]);
  });
});
