/** B55: what is hidden stays with the origins that it was given for, through whichever door the target is changed. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import { createConnection, shownConnectionHeaders, updateConnection } from "../../src/definitions/connections.ts";
import { createDefinition, updateDefinition } from "../../src/definitions/definitions.ts";
import { openHeaders, openProperties, shownHeaders, shownProperties } from "../../src/definitions/headers.ts";
import { createScript, updateScript } from "../../src/definitions/scripts.ts";
import { sealPlainProperties } from "../../src/definitions/seal-properties.ts";
import type { DefinitionRow } from "../../src/definitions/settings.ts";
import { testDefinition } from "../../src/definitions/test-definition.ts";
import { resend } from "../../src/delivery/control.ts";
import { type Delivery, openDelivery } from "../delivery/delivery-setup.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let d: Delivery;
/** Ours, and a member's own server on another port. */
let home: Receiver;
let foreign: Receiver;
let member: Caller;
let viewer: Caller;

beforeAll(async () => {
  d = await openDelivery({ retryScale: 0.02 });
  [home, foreign] = await Promise.all([startReceiver(), startReceiver()]);
  [member, viewer] = [await d.t.caller("MEMBER"), await d.t.caller("VIEWER")];
});
beforeEach(() => {
  for (const receiver of [home, foreign]) {
    receiver.calls.splice(0);
    receiver.respond(200);
  }
});
afterAll(async () => {
  await d?.close();
  await Promise.all([home?.close(), foreign?.close()]);
});

const HEADERS = { Authorization: "Bearer canary-1", "X-Tenant": "canary-2", "X-Region": "eu-public" };
const PROPERTIES = { apiKey: "canary-3", region: "eu-public" };
const OPEN = { publicHeaders: ["x-region"], publicProperties: ["region"] };

let n = 0;
async function made(input: object = {}, by: Caller = d.t.admin): Promise<DefinitionRow> {
  n += 1;
  const settings = {
    name: `d${n}`,
    targetUrl: `${home.url}/in`,
    eventTypes: [`hide.e${n}`],
    headers: HEADERS,
    properties: PROPERTIES,
    ...OPEN,
  };
  return (await createDefinition(d.t.core, by, { ...settings, ...input } as never, d.engine.engine)).definition;
}
const change = async (by: Caller, id: string, input: object) =>
  (await updateDefinition(d.t.core, by, id, input as never, d.engine.engine)).definition;
const headersOf = (row: DefinitionRow) => openHeaders(d.t.core, row);
const propertiesOf = (row: DefinitionRow) => openProperties(d.t.core, row);
const everything = (receiver: Receiver) => JSON.stringify(receiver.calls.map((call) => [call.headers, call.body.toString()]));

async function sent(row: DefinitionRow): Promise<void> {
  await d.request(row.id, "DELIVERED", await d.emit(row.eventTypes[0] as string));
}

async function lastAudit(action: string): Promise<{ before: object | null; after: Record<string, unknown> | null }> {
  const { rows } = await d.t.core.db.pool.query("SELECT before, after FROM audit_entry WHERE action = $1 ORDER BY id DESC LIMIT 1", [
    action,
  ]);
  return rows[0];
}

describe("B55 a change of a definition's origin", () => {
  it("drops hidden headers and properties, keeps the public ones, and says so", async () => {
    const row = await made();
    const after = await change(member, row.id, { targetUrl: `${foreign.url}/out` });
    expect(headersOf(after)).toEqual({ "X-Region": "eu-public" });
    expect(propertiesOf(after)).toEqual({ region: "eu-public" });
    expect(after.warning).toMatch(/Authorization, X-Tenant.*apiKey.*dropped/);
    expect((await lastAudit("webhookDefinition.update")).after).toMatchObject({ dropped: ["Authorization", "X-Tenant", "apiKey"] });
    await sent(after);
    expect(everything(foreign)).not.toContain("canary");
    expect(foreign.calls[0]?.headers["x-region"]).toBe("eu-public");
    // There and back again: what was dropped does not come back.
    expect(headersOf(await change(member, row.id, { targetUrl: `${home.url}/in` }))).toEqual({ "X-Region": "eu-public" });
  });

  it("keeps them for a caller with secrets:read, who moves them along", async () => {
    const row = await made();
    const after = await change(d.t.admin, row.id, { targetUrl: `${foreign.url}/out` });
    expect(after.warning).toBeNull();
    await sent(after);
    expect(foreign.calls[0]?.headers).toMatchObject({ authorization: "Bearer canary-1", "x-tenant": "canary-2" });
    expect(foreign.calls[0]?.json()).toMatchObject({ apiKey: "canary-3" });
  });

  it.each<[string, (url: string) => string]>([
    ["another path", (url) => `${url}/other?x=1`],
    ["another case of the host", (url) => url.replace("http:", "HTTP:").replace("127.0.0.1", "127.0.0.1")],
  ])("keeps them for %s", async (_, to) => {
    const row = await made();
    expect(headersOf(await change(member, row.id, { targetUrl: to(home.url) }))).toEqual(HEADERS);
  });

  it.each<[string, (url: string) => string]>([
    ["another port", () => foreign.url],
    ["another scheme", (url) => url.replace("http:", "https:")],
    ["another host", (url) => url.replace("127.0.0.1", "localhost")],
    ["a host that only begins alike", (url) => `${url.replace("127.0.0.1", "127.0.0.1.example.test")}`],
  ])("drops them for %s", async (_, to) => {
    const row = await made();
    const url = to(home.url).replace(/^http:\/\/(localhost|127\.0\.0\.1\.example)/, "https://$1");
    expect(headersOf(await change(member, row.id, { targetUrl: url }))).toEqual({ "X-Region": "eu-public" });
  });

  it("a mask that is sent along keeps nothing; a value that is given anew is the caller's own", async () => {
    const row = await made();
    const after = await change(member, row.id, {
      targetUrl: foreign.url,
      headers: { authorization: "***", "X-Tenant": "mine" },
      properties: { apiKey: "***", region: "eu-public" },
    });
    expect(headersOf(after)).toEqual({ "X-Tenant": "mine" });
    expect(propertiesOf(after)).toEqual({ region: "eu-public" });
    expect(after.warning).toMatch(/Authorization.*apiKey/i);
  });

  it("a connection instead of the target, or another one, is a change of origin too", async () => {
    const connection = await createConnection(d.t.core, member, { name: "mine", urlAdded: foreign.url });
    const row = await made();
    expect(headersOf(await change(member, row.id, { connectionId: connection.id }))).toEqual({ "X-Region": "eu-public" });
  });

  it("a resend of bytes that another origin was trusted with makes others", async () => {
    const row = await made({ retrySchedule: [] });
    home.respond(500);
    const request = await d.request(row.id, "REJECTED", await d.emit(row.eventTypes[0] as string));
    expect(everything(home)).toContain("canary-3");
    await change(member, row.id, { targetUrl: foreign.url });
    await resend(d.t.core, d.t.organizationId, request, { by: member });
    await d.request(row.id, "DELIVERED");
    expect(foreign.calls).toHaveLength(1);
    expect(everything(foreign)).not.toContain("canary");
    expect((await d.attempts(request)).at(-1)?.rerendered).toBe(true);
  });

  it("a retry to the same origin sends the same bytes, hidden values and all", async () => {
    const row = await made({ retrySchedule: [0, 0] });
    let calls = 0;
    home.respond(() => (++calls < 3 ? 500 : 200));
    await sent(row);
    const bodies = home.calls.map((call) => call.body.toString());
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(1);
    expect(bodies[0]).toContain("canary-3");
  });

  it("the test button sends what the origin may know", async () => {
    const row = await made();
    await change(member, row.id, { targetUrl: foreign.url });
    await testDefinition(d.t.core, d.engine.engine, member, row.id);
    expect(foreign.calls).toHaveLength(1);
    expect(everything(foreign)).not.toContain("canary");
  });

  it("a row that an earlier version stored in clear is bound by the first change", async () => {
    const row = await made({ properties: null });
    await d.t.core.db.pool.query("UPDATE webhook_definition SET properties = $2, hidden_properties = NULL WHERE id = $1", [
      row.id,
      PROPERTIES,
    ]);
    await sent(row);
    expect(everything(home)).toContain("canary-3");
    expect(propertiesOf(await change(member, row.id, { targetUrl: foreign.url }))).toEqual({ region: "eu-public" });
  });
});

it("B59 properties of an earlier version are sealed at the first start, for where they go now", async () => {
  const row = await made({ properties: null });
  const { pool } = d.t.core.db;
  await pool.query("UPDATE webhook_definition SET properties = $2, hidden_properties = NULL WHERE id = $1", [
    row.id,
    '{"apiKey":"canary-8","n":1.50}',
  ]);
  expect(await sealPlainProperties(d.t.core)).toBe(1);
  expect(await sealPlainProperties(d.t.core)).toBe(0);
  const { rows } = await pool.query("SELECT t::text AS text FROM webhook_definition t WHERE id = $1", [row.id]);
  expect(rows[0].text).not.toContain("canary");
  await sent(row);
  expect(home.calls.at(-1)?.body.toString()).toContain('"apiKey":"canary-8"');
  expect(home.calls.at(-1)?.body.toString()).toContain('"n":1.50');
});

describe("B55 a connection's headers go to its own origins", () => {
  it("drops them when one of its URLs moves, and those of the definitions that use it", async () => {
    const connection = await createConnection(d.t.core, d.t.admin, {
      ...{ name: "ERP", urlAdded: `${home.url}/added`, urlEdited: `${home.url}/edited` },
      headers: [
        { name: "Authorization", value: "Bearer canary-4" },
        { name: "X-Plant", value: "canary-5" },
      ],
    });
    const row = await made({ targetUrl: null, connectionId: connection.id, eventTypes: ["moved.created", "moved.updated"] });
    const after = await updateConnection(d.t.core, member, connection.id, { urlEdited: foreign.url });
    expect(shownConnectionHeaders(d.t.core, d.t.admin, after)).toEqual([]);
    expect(after.warning).toMatch(/Authorization, X-Plant/);
    const [user] = (await d.t.core.db.pool.query("SELECT warning FROM webhook_definition WHERE id = $1", [row.id])).rows;
    expect(user.warning).toMatch(/Authorization, X-Tenant.*apiKey/);
    await d.request(row.id, "DELIVERED", await d.emit("moved.updated"));
    await d.request(row.id, "DELIVERED", await d.emit("moved.created"));
    expect(foreign.calls).toHaveLength(1);
    expect(everything(foreign)).not.toContain("canary");
  });

  it("are not for the own URL of a definition that uses it", async () => {
    const connection = await createConnection(d.t.core, d.t.admin, {
      ...{ name: "ERP", urlAdded: `${home.url}/added` },
      headers: [{ name: "Authorization", value: "Bearer canary-4" }],
    });
    const settings = {
      targetUrl: `${foreign.url}/x`,
      connectionId: connection.id,
      headers: {},
      properties: null,
      eventTypes: ["mixed.created", "mixed"],
    };
    const row = await made(settings, member);
    await d.request(row.id, "DELIVERED", await d.emit("mixed"));
    await d.request(row.id, "DELIVERED", await d.emit("mixed.created"));
    expect(home.calls[0]?.headers["authorization"]).toBe("Bearer canary-4");
    expect(foreign.calls).toHaveLength(1);
    expect(everything(foreign)).not.toContain("canary");
  });
});

describe("B55 a script is a destination", () => {
  it("another text of it is told nothing that is hidden, unless by somebody who may read it", async () => {
    const checks = d.engine.engine;
    const script = await createScript(d.t.core, d.t.admin, { name: "spy", source: "region" }, checks);
    const row = await made({ dialect: "SUPEROFFICE", targetUrl: null, scriptId: script.id, headers: null, eventTypes: ["spied"] });
    const run = async () => {
      const request = await d.request(row.id, "DELIVERED", await d.emit("spied", { payload: '{"a":1}' }));
      return JSON.parse((await d.attempts(request)).at(-1)?.response_body as string) as { result: unknown };
    };
    expect((await run()).result).toBe("eu-public");
    await updateScript(d.t.core, d.t.admin, script.id, { source: "apiKey.length" }, checks);
    expect((await run()).result).toBe("canary-3".length);
    await updateScript(d.t.core, member, script.id, { source: "typeof apiKey" }, checks);
    expect((await run()).result).toBe("undefined");
  });
});

describe("B59 what is hidden", () => {
  it("is shown to those with secrets:read, but for credentials; to others only what is public", async () => {
    const row = await made();
    expect(shownHeaders(d.t.core, d.t.admin, row)).toEqual({ ...HEADERS, Authorization: "***" });
    for (const caller of [member, viewer, undefined]) {
      expect(shownHeaders(d.t.core, caller, row)).toEqual({ Authorization: "***", "X-Tenant": "***", "X-Region": "eu-public" });
      expect(shownProperties(d.t.core, caller, row)).toEqual({ apiKey: "***", region: "eu-public" });
    }
    expect(shownProperties(d.t.core, d.t.admin, row)).toEqual(PROPERTIES);
  });

  it("cannot be made public by somebody who does not see it, and credentials by nobody", async () => {
    const row = await made();
    await expect(change(member, row.id, { publicHeaders: ["X-Tenant"] })).rejects.toMatchObject({ issues: [{ path: "publicHeaders" }] });
    await expect(change(member, row.id, { publicProperties: ["apiKey"] })).rejects.toThrow("publicProperties");
    await expect(change(d.t.admin, row.id, { publicHeaders: ["Authorization"] })).rejects.toMatchObject({
      issues: [{ path: "publicHeaders" }],
    });
    const after = await change(member, row.id, { publicHeaders: ["X-Tenant"], headers: { Authorization: "***", "X-Tenant": "mine" } });
    expect(shownHeaders(d.t.core, viewer, after)).toEqual({ Authorization: "***", "X-Tenant": "mine" });
    expect(headersOf(after).Authorization).toBe("Bearer canary-1");
  });

  it("is not kept by the audit log, nor is a token of a target", async () => {
    await made({ targetUrl: `${home.url}/hooks/T0123456789abcdefABCDEF?token=canary-6#canary-7` });
    const { after } = await lastAudit("webhookDefinition.create");
    expect(JSON.stringify(after)).not.toMatch(/canary|T0123456789/);
    expect(after).toMatchObject({ targetUrl: `${home.url}/hooks/***?token=***#***`, properties: { apiKey: "***", region: "eu-public" } });
  });

  it("an address that is sent back as it is shown is not a change", async () => {
    const row = await made({ targetUrl: `${home.url}/in?token=canary-6` });
    const after = await change(member, row.id, { targetUrl: `${home.url}/in?token=***` });
    expect([after.targetUrl, headersOf(after)]).toEqual([row.targetUrl, HEADERS]);
  });
});
