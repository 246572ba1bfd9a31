import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import { createConnection } from "../../src/definitions/connections.ts";
import {
  type CreateDefinitionInput,
  createDefinition,
  deleteDefinition,
  readSigningSecret,
  rotateSigningSecret,
  type UpdateDefinitionInput,
  updateDefinition,
} from "../../src/definitions/definitions.ts";
import { getDefinition, listDefinitions, listDefinitionsByOffset } from "../../src/definitions/find.ts";
import { openHeaders, openProperties, shownHeaders } from "../../src/definitions/headers.ts";
import { createSecretKey, deleteSecretKey } from "../../src/definitions/secret-keys.ts";
import { signingSecrets } from "../../src/definitions/secrets.ts";
import type { DefinitionRow } from "../../src/definitions/settings.ts";
import { createPlans } from "../../src/delivery/plan.ts";
import { createSandbox, type Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from "../../src/errors.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
let sandbox: Sandbox;
let admin: Caller;
const payloadQuery = { check: (source: string) => (source.includes("event") ? [] : [{ path: "payloadQuery", message: "no event" }]) };

beforeAll(async () => {
  t = await testCore();
  sandbox = createSandbox();
});
afterAll(async () => {
  await sandbox.close();
  await t.close();
});
// Each test has an organization of its own: codes and numbers begin anew.
beforeEach(async () => {
  admin = (await t.organization()).admin;
});

const base: CreateDefinitionInput = { name: "Orders", targetUrl: "https://shop.example/hooks", eventTypes: ["order.*"] };
const create = (input: Partial<CreateDefinitionInput> = {}, caller = admin) =>
  createDefinition(t.core, caller, { ...base, ...input }, { sandbox, payloadQuery });
const made = async (input: Partial<CreateDefinitionInput> = {}): Promise<DefinitionRow> => (await create(input)).definition;
const change = (id: string, input: UpdateDefinitionInput, caller = admin) =>
  updateDefinition(t.core, caller, id, input, { sandbox, payloadQuery });
const pathsOf = async (work: Promise<unknown>): Promise<string[]> => {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues.map((issue) => issue.path);
};

describe("a new definition", () => {
  it("is numbered, active, and as its dialect says", async () => {
    const { definition, signingSecret } = await create();
    expect(definition).toMatchObject({
      number: 1,
      name: "Orders",
      code: "orders",
      state: "ACTIVE",
      dialect: "STANDARD",
      eventTypes: ["order.*"],
    });
    expect(definition).toMatchObject({
      ordering: null,
      retryScheduleSet: false,
      maxConsecutiveErrorsSet: false,
      signatureVersions: ["V1"],
    });
    expect(definition).toMatchObject({ createdById: admin.userId, targetType: "WEBHOOK" });
    expect(signingSecret).toMatch(/^whsec_/);
    expect((await made()).number).toBe(2);
    expect(await getDefinition(t.core, admin, { id: definition.id })).toMatchObject({ number: 1, signatureVersions: ["V1"] });
  });

  it("keeps everything it is told", async () => {
    const settings = {
      description: "d",
      filter: { payload: { total: { $gt: 100 } } },
      properties: { region: "eu" },
      ordering: "NONE",
      concurrency: 7,
      onExhausted: "BLOCK",
      retrySchedule: [5, 0.5],
      maxConsecutiveErrors: 3,
      timeoutMs: 15_000,
      fieldsSet: ["customer.name", "total"],
      hmacAlgorithm: "SHA1",
      hmacEncoding: "BASE64",
      errorsEmail: "ops@shop.example",
    } as const;
    const row = await made(settings);
    expect(openProperties(t.core, row)).toEqual(settings.properties);
    expect(row).toMatchObject({ ...settings, properties: null, retryScheduleSet: true, maxConsecutiveErrorsSet: true });
  });

  it("tells 'as the dialect says' from 'none'", async () => {
    expect(await made({ retrySchedule: [], maxConsecutiveErrors: null })).toMatchObject({
      retrySchedule: [],
      retryScheduleSet: true,
      maxConsecutiveErrors: null,
      maxConsecutiveErrorsSet: true,
    });
    expect(await made({ retrySchedule: null })).toMatchObject({ retryScheduleSet: false, maxConsecutiveErrorsSet: false });
  });

  it("stores the canonical form of its target", async () => {
    expect((await made({ targetUrl: "HTTPS://Shop.Example:443/a/../b?q=1" })).targetUrl).toBe("https://shop.example/b?q=1");
  });

  it.each([
    ["Orders (EU)", "orders_eu"],
    ["  __Ünder-Score__ ", "nder_score"],
    ["日本語", "webhook"],
    ["***", "webhook"],
    ["2nd", "2nd"],
  ])("suggests for %j the code %s", async (name, code) => {
    expect((await made({ name })).code).toBe(code);
    expect((await made({ name })).code).toBe(`${code}_2`);
    expect((await made({ name })).code).toBe(`${code}_3`);
  });

  it("suggests free codes to many that are saved at once, with numbers without gap or twin", async () => {
    const rows = await Promise.all(Array.from({ length: 12 }, () => made({ name: "Same" })));
    expect(new Set(rows.map((row) => row.code)).size).toBe(12);
    expect(rows.map((row) => row.number).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });

  it("takes a code as it is, or refuses it", async () => {
    expect((await made({ code: "_my_code_" })).code).toBe("_my_code_");
    await expect(create({ code: "_my_code_" })).rejects.toThrow(ConflictError);
    for (const code of ["", "Upper", "a-b", "a b", "ä", "x".repeat(101)]) expect(await pathsOf(create({ code }))).toEqual(["code"]);
    expect((await made({ code: "Any – code 1", dialect: "CRMCOM", name: "c1" })).code).toBe("Any – code 1");
    expect(await pathsOf(create({ code: "a\nb", dialect: "CRMCOM", name: "c2" }))).toEqual(["code"]);
  });

  it("has a code of its own organization only", async () => {
    await made({ code: "mine" });
    const other = (await t.organization()).admin;
    expect((await create({ code: "mine" }, other)).definition.code).toBe("mine");
  });

  it("of dialect CRMCOM has a name of its own", async () => {
    await made({ dialect: "CRMCOM", name: "One" });
    await made({ dialect: "STANDARD", name: "One" });
    await expect(create({ dialect: "CRMCOM", name: "One" })).rejects.toThrow(ConflictError);
  });

  it.each<[string, Partial<CreateDefinitionInput>, string[]]>([
    ["an empty name", { name: " " }, ["name"]],
    ["a long name", { name: "x".repeat(401) }, ["name"]],
    ["NUL in a name", { name: "a\0b" }, ["name"]],
    ["half a surrogate pair", { description: "\ud800" }, ["description"]],
    ["no target", { targetUrl: null }, ["targetUrl"]],
    ["a relative target", { targetUrl: "/hooks" }, ["targetUrl"]],
    ["a file", { targetUrl: "file:///etc/passwd" }, ["targetUrl"]],
    ["a private address", { targetUrl: "https://10.0.0.1/" }, ["targetUrl"]],
    ["a metadata address in decimal", { targetUrl: "https://2852039166/" }, ["targetUrl"]],
    ["a user in the URL", { targetUrl: "https://a:b@shop.example/" }, ["targetUrl"]],
    ["bad event types", { eventTypes: ["order.created", "a b", "*.x"] }, ["eventTypes.1", "eventTypes.2"]],
    ["$where", { filter: { payload: { $where: "1" } } }, ["filter.payload.$where"]],
    ["a filter that is no object", { filter: "payload" }, ["filter"]],
    ["headers that are no object", { headers: [["X-A", "1"]] }, ["headers"]],
    ["a header with CR LF", { headers: { "X-A": "1\r\nX-B: 2" } }, ["headers.X-A"]],
    ["a header of ours", { headers: { "Webhook-Id": "1", Host: "x" } }, ["headers.Webhook-Id", "headers.Host"]],
    ["an empty header", { headers: { "X-A": "" } }, ["headers.X-A"]],
    ["a header that is a number", { headers: { "X-A": 1 } }, ["headers.X-A"]],
    ["headers that differ in case", { headers: { "X-A": "1", "x-a": "2" } }, ["headers.x-a"]],
    ["21 headers", { headers: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`X-${i}`, "1"])) }, ["headers"]],
    ["properties that are a list", { properties: ["a"] }, ["properties"]],
    ["concurrency 0", { concurrency: 0 }, ["concurrency"]],
    ["concurrency 101", { concurrency: 101 }, ["concurrency"]],
    ["half a concurrency", { concurrency: 1.5 }, ["concurrency"]],
    ["a negative wait", { retrySchedule: [1, 2, -1] }, ["retrySchedule.2"]],
    ["a wait of more than a week", { retrySchedule: [604_801] }, ["retrySchedule.0"]],
    ["21 waits", { retrySchedule: Array(21).fill(1) }, ["retrySchedule"]],
    ["a timeout of 99 ms", { timeoutMs: 99 }, ["timeoutMs"]],
    ["a timeout over a minute", { timeoutMs: 60_001 }, ["timeoutMs"]],
    ["no errors at all", { maxConsecutiveErrors: 0 }, ["maxConsecutiveErrors"]],
    ["no signature version", { signatureVersions: [] }, ["signatureVersions"]],
    ["bad field paths", { fieldsSet: ["a.b", "a..b", ""] }, ["fieldsSet.1", "fieldsSet.2"]],
    ["REQUEUE outside superoffice", { onExhausted: "REQUEUE" }, ["onExhausted"]],
    ["an e-mail with a line feed", { errorsEmail: "a@b.c\nBcc: x@y.z" }, ["errorsEmail"]],
    ["an e-mail that is none", { errorsEmail: "ops" }, ["errorsEmail"]],
    ["a transformation that does not parse", { transformation: "function transform(event) {" }, ["transformation"]],
    ["a transformation without transform", { transformation: "const a = 1" }, ["transformation"]],
    ["a payload query of nothing", { payloadQuery: "{ x }" }, ["payloadQuery"]],
    ["several mistakes", { name: "", timeoutMs: 1, eventTypes: ["!"] }, ["name", "eventTypes.0", "timeoutMs"]],
  ])("refuses %s", async (_, input, paths) => {
    expect(await pathsOf(create(input))).toEqual(paths);
    expect(await listDefinitionsByOffset(t.core, admin, {})).toEqual([]);
  });

  it("takes a transformation and a payload query that stand their check", async () => {
    const transformation = "function transform(event) { return { body: event.payload }; }";
    expect(await made({ transformation, payloadQuery: "{ event { id } }" })).toMatchObject({
      transformation,
      payloadQuery: "{ event { id } }",
    });
  });

  it("names only what its organization has", async () => {
    const other = (await t.organization()).admin;
    const key = await createSecretKey(t.core, other, { name: "k", secret: "my-secret-key" });
    const connection = await createConnection(t.core, other, { name: "c", urlAdded: "https://shop.example/a" });
    await expect(create({ secretKeyId: key.id })).rejects.toThrow(NotFoundError);
    await expect(create({ connectionId: connection.id })).rejects.toThrow(NotFoundError);
    await expect(create({ scriptId: key.id })).rejects.toThrow(NotFoundError);
  });

  it("needs no URL with a connection", async () => {
    const connection = await createConnection(t.core, admin, { name: "c", urlAdded: "https://shop.example/a" });
    expect(await made({ targetUrl: null, connectionId: connection.id })).toMatchObject({ targetUrl: null, connectionId: connection.id });
  });

  it("is made by those who may write", async () => {
    await expect(create({}, await t.caller("VIEWER", undefined, admin.organizationId))).rejects.toThrow(ForbiddenError);
    await expect(create({}, await t.caller("ADMIN", ["webhooks:read"], admin.organizationId))).rejects.toThrow(ForbiddenError);
  });

  it("is in the audit log, without its secrets", async () => {
    const { definition, signingSecret } = await create({ headers: { Authorization: "Bearer canary-1", "X-Plain": "canary-2" } });
    const entries = await t.core.db.prisma.auditEntry.findMany({ where: { organizationId: admin.organizationId } });
    expect(entries).toMatchObject([
      { action: "webhookDefinition.create", subjectId: definition.id, userId: admin.userId, after: { code: "orders" } },
    ]);
    expect(JSON.stringify(entries)).not.toContain("canary-1");
    expect(JSON.stringify(entries)).not.toContain(signingSecret);
  });

  it("leaves no secret in its row", async () => {
    const { definition, signingSecret } = await create({ headers: { Authorization: "Bearer canary" } });
    const { rows } = await t.core.db.pool.query(
      "SELECT d::text || s::text AS all FROM webhook_definition d, signing_secret s WHERE d.id = $1 AND s.definition_id = d.id",
      [definition.id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].all).not.toContain("canary");
    expect(rows[0].all).not.toContain(signingSecret?.slice(6));
    expect(openHeaders(t.core, definition)).toEqual({ Authorization: "Bearer canary" });
  });
});

describe("a change", () => {
  it("changes what it names, and nothing else", async () => {
    const before = await made({ filter: { payload: { a: 1 } }, headers: { "X-A": "1" }, retrySchedule: [5], maxConsecutiveErrors: 4 });
    const { definition } = await change(before.id, { name: "New" });
    const { name, updatedAt, ...rest } = definition;
    expect(name).toBe("New");
    expect(before).toMatchObject(rest);
    expect(updatedAt.getTime()).toBeGreaterThanOrEqual(before.updatedAt.getTime());
  });

  it("clears with null", async () => {
    const { id } = await made({
      description: "d",
      filter: { payload: { a: 1 } },
      headers: { "X-A": "1" },
      retrySchedule: [5],
      timeoutMs: 500,
      fieldsSet: ["a"],
    });
    const cleared = { description: null, filter: null, headers: null, retrySchedule: null, timeoutMs: null, fieldsSet: null };
    expect((await change(id, cleared)).definition).toMatchObject({
      description: null,
      filter: null,
      headers: null,
      retrySchedule: [],
      retryScheduleSet: false,
      timeoutMs: null,
      fieldsSet: [],
    });
  });

  it("keeps a header whose mask comes back", async () => {
    const row = await made({ headers: { Authorization: "Bearer x", "X-A": "1" } });
    expect(shownHeaders(t.core, admin, row)).toEqual({ Authorization: "***", "X-A": "1" });
    const { definition } = await change(row.id, { headers: { authorization: "***", "X-A": "2" } });
    expect(openHeaders(t.core, definition)).toEqual({ authorization: "Bearer x", "X-A": "2" });
    expect(openHeaders(t.core, (await change(row.id, { headers: { Authorization: "Bearer y" } })).definition)).toEqual({
      Authorization: "Bearer y",
    });
  });

  it("is refused as a whole", async () => {
    const { id } = await made();
    expect(await pathsOf(change(id, { name: "New", timeoutMs: 1 }))).toEqual(["timeoutMs"]);
    expect(await pathsOf(change(id, { targetUrl: null }))).toEqual(["targetUrl"]);
    expect(await pathsOf(change(id, { onExhausted: "REQUEUE" }))).toEqual(["onExhausted"]);
    expect((await getDefinition(t.core, admin, { id }))?.name).toBe("Orders");
  });

  it("of a foreign or unknown definition finds nothing", async () => {
    const { id } = await made();
    const other = (await t.organization()).admin;
    await expect(change(id, { name: "x" }, other)).rejects.toThrow(NotFoundError);
    await expect(change(admin.organizationId, { name: "x" })).rejects.toThrow(NotFoundError);
    await expect(rotateSigningSecret(t.core, other, id)).rejects.toThrow(NotFoundError);
    await expect(deleteDefinition(t.core, other, id)).rejects.toThrow(NotFoundError);
    expect(await getDefinition(t.core, other, { id })).toBeNull();
  });

  it("tells whoever listens", async () => {
    const { id } = await made();
    // What earlier tests did may still be on its way.
    const heard = new Promise<string[]>((resolve) => {
      t.core.notify.on("definition", (ids) => ids.includes(id) && resolve(ids));
    });
    await change(id, { name: "New" });
    expect(await heard).toEqual([id]);
  });

  it("moves the catalogue's version", async () => {
    const version = async () => {
      const { rows } = await t.core.db.pool.query("SELECT version FROM organization_catalog WHERE organization_id = $1", [
        admin.organizationId,
      ]);
      return rows[0].version as number;
    };
    const { id } = await made();
    const before = await version();
    await change(id, { name: "New" });
    expect(await version()).toBeGreaterThan(before);
  });
});

describe("a deleted definition", () => {
  it("is gone, and its name and code are free again", async () => {
    const { id, number } = await made({ dialect: "CRMCOM", name: "One", code: "one" });
    expect(await deleteDefinition(t.core, admin, id)).toMatchObject({ id, state: "STOPPED" });
    expect(await getDefinition(t.core, admin, { id })).toBeNull();
    expect(await getDefinition(t.core, admin, { number })).toBeNull();
    await expect(change(id, { name: "x" })).rejects.toThrow(NotFoundError);
    await expect(deleteDefinition(t.core, admin, id)).rejects.toThrow(NotFoundError);
    expect(await made({ dialect: "CRMCOM", name: "One", code: "one" })).toMatchObject({ code: "one", number: 2 });
  });

  it("no longer holds its secret key", async () => {
    const key = await createSecretKey(t.core, admin, { name: "k", secret: "my-secret-key" });
    expect(key.lastFour).toBe("-key");
    const { id } = await made({ dialect: "CRMCOM", secretKeyId: key.id });
    await expect(deleteSecretKey(t.core, admin, key.id)).rejects.toThrow(ConflictError);
    await deleteDefinition(t.core, admin, id);
    expect(await deleteSecretKey(t.core, admin, key.id)).toMatchObject({ id: key.id });
  });
});

describe("finding", () => {
  it("by id, code or number", async () => {
    const { id } = await made({ code: "c1" });
    for (const key of [{ id }, { code: "c1" }, { number: 1 }]) expect(await getDefinition(t.core, admin, key)).toMatchObject({ id });
    for (const key of [{ code: "C1" }, { code: "a\0" }, { number: 2 }, { number: 2 ** 40 }, { number: 1.5 }]) {
      expect(await getDefinition(t.core, admin, key)).toBeNull();
    }
  });

  it("who may not read secrets finds targets by what they see of them", async () => {
    await made({ name: "Keyed", targetUrl: "https://keyed.example/T012/aB3dE6gH9jK2mN5pQ8sT1v?apikey=s3cr3t" });
    const viewer = await t.caller("VIEWER", undefined, admin.organizationId);
    const found = async (by: Caller, search: string) => (await listDefinitionsByOffset(t.core, by, { search })).map((row) => row.name);
    for (const search of ["keyed.example", "/t012/", "?apikey="])
      expect([search, await found(viewer, search)]).toEqual([search, ["Keyed"]]);
    for (const search of ["aB3dE6", "/T012/aB", "s3cr3t", "?apikey=s"]) {
      expect([search, await found(viewer, search)]).toEqual([search, []]);
      expect([search, await found(admin, search)]).toEqual([search, ["Keyed"]]);
    }
    expect(await found(viewer, "\0")).toEqual([]);
  });

  it("lists newest first, by state, dialect, words, name, event type and target", async () => {
    await made({ name: "A_1", dialect: "SUPEROFFICE", eventTypes: ["Contact.Created"] });
    await made({ name: "B%2", state: "STOPPED", targetUrl: "https://other.example/x" });
    await made({ name: "C", description: "about a_1" });
    const names = async (filter: Parameters<typeof listDefinitionsByOffset>[2]) =>
      (await listDefinitionsByOffset(t.core, admin, filter)).map((row) => row.name);
    expect(await names({})).toEqual(["C", "B%2", "A_1"]);
    expect(await names({ state: ["STOPPED"] })).toEqual(["B%2"]);
    expect(await names({ dialect: "SUPEROFFICE" })).toEqual(["A_1"]);
    expect(await names({ search: "a_1" })).toEqual(["C", "A_1"]);
    expect(await names({ search: "%" })).toEqual(["B%2"]);
    expect(await names({ search: "OTHER.example" })).toEqual(["B%2"]);
    expect(await names({ search: "\0" })).toEqual([]);
    expect(await names({ name: "a_1" })).toEqual(["A_1"]);
    expect(await names({ name: "b_2" })).toEqual([]);
    expect(await names({ eventType: "contact.created" })).toEqual(["A_1"]);
    expect(await names({ targetUrl: "https://other.example/x" })).toEqual(["B%2"]);
    expect(await names({ createdBefore: new Date(0) })).toEqual([]);
    const page = await listDefinitions(t.core, admin, {}, { limit: 2, fromBack: false, after: undefined, before: undefined });
    expect(page.rows.map((row) => row.name)).toEqual(["C", "B%2"]);
    expect(page.hasNextPage).toBe(true);
  });
});

describe("signing secrets", () => {
  const living = async (id: string) =>
    (await signingSecrets(t.core.db.pool as never, id)).map(({ kind, expiresAt }) => `${kind}${expiresAt ? " ends" : ""}`);
  const keys = async (id: string) => (await createPlans(t.core).get(id, 0))?.keysAt(new Date()) ?? [];

  it("are made for the dialects that sign unasked, and for others when asked", async () => {
    for (const dialect of ["STANDARD", "SUPEROFFICE"] as const)
      expect((await create({ dialect })).signingSecret).toMatch(/^whsec_[A-Za-z0-9+/]{32,}=*$/);
    for (const dialect of ["CRMCOM", "DOFORMS", "COTALKER"] as const) {
      expect((await create({ dialect, name: `no ${dialect}` })).signingSecret).toBeNull();
      expect((await create({ dialect, name: `yes ${dialect}`, signing: "GENERATE" })).signingSecret).toMatch(/^whsec_/);
    }
    expect((await create({ signing: "NONE" })).signingSecret).toBeNull();
  });

  it("are what the sender signs with", async () => {
    const { definition, signingSecret } = await create();
    expect(await keys(definition.id)).toEqual([{ kind: "HMAC", key: Buffer.from(signingSecret?.slice(6) ?? "", "base64") }]);
    const text = await create({ dialect: "SUPEROFFICE", signing: { text: "nøkkel" } });
    expect(text.signingSecret).toBe("nøkkel");
    expect(await keys(text.definition.id)).toEqual([{ kind: "HMAC", key: Buffer.from("nøkkel", "utf8") }]);
  });

  it("may be the user's own: any text for superoffice, whsec_ elsewhere", async () => {
    expect(await pathsOf(create({ dialect: "SUPEROFFICE", signing: { text: "" } }))).toEqual(["signingSecret"]);
    expect(await pathsOf(create({ dialect: "SUPEROFFICE", signing: { text: "x".repeat(401) } }))).toEqual(["signingSecret"]);
    expect(await pathsOf(create({ signing: { text: "plain" } }))).toEqual(["signingSecret"]);
    expect(await pathsOf(create({ signing: { text: "whsec_AAAA" } }))).toEqual(["signingSecret"]);
    const text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    expect((await create({ signing: { text } })).signingSecret).toBe(text);
  });

  it("with V1A are a key pair whose public half is shown", async () => {
    const both = await create({ signatureVersions: ["V1", "V1A"] });
    expect(both.signingSecret).toMatch(/^whsec_/);
    expect(await living(both.definition.id)).toEqual(["STANDARD", "ED25519"]);
    expect((await keys(both.definition.id)).map((key) => key.kind).sort()).toEqual(["ED25519", "HMAC"]);
    const alone = await create({ signatureVersions: ["V1A"] });
    expect(alone.signingSecret).toBeNull();
    expect(await living(alone.definition.id)).toEqual(["ED25519"]);
    expect((await rotateSigningSecret(t.core, admin, alone.definition.id)).signingSecret).toMatch(/^whpk_/);
    expect(await living(alone.definition.id)).toEqual(["ED25519", "ED25519 ends"]);
  });

  it("rotated sign beside the old ones while the overlap lasts", async () => {
    const { definition, signingSecret } = await create();
    const rotated = await rotateSigningSecret(t.core, admin, definition.id, 3600);
    expect(rotated.signingSecret).not.toBe(signingSecret);
    const bytes = (text: string | null) => Buffer.from(text?.slice(6) ?? "", "base64");
    expect(await keys(definition.id)).toEqual([
      { kind: "HMAC", key: bytes(rotated.signingSecret) },
      { kind: "HMAC", key: bytes(signingSecret) },
    ]);
    const plan = await createPlans(t.core).get(definition.id, 0);
    expect(plan?.keysAt(new Date(Date.now() + 3_601_000))).toHaveLength(1);
  });

  it.each([-1, 0.5, 604_801, Number.NaN])("cannot overlap for %d s", async (seconds) => {
    const { id } = await made();
    expect(await pathsOf(rotateSigningSecret(t.core, admin, id, seconds))).toEqual(["overlapSeconds"]);
  });

  it("follow the signature versions", async () => {
    const { id } = await made();
    await change(id, { signatureVersions: ["V1", "V1A"] });
    expect(await living(id)).toEqual(["ED25519", "STANDARD"]);
    await change(id, { signatureVersions: ["V1A"] });
    expect(await living(id)).toEqual(["ED25519"]);
    await change(id, { signatureVersions: ["V1"] });
    expect(await living(id)).toEqual(["STANDARD"]);
  });

  it("are replaced or removed by a change that says so", async () => {
    const { id } = await made({ dialect: "SUPEROFFICE" });
    expect((await change(id, { signing: { text: "first" } })).signingSecret).toBe("first");
    expect(await readSigningSecret(t.core, admin, id)).toBe("first");
    await change(id, { signing: { text: "second" } });
    expect(await readSigningSecret(t.core, admin, id)).toBe("second");
    expect(await living(id)).toEqual(["TEXT"]);
    await change(id, { signing: "NONE" });
    expect(await readSigningSecret(t.core, admin, id)).toBeNull();
    await expect(readSigningSecret(t.core, await t.caller("MEMBER", undefined, admin.organizationId), id)).rejects.toThrow(ForbiddenError);
  });
});
