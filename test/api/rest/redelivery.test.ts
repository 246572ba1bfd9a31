/** CloudEvents sent again: one event per source and id, whatever else differs, by whichever form it comes. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, testApp } from "../../helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

let serial = 0;

async function send(body: unknown, type: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${app.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": type, authorization: `Bearer ${app.adminToken}`, ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const events = async () => Number((await app.t.core.db.pool.query("SELECT count(*) AS count FROM event")).rows[0].count);

describe("B73", () => {
  test("a redelivery with the same source and id is the same event, whatever else differs, in every form", async () => {
    const id = `r-${++serial}`;
    const before = await events();
    const first = { specversion: "1.0", id, source: "/shop", type: "order.created", time: "2026-11-01T08:00:00Z", data: { a: 1, b: 2 } };
    const accepted = await send(first, STRUCTURED);
    expect(accepted.status).toBe(202);
    const again = [
      await send({ ...first, time: "2026-11-02T08:00:00Z" }, STRUCTURED),
      await send({ data: { b: 2, a: 1 }, type: "order.created", source: "/shop", id, specversion: "1.0" }, STRUCTURED),
      await send({ ...first, data: { other: true }, subject: "order/9", type: "order.changed" }, STRUCTURED),
      await send({ c: 3 }, "application/json", { "ce-specversion": "1.0", "ce-id": id, "ce-source": "/shop", "ce-type": "order.created" }),
    ];
    for (const answer of again) expect(answer).toEqual(accepted);
    const batch = await send(
      [
        { ...first, time: undefined },
        { ...first, id: `${id}-new` },
        { ...first, id: `${id}-new`, data: 5 },
      ],
      BATCH,
    );
    expect(batch.status).toBe(202);
    expect(batch.body.events[0]).toEqual(accepted.body);
    expect(batch.body.events[2]).toEqual(batch.body.events[1]);
    // A key that somebody made up, and that reads the same, is no redelivery: that event would be lost.
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
      body: JSON.stringify({
        query: `mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename ... on Event { id } ... on Error { code } } }`,
        variables: { input: { type: "order.created", payload: { z: 1 }, idempotencyKey: `/shop ${id}` } },
      }),
    });
    expect(await response.json()).toMatchObject({ data: { emitEvent: { __typename: "ConflictError", code: "IDEMPOTENCY_KEY_REUSED" } } });
    expect(await events()).toBe(before + 2);
  });

  test("two at once are one event", async () => {
    const before = await events();
    const id = `at-once-${++serial}`;
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => send({ specversion: "1.0", id, source: "/s", type: "order.paid", data: { n } }, STRUCTURED)),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect(await events()).toBe(before + 1);
  });

  test("a plain idempotency key still means one body; in a call of several the error names which", async () => {
    const key = `plain-${++serial}`;
    const event = (payload: unknown) => ({ type: "order.created", payload, idempotencyKey: key });
    expect((await send(event(1), "application/json")).status).toBe(202);
    const alone = await send(event(2), "application/json");
    expect([alone.status, alone.body.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    const several = await send([{ type: "order.created" }, { type: "order.created" }, event(2)], "application/json");
    expect(several.status).toBe(422);
    expect(several.body.detail).toContain("events.2.idempotencyKey");
  });

  test.each([
    ["time", { time: "1" }, 400, "events.1.time"],
    ["time", { time: "2026-02-30T00:00:00Z" }, 400, "events.1.time"],
    ["time", { time: "2026-11-01 08:00:00Z" }, 400, "events.1.time"],
    ["time", { time: "2026-11-01T08:00:00" }, 400, "events.1.time"],
    ["time", { time: "2026-11-01T24:00:00Z" }, 400, "events.1.time"],
    ["time", { time: 1_793_000_000 }, 400, "events.1.time"],
    ["type", { type: undefined }, 400, "events.1.type"],
    ["type", { type: "no type!" }, 400, "events.1.type"],
    ["datacontenttype", { datacontenttype: "text/plain" }, 415, "events.1.datacontenttype"],
    ["data_base64", { data: undefined, data_base64: "bm90IGpzb24=" }, 415, "events.1.data_base64"],
    ["data_base64", { data: undefined, data_base64: "&" }, 400, "events.1.data_base64"],
  ])("a mistake in %s of a batch names its index: %j", async (_, mistake, status, place) => {
    const good = { specversion: "1.0", id: `m-${++serial}`, source: "/s", type: "order.paid", data: {} };
    const answer = await send([good, { ...good, id: `m-${++serial}`, ...mistake }], BATCH);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(place)]);
  });

  test.each([
    ["2026-11-01T08:00:00Z", "2026-11-01T08:00:00.000Z"],
    ["2026-11-01t08:00:00z", "2026-11-01T08:00:00.000Z"],
    ["2026-11-01T08:00:00.123456789+02:00", "2026-11-01T06:00:00.123Z"],
    ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"],
    ["2024-02-29T00:00:00-00:00", "2024-02-29T00:00:00.000Z"],
  ])("RFC 3339: %s", async (time, stored) => {
    const answer = await send({ specversion: "1.0", id: `t-${++serial}`, source: "/s", type: "order.timed", time }, STRUCTURED);
    expect(answer.status).toBe(202);
    const { rows } = await app.t.core.db.pool.query<{ occurred_at: Date }>(
      "SELECT occurred_at FROM event WHERE type = 'order.timed' ORDER BY id DESC LIMIT 1",
    );
    expect(rows[0]?.occurred_at.toISOString()).toBe(stored);
  });
});
