/** S31 of contracts/superoffice.md: the other methods, patches, conditions. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { errorOf, minimalWebhook, NOT_FOUND, RPC, type SuperOffice, startSuperOffice, WEBHOOK } from "./superoffice-server.ts";

let so: SuperOffice;
let receiver: Receiver;
beforeAll(async () => {
  so = await startSuperOffice();
  receiver = await startReceiver();
});
beforeEach(() => {
  receiver.respond(200);
  receiver.calls.length = 0;
});
afterAll(async () => {
  await so?.close();
  await receiver?.close();
});

const minimal = (more: object = {}) => minimalWebhook(receiver, more);
const create = (more: object = {}, options = {}) => so.create(minimal(more), options);

describe("S31 the other methods", () => {
  test("S31 GET /default and CreateDefaultWebhook", async () => {
    const expected = {
      ...{
        WebhookId: 0,
        Name: null,
        Events: ["contact.created", "contact.deleted"],
        TargetUrl: null,
        Secret: null,
        State: "Active",
        Type: "webhook",
      },
      ...{ Headers: null, Properties: null, Registered: "0001-01-01T00:00:00", RegisteredAssociate: null, Updated: "0001-01-01T00:00:00" },
      ...{ UpdatedAssociate: null, ErrorsEmail: null },
    };
    expect((await so.call(`${WEBHOOK}/default`)).json).toEqual(expected);
    expect((await so.post(`${RPC}/CreateDefaultWebhook`, undefined)).json).toEqual(expected);
  });

  test("S31 filters: equality without case, an unknown state is 400", async () => {
    const made = [
      await create({ Name: "Filter_%Me", Events: ["Custom.One"], State: "Active" }),
      await create({ Name: "filter_%me", Events: ["custom.two"], State: "Stopped" }),
      await create({ Name: "FilterXXMe", Events: ["custom.one"], State: "TooManyErrors" }),
    ].map((each) => each.WebhookId);
    const ids = async (query: string) =>
      (await so.call(`${WEBHOOK}?${query}`)).json
        .map((each: { WebhookId: number }) => each.WebhookId)
        .filter((id: number) => made.includes(id));
    expect(await ids("nameFilter=FILTER_%25ME")).toEqual(made.slice(0, 2));
    expect(await ids("eventFilter=custom.ONE")).toEqual([made[0], made[2]]);
    expect(await ids("eventFilter=custom")).toEqual([]);
    expect(await ids("statusFilter=Stopped")).toEqual([made[1]]);
    expect(await ids("statusFilter=toomanyerrors")).toEqual([made[2]]);
    expect(await ids("statusFilter=Unknown&nameFilter=")).toEqual(made);
    expect(await ids("nameFilter=filter_%25me&statusFilter=Active")).toEqual([made[0]]);
    expect(await so.call(`${WEBHOOK}?statusFilter=Nope`)).toMatchObject({ status: 400 });
    const rpc = await so.post(`${RPC}/GetAllWebhooks`, { NameFilter: "Filter_%Me", EventFilter: "", StatusFilter: "Stopped" });
    expect(rpc.json.map((each: { WebhookId: number }) => each.WebhookId)).toEqual([made[1]]);
  });

  test("S31 PUT replaces it all", async () => {
    const made = await create({
      Properties: { a: 1 },
      Headers: { "X-A": "1" },
      ErrorsEmail: "a@example.test",
      Description: "d",
      State: "Stopped",
    });
    const path = `${WEBHOOK}/${made.WebhookId}`;
    const put = await so.call(path, { method: "PUT", body: { ...minimal({ Name: "Other" }), WebhookId: 1, _Links: {}, Nope: 1 } });
    expect(put.json).toMatchObject({
      ...{
        WebhookId: made.WebhookId,
        Name: "Other",
        Properties: null,
        Headers: null,
        ErrorsEmail: null,
        Description: null,
        State: "Active",
      },
      _Links: expect.any(Object),
    });
    expect(await so.call(path, { method: "PUT" })).toMatchObject(errorOf(400, "SoArgumentException"));
    expect(await so.call(`${WEBHOOK}/999999`, { method: "PUT", body: minimal() })).toMatchObject(NOT_FOUND);
    expect(await so.post(`${RPC}/SaveWebhook`, minimal({ WebhookId: 999_999 }))).toMatchObject(NOT_FOUND);
    expect((await so.post(`${RPC}/SaveWebhook`, minimal({ WebhookId: made.WebhookId, Name: "Third" }))).json).toMatchObject({
      Name: "Third",
    });
  });

  test("S31 DELETE answers 204, then 404", async () => {
    const [a, b] = [await create(), await create()];
    expect(await so.call(`${WEBHOOK}/${a.WebhookId}`, { method: "DELETE" })).toMatchObject({ status: 204, text: "" });
    expect(await so.call(`${WEBHOOK}/${a.WebhookId}`, { method: "DELETE" })).toMatchObject(NOT_FOUND);
    expect(await so.call(`${WEBHOOK}/${a.WebhookId}`)).toMatchObject(NOT_FOUND);
    expect(await so.post(`${RPC}/DeleteWebhook?webhookId=${b.WebhookId}`, undefined)).toMatchObject({ status: 204 });
    expect(await so.post(`${RPC}/GetWebhook?webhookId=${b.WebhookId}`, undefined)).toMatchObject(NOT_FOUND);
  });

  test("S31 another organization's, and other dialects', are not there", async () => {
    const other = await so.t.organization();
    const { core } = so.t;
    const data = { targetUrl: receiver.url, eventTypes: ["a.b"], code: "x", name: "x" };
    await core.db.unscoped.webhookDefinition.create({ data: { ...data, number: 900, dialect: "SUPEROFFICE", organizationId: other.id } });
    await core.db.unscoped.webhookDefinition.create({ data: { ...data, number: 901, organizationId: so.t.organizationId } });
    for (const id of [900, 901]) expect(await so.call(`${WEBHOOK}/${id}`)).toMatchObject(NOT_FOUND);
  });

  test("S31 unknown paths are 404, known ones with another method 405", async () => {
    expect(await so.call("/api/v1/Contact")).toMatchObject(NOT_FOUND);
    for (const [method, path, allow] of [
      ["PUT", WEBHOOK, "GET, POST"],
      ["POST", `${WEBHOOK}/1`, "GET, PUT, PATCH, DELETE"],
      ["GET", `${RPC}/SaveWebhook`, "POST"],
      ["GET", `${WEBHOOK}/contact.created/1`, "POST"],
      ["DELETE", `${WEBHOOK}/Test`, "POST"],
    ] as const) {
      const answer = await so.call(path, { method });
      expect(answer, path).toMatchObject(errorOf(405, "SoMethodNotAllowedException"));
      expect(answer.headers.get("allow")).toBe(allow);
    }
  });

  test("S31 If-Modified-Since 304, If-Unmodified-Since 412", async () => {
    const made = await create();
    const path = `${WEBHOOK}/${made.WebhookId}`;
    const [past, now] = [new Date(Date.now() - 3_600_000).toUTCString(), new Date(Date.parse(made.Updated)).toUTCString()];
    expect(await so.call(path, { headers: { "if-modified-since": now } })).toMatchObject({ status: 304, text: "" });
    expect(await so.call(path, { headers: { "if-modified-since": past } })).toMatchObject({ status: 200 });
    expect(await so.call(path, { headers: { "if-modified-since": "junk" } })).toMatchObject({ status: 200 });
    for (const method of ["PUT", "PATCH"]) {
      const body = minimal();
      expect(await so.call(path, { method, body, headers: { "if-unmodified-since": past } })).toMatchObject(
        errorOf(412, "SoPreconditionFailedException"),
      );
      expect(
        await so.call(path, { method, body, headers: { "if-unmodified-since": new Date(Date.now() + 5_000).toUTCString() } }),
      ).toMatchObject({ status: 200 });
    }
  });
});

describe("S31 PATCH", () => {
  const start = {
    Events: ["a.b", "c.d"],
    Headers: { "X-A": "1", "X-B": "2" },
    Properties: { region: "eu", deep: { x: 1, y: 2 } },
    State: "Stopped",
  };
  const patch = async (body: unknown, type = "application/json") => {
    const { WebhookId } = await create(start);
    const answer = await so.call(`${WEBHOOK}/${WebhookId}`, {
      method: "PATCH",
      body: JSON.stringify(body),
      headers: { "content-type": type },
    });
    return { ...answer, after: (await so.call(`${WEBHOOK}/${WebhookId}`)).json };
  };

  test("S31 merge patch: keys merge, null removes, one event name is added", async () => {
    const merged = await patch({
      Name: "New",
      Headers: { "X-A": null, "X-C": "3" },
      Properties: { deep: { x: null }, more: true },
      Events: "e.f",
      Nope: 1,
    });
    expect(merged.json).toMatchObject({
      Name: "New",
      Headers: { "X-B": "2", "X-C": "3" },
      Properties: { region: "eu", deep: { y: 2 }, more: true },
    });
    expect(merged.json.Headers).not.toHaveProperty("X-A");
    expect(merged.json.Events).toEqual(["a.b", "c.d", "e.f"]);
    expect((await patch({ Events: ["x.y"] }, "application/merge-patch+json")).after.Events).toEqual(["x.y"]);
    expect((await patch({ Headers: null, Properties: null }, "application/json-patch+json")).after).toMatchObject({
      Headers: null,
      Properties: null,
    });
    expect((await patch({ ErrorsEmail: "a@example.test" })).after).toMatchObject({
      ErrorsEmail: "a@example.test",
      Name: "Tonys Contact Handler",
    });
  });

  test("S31 JSON patch: add, replace, remove, test; paths in any case, with or without slash", async () => {
    const patched = await patch(
      [
        { op: "test", path: "/name", value: "Tonys Contact Handler" },
        { op: "replace", path: "NAME", value: "New" },
        { op: "add", path: "/Events/-", value: "e.f" },
        { op: "remove", path: "/events/0" },
        { op: "add", path: "/Headers/X-C", value: "3" },
        { op: "remove", path: "/Headers/x-a" },
        { op: "replace", path: "/Properties/deep/x", value: [1] },
        { op: "test", path: "/Properties/region", value: "eu" },
      ],
      "application/json-patch+json",
    );
    expect(patched.after).toMatchObject({
      ...{ Name: "New", Events: ["c.d", "e.f"], Headers: { "X-B": "2", "X-C": "3" } },
      Properties: { region: "eu", deep: { x: [1], y: 2 } },
    });
    expect((await patch([{ op: "replace", path: "/State", value: 2 }])).status).toBe(200);
  });

  test("S31 a test that does not hold is 409 and changes nothing", async () => {
    const failed = await patch([
      { op: "replace", path: "/Name", value: "New" },
      { op: "test", path: "/Name", value: "Old" },
    ]);
    expect(failed).toMatchObject(errorOf(409, "SoConflictException"));
    expect(failed.after.Name).toBe("Tonys Contact Handler");
  });

  test.each<[object | string]>([
    [[{ op: "move", from: "/Name", path: "/Secret" }]],
    [[{ op: "copy", from: "/Name", path: "/Secret" }]],
    [[{ op: "replace", path: "/Nope", value: 1 }]],
    [[{ op: "remove", path: "/Headers/X-Nope" }]],
    [[{ op: "add", path: "/__proto__/x", value: 1 }]],
    // Members that every object inherits are nobody's to write: they are the process's own functions.
    ...[
      "/Properties/toString/call",
      "/Properties/hasOwnProperty/x",
      "/Headers/valueOf/x",
      "/Events/map/x",
      "/Name/length",
      "/Name/0",
    ].flatMap((path) => ["add", "replace", "test"].map((op): [object] => [[{ op, path, value: "x" }]])),
    [[{ op: "replace", path: "/Events/length", value: 20_000_000 }]],
    [[{ op: "replace", path: "/Events/-", value: "a.b" }]],
    [[{ op: "replace", path: "/Events/-1", value: "a.b" }]],
    [[{ op: "replace", path: "/Events/foo", value: "a.b" }]],
    [[{ op: "replace", path: "/Events/99", value: "a.b" }]],
    [[{ op: "add", path: "/WebhookId/x", value: "a" }]],
    [[{ op: "add", path: "/Properties/__proto__/x", value: 1 }]],
    [[{ op: "replace", path: "/Name" }]],
    [[{ op: "replace", path: "/State", value: "Unknown" }]],
    [
      [
        { op: "replace", path: "/Name", value: "ok" },
        { op: "remove", path: "/Nope" },
      ],
    ],
    [["text"]],
    ["text"],
  ])("S31 %j is 400 and changes nothing", async (operations) => {
    const failed = await patch(operations);
    expect(failed).toMatchObject(errorOf(400, "SoArgumentException"));
    expect(failed.after).toMatchObject({ Name: "Tonys Contact Handler", ...start });
  });

  test("S31 a patch leaves alone what this face does not know", async () => {
    const { core, organizationId } = so.t;
    const connection = await core.db.unscoped.connection.create({ data: { organizationId, name: "shared", urlAdded: receiver.url } });
    const data = { connectionId: connection.id, filter: { payload: { a: 1 } }, ordering: "DEFINITION", dialect: "SUPEROFFICE" } as const;
    const common = { organizationId, number: 9_001, code: "shared", name: "Shared", eventTypes: ["a.*"] };
    await core.db.unscoped.webhookDefinition.create({ data: { ...common, ...data } });
    expect(await so.call(`${WEBHOOK}/9001`, { method: "PATCH", body: { State: "Stopped" } })).toMatchObject({ status: 200 });
    const row = await core.db.unscoped.webhookDefinition.findFirst({ where: { number: 9_001 } });
    expect(row).toMatchObject({ ...data, state: "STOPPED", name: "Shared" });
  });

  test("S31 an unknown id is 404, no body 400", async () => {
    expect(await so.call(`${WEBHOOK}/999999`, { method: "PATCH", body: { Name: "x" } })).toMatchObject(NOT_FOUND);
    const { WebhookId } = await create(start);
    expect(await so.call(`${WEBHOOK}/${WebhookId}`, { method: "PATCH" })).toMatchObject({ status: 400 });
  });
});
