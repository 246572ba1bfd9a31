/** The log and the events as files: what stands in them, who may have them, and what they cost. */
import { once } from "node:events";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { textOf } from "../../../src/api/rest/lines.ts";
import { EXPORT_PAGE } from "../../../src/requests/pages.ts";
import { testApp } from "../../helpers/app.ts";
import { addDefinition, addRequest, settle } from "../../helpers/log.ts";

const app = await testApp();
afterAll(app.close);
const { t } = app;

const get = (path: string, token: string | null = app.adminToken) =>
  fetch(app.url + path, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });
const linesOf = async (path: string, token?: string) => {
  const answer = await get(path, token);
  expect(answer.status, path).toBe(200);
  const text = await answer.text();
  return text === ""
    ? []
    : text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
};

let definition: { id: string; laneId: string };
beforeAll(async () => {
  definition = await addDefinition(t.core, t.organizationId, 'Orders, "all"');
  const failed = await addRequest(t.core, t.organizationId, definition, {
    entityId: "=1+1",
    url: "https://shop.example/hooks?key=s3cr3t#part",
  });
  await settle(t.core, t.organizationId, [{ request: failed, state: "REJECTED", attempt: { outcome: "REJECTED", statusCode: 500 } }]);
  await t.core.db.pool.query(
    "UPDATE webhook_request SET error_code = 'HTTP_500', error_description = $3 WHERE organization_id = $1 AND id = $2",
    [...[t.organizationId, failed.id, 'said "no",\nand left']],
  );
  await addRequest(t.core, t.organizationId, definition, { eventType: "contact.created", entity: "contact", entityId: "7" });
  await t.core.db.pool.query(
    "INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at) VALUES (lowest_id(now() - interval '1 minute'), $1, 'order.unwanted', '{}', now(), now() - interval '1 minute')",
    [t.organizationId],
  );
});

test("requests as NDJSON and CSV, with the log's filter", async () => {
  const all = await linesOf("/v1/requests.ndjson");
  expect(all.map((line) => line.state)).toEqual(["PENDING", "REJECTED"]);
  expect(all[1]).toMatchObject({
    ...{ number: 1, eventType: "order.created", entityId: "=1+1", webhook: 'Orders, "all"', statusCode: 500, attemptCount: 1 },
    ...{ url: "https://shop.example/hooks?key=s3cr3t", errorCode: "HTTP_500", isTest: false },
  });
  for (const [query, numbers] of [
    ["state=REJECTED,DELIVERED", [1]],
    ["lifeCycleState=PENDING", [2]],
    ["eventType=order.*", [1]],
    ["entityId=7", [2]],
    ["errorCode=HTTP_500", [1]],
    ["number=2", [2]],
    ["createdBefore=2020-01-01T00:00:00Z", []],
    [`webhookDefinitionId=whd_${definition.id.replaceAll("-", "")}`, [2, 1]],
    ["webhookDefinitionId=nobody", []],
    [`after=${all[0].id}`, [1]],
    [`after=${all[1].id}`, []],
  ] as const)
    expect(
      (await linesOf(`/v1/requests.ndjson?${query}`)).map((line) => line.number),
      query,
    ).toEqual(numbers);

  const csv = await get("/v1/requests.csv?state=REJECTED");
  expect(csv.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  expect(csv.headers.get("content-disposition")).toMatch(/^attachment; filename="hookline-requests-\d{4}-\d\d-\d\d\.csv"$/);
  const [head, ...rest] = (await csv.text()).split("\r\n");
  expect(head).toMatch(/^number,id,state,eventType,entity,entityId,webhook,/);
  // Quotes are doubled, and no spreadsheet runs what an emitter wrote.
  expect(rest[0]).toContain(`REJECTED,order.created,order,'=1+1,"Orders, ""all""",`);
  expect(rest.join("\r\n")).toContain('"said ""no"",\nand left"');
  // Empty, it still has its head.
  expect(await (await get("/v1/requests.csv?number=77")).text()).toBe(`${head}\r\n`);
});

test("events, where each went, and those that nothing wanted", async () => {
  const all = await linesOf("/v1/events.ndjson");
  expect(all.map((line) => [line.type, line.requests])).toEqual([
    ["contact.created", [2]],
    ["order.created", [1]],
    ["order.unwanted", []],
  ]);
  expect((await linesOf("/v1/events.ndjson?matched=false")).map((line) => line.type)).toEqual(["order.unwanted"]);
  expect((await linesOf("/v1/events.ndjson?type=*.created,nothing")).map((line) => line.type)).toEqual([
    "contact.created",
    "order.created",
  ]);
  expect(await linesOf("/v1/events.ndjson?application=nobody")).toEqual([]);
  expect(await (await get("/v1/events.csv?entityId=7")).text()).toMatch(
    /^id,type,entity,.*\r\nevt_[0-9a-f]{32},contact\.created,contact,7,.*,2\r\n$/,
  );
});

test("what is wrong is named; rights are the list's", async () => {
  for (const [path, place] of [
    ["/v1/requests.csv?state=WRONG", "state"],
    ["/v1/requests.csv?states=REJECTED", "states"],
    ["/v1/requests.csv?createdAfter=yesterday", "createdAfter"],
    ["/v1/requests.csv?number=x", "number"],
    ["/v1/requests.csv?after=evt_1", "after"],
    ["/v1/requests.csv?entity=a&entity=b", "entity"],
    ["/v1/events.csv?type=or*der", "type"],
    ["/v1/events.csv?matched=maybe", "matched"],
  ] as const) {
    const answer = await get(path);
    expect([path, answer.status, answer.headers.get("content-type")]).toEqual([path, 400, "application/problem+json; charset=utf-8"]);
    expect(await answer.text()).toContain(place);
  }
  const foreign = await app.t.organization();
  const stranger = await app.token({ organizationId: foreign.id });
  const nobody = await app.token({ scopes: ["goals:read"] });
  const reader = await app.token({ scopes: ["webhooks:read"] });
  for (const name of ["requests", "events"]) {
    expect(await linesOf(`/v1/${name}.ndjson`, stranger)).toEqual([]);
    expect((await get(`/v1/${name}.csv`, nobody)).status).toBe(403);
    expect((await get(`/v1/${name}.csv`, null)).status).toBe(401);
  }
  expect(await linesOf("/v1/requests.ndjson?number=1", reader)).toMatchObject([{ url: "https://shop.example/hooks?key=***" }]);
});

test("a long log is whole, in pages; a fifth at once is refused, and who leaves gives the place back", { timeout: 120_000 }, async () => {
  const many = 40 * EXPORT_PAGE;
  const { id } = await t.organization();
  const token = await app.token({ organizationId: id });
  const own = await addDefinition(t.core, id);
  await t.core.db.pool.query(
    `INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at)
     SELECT (substr(lowest_id(now())::text, 1, 24) || lpad(to_hex(i), 12, '0'))::uuid, $1, 'order.created', '{}', now(), now() FROM generate_series(1, $2::int) i`,
    [id, many],
  );
  await t.core.db.pool.query(
    `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, dialect, event_type,
       entity_id, url, created_at, updated_at)
     SELECT e.id, $1, n, $2, e.id, $3, n, n, 'PENDING', 'STANDARD', e.type, repeat('x', 200), 'https://shop.example/' || repeat('y', 400), now(), now()
     FROM (SELECT id, type, row_number() OVER (ORDER BY id) AS n FROM event WHERE organization_id = $1) e`,
    [id, own.id, own.laneId],
  );
  const numbers = (await linesOf("/v1/requests.ndjson", token)).map((line) => line.number);
  expect(numbers).toEqual(Array.from({ length: many }, (_, i) => many - i));

  // Readers that take nothing: each holds its place, and the server no more than a page or two for each.
  const open = async () => {
    const request = http.get(`${app.url}/v1/requests.ndjson`, { headers: { authorization: `Bearer ${token}` }, agent: false });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.pause();
    return { request, status: response.statusCode };
  };
  const readers = [await open(), await open(), await open(), await open()];
  expect(readers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const fifth = await get("/v1/events.csv", token);
  expect([fifth.status, fifth.headers.get("retry-after")]).toEqual([429, "10"]);
  // Another organization has places of its own.
  expect((await get("/v1/events.csv")).status).toBe(200);
  for (const { request } of readers) request.destroy();
  let status = 429;
  for (let tries = 0; tries < 200 && status === 429; tries++) {
    const again = await get("/v1/events.csv?since=2099-01-01T00:00:00Z", token);
    status = again.status;
    await again.text();
    if (status === 429) await sleep(25);
  }
  expect(status).toBe(200);
});

test("a cell that begins like a formula is text, a number stays one", () => {
  expect(textOf("csv", [{ a: "@cmd", b: "-1", c: -1, d: null, e: ["x", "y"], f: "a\rb", g: true }])).toBe(
    `'@cmd,'-1,-1,,x y,"a\rb",true\r\n`,
  );
});
