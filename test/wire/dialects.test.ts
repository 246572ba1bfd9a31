/** The same test body over all dialects: recorded dialogues first, then what must hold for each of them. */
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { type DefinitionView, type DialectName, type EventView, type RenderInput, TEST_EVENT_TYPE } from "../../src/wire/dialect.ts";
import { dialects } from "../../src/wire/dialects.ts";
import { globalId } from "../../src/wire/ids.ts";
import { members } from "../../src/wire/json-text.ts";
import { signingKey } from "../../src/wire/signatures/signing-key.ts";
import { parseSecret } from "../../src/wire/signatures/standard.ts";
import { type Fixture, judgeCase, renderCase } from "./recorded.ts";
import { DEFINITION, EVENT, REQUEST, reply } from "./views.ts";

const NAMES = Object.keys(dialects) as DialectName[];
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** An event that the dialect sends. */
const TYPES: Record<DialectName, string> = {
  STANDARD: "contact.created",
  CRMCOM: "contact.created",
  DOFORMS: "record.created",
  COTALKER: "task.created",
  SUPEROFFICE: "contact.created",
};

function input(name: DialectName, changes: { event?: Partial<EventView>; definition?: Partial<DefinitionView>; body?: Buffer } = {}) {
  return {
    event: { ...EVENT, type: TYPES[name], ...changes.event },
    definition: { ...DEFINITION, dialect: name, policy: dialects[name].defaults, ...changes.definition },
    request: REQUEST,
    now: new Date(),
    publicUrl: "https://hooks.example",
    body: changes.body ?? null,
  } satisfies RenderInput;
}

describe.each(NAMES)("%s", (name) => {
  const dialect = dialects[name];
  const path = new URL(`../fixtures/dialects/${name.toLowerCase()}.json`, import.meta.url);
  const fixture = JSON.parse(readFileSync(path, "utf8")) as Fixture;

  it.each(fixture.renders)("renders: $title", (recorded) => {
    expect(renderCase(name, recorded)).toEqual(recorded.expected);
  });

  it.each(fixture.replies)("judges: $title", (recorded) => {
    expect(judgeCase(name, recorded)).toEqual(recorded.verdict);
  });

  it("bears its own name", () => {
    expect(dialect.name).toBe(name);
  });

  it("sends JSON, named headers in lower case, and who it is", () => {
    const sent = dialect.render(input(name));
    expect(() => JSON.parse(sent.body.toString())).not.toThrow();
    expect(Object.keys(sent.headers)).toEqual(Object.keys(sent.headers).map((header) => header.toLowerCase()));
    expect(sent.headers["content-type"]).toMatch(/^application\/json/);
    expect(sent.headers["user-agent"]).toMatch(/^[\w-]+\/\d+\.\d+\.\d+/);
  });

  it("carries Standard Webhooks headers over its exact bytes when there is a signing key", () => {
    const key = signingKey(name, "STANDARD", SECRET);
    const given = input(name, { definition: { signingKeys: [key] } });
    const sent = dialect.render(given);
    const receiver = name === "SUPEROFFICE" ? new Webhook(Buffer.from(SECRET), { format: "raw" }) : new Webhook(SECRET);
    expect(receiver.verify(sent.body, sent.headers)).toEqual(JSON.parse(sent.body.toString()));
    expect(sent.headers["webhook-id"]).toBe(globalId("Event", given.event.id));
  });

  it("has no signature without a key", () => {
    const { headers } = dialect.render(input(name));
    expect(Object.keys(headers).filter((header) => header.includes("signature"))).toEqual([]);
  });

  it("signs and sends bytes that were made elsewhere as they are", () => {
    const body = Buffer.from('{ "made" : "elsewhere", "n" : 1.0 }');
    const sent = dialect.render(input(name, { body, definition: { signingKeys: [signingKey(name, "STANDARD", SECRET)] } }));
    expect(sent.body).toBe(body);
    const receiver = name === "SUPEROFFICE" ? new Webhook(Buffer.from(SECRET), { format: "raw" }) : new Webhook(SECRET);
    expect(receiver.verify(body, sent.headers)).toEqual({ made: "elsewhere", n: 1 });
  });

  it("renders the same bytes again for a retry", () => {
    const given = input(name);
    const again = { ...given, event: { ...given.event }, request: { ...REQUEST, retries: 1 }, now: new Date(0) };
    expect(dialect.render(again).body).toEqual(dialect.render(given).body);
  });

  it("has a target and a body for the test event", () => {
    const given = input(name, { event: { type: TEST_EVENT_TYPE, entity: null, entityId: null, payload: "{}" } });
    expect(dialect.target(given.event, given.definition)).toBe(DEFINITION.targetUrl);
    expect(members(dialect.render(given).body.toString())?.size).toBeGreaterThan(0);
  });

  it("takes the connection's URL for the kind of change", () => {
    const connection = { added: "https://a.example/", edited: null, deleted: null, status: null };
    const given = input(name, { definition: { connection } });
    expect(dialect.target(given.event, given.definition)).toBe(connection.added);
    const edit = TYPES[name].replace("created", "updated");
    expect(dialect.target({ ...given.event, type: edit }, given.definition)).toBeNull();
  });

  it("says of a body in an encoding that nobody asked for that it was not read", () => {
    const told = "the reply's body was not read: its Content-Encoding is gzip, and the request accepts only identity";
    const ok = dialect.judge({ ...reply(200, ""), unread: "gzip" });
    expect([ok.outcome, ok.warning]).toEqual(["DELIVERED", name === "DOFORMS" ? `${told}; it counts as empty` : told]);
    expect(dialect.judge({ ...reply(500, ""), unread: "gzip" })).toMatchObject({ outcome: "REJECTED", warning: told });
  });

  it("counts an answer as delivered or tells why it was not, always with a code", () => {
    for (let status = 100; status <= 599; status++) {
      const verdict = dialect.judge(reply(status, '{"status":"completed"}'));
      expect(verdict.outcome, `HTTP ${status}`).toBe(isSuccess(name, status) ? "DELIVERED" : "REJECTED");
      expect(verdict.errorCode, `HTTP ${status}`).toBe(isSuccess(name, status) ? null : "HTTP_STATUS");
      expect(verdict.gone).toBe(status === 410);
    }
  });
});

function isSuccess(name: DialectName, status: number): boolean {
  const last = { STANDARD: 299, CRMCOM: 299, DOFORMS: 299, COTALKER: 209, SUPEROFFICE: 200 }[name];
  return status >= 200 && status <= last;
}

describe("the defaults of DESIGN's table", () => {
  const common = { concurrency: 10, jitter: 0, maxConsecutiveErrors: null, timeoutMs: 15_000, onGone: null, onExhausted: "SKIP" };
  it.each([
    [
      "STANDARD",
      {
        ...common,
        ordering: "DEFINITION",
        concurrency: 1,
        waits: [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600],
        jitter: 0.2,
        onGone: "STOPPED",
      },
    ],
    ["CRMCOM", { ...common, ordering: "NONE", waits: [] }],
    ["DOFORMS", { ...common, ordering: "NONE", waits: [60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600], timeoutMs: 3000 }],
    ["COTALKER", { ...common, ordering: "DEFINITION", concurrency: 1, waits: [30, 30] }],
    [
      "SUPEROFFICE",
      {
        ...common,
        ordering: "NONE",
        waits: [1, 4],
        requeueWait: 60,
        onExhausted: "REQUEUE",
        maxConsecutiveErrors: 9,
        onGone: "TOO_MANY_ERRORS",
      },
    ],
  ] as const)("%s", (name, policy) => {
    expect(dialects[name].defaults).toMatchObject(policy);
  });
});

describe("what only one dialect has", () => {
  it("STANDARD: definitions that add nothing of their own share one buffer per event", () => {
    const given = input("STANDARD");
    const other = { ...given, definition: { ...given.definition, name: "another" } };
    expect(dialects.STANDARD.render(other).body).toBe(dialects.STANDARD.render(given).body);
    const elsewhere = dialects.STANDARD.render({ ...given, publicUrl: "https://other.example" });
    expect(members(elsewhere.body.toString())?.get("source")).toBe('"https://other.example"');
  });

  it("CRMCOM: C25 bytes sent again keep the code that they carry, also after the key has changed", () => {
    const secretKey = { text: "old", algorithm: "SHA256", encoding: "HEX" } as const;
    const first = dialects.CRMCOM.render(input("CRMCOM", { definition: { secretKey } }));
    const later = dialects.CRMCOM.render(input("CRMCOM", { definition: { secretKey: { ...secretKey, text: "new" } }, body: first.body }));
    expect(later.authenticationCode).toBe(first.authenticationCode);
    expect(later.authenticationCode).toMatch(/^[0-9a-f]{64}$/);
  });

  it("CRMCOM: a body without a code of its own is signed as a whole, be it JSON or not", () => {
    const secretKey = { text: "key", algorithm: "SHA256", encoding: "BASE64" } as const;
    const body = Buffer.from("The quick brown fox jumps over the lazy dog");
    const code = "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=";
    expect(dialects.CRMCOM.render(input("CRMCOM", { definition: { secretKey }, body })).authenticationCode).toBe(code);
    expect(
      dialects.CRMCOM.render(input("CRMCOM", { definition: { secretKey }, body: Buffer.from('{"cut') })).authenticationCode,
    ).toBeTruthy();
  });

  it("SUPEROFFICE: S18 the secret's key is the UTF-8 text as it was shown, in both signatures", () => {
    const sent = dialects.SUPEROFFICE.render(
      input("SUPEROFFICE", { definition: { signingKeys: [signingKey("SUPEROFFICE", "STANDARD", SECRET)] } }),
    );
    const raw = new Webhook(Buffer.from(SECRET), { format: "raw" });
    expect(() => raw.verify(sent.body, sent.headers)).not.toThrow();
    expect(parseSecret(SECRET)).toHaveLength(24);
  });

  it("SUPEROFFICE: during a rotation its one signature is the current key's", () => {
    const keys = ["current", "old"].map((text) => signingKey("SUPEROFFICE", "TEXT", text));
    const rotating = dialects.SUPEROFFICE.render(input("SUPEROFFICE", { definition: { signingKeys: keys } }));
    const after = dialects.SUPEROFFICE.render(input("SUPEROFFICE", { definition: { signingKeys: keys.slice(0, 1) } }));
    expect(rotating.headers["x-superoffice-signature"]).toBe(after.headers["x-superoffice-signature"]);
    expect(rotating.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  });

  it.each([
    ["2026-11-21T20:40:01.573Z", "2026-11-21T20:40:01.573Z"],
    ["2026-11-21T20:40:01.570Z", "2026-11-21T20:40:01.57Z"],
    ["2026-11-21T20:40:00.000Z", "2026-11-21T20:40:00Z"],
    ["2026-11-21T00:00:00.000Z", "2026-11-21T00:00:00Z"],
  ])("SUPEROFFICE: trailing zeros of the timestamp are dropped: %s", (occurredAt, expected) => {
    const sent = dialects.SUPEROFFICE.render(input("SUPEROFFICE", { event: { occurredAt: new Date(occurredAt) } }));
    expect(members(sent.body.toString())?.get("Timestamp")).toBe(`"${expected}"`);
  });

  it.each([
    ["18", 18],
    ["-5", -5],
    ["2147483647", 2147483647],
    ["2147483648", 0],
    ["007", 0],
    ["1.0", 0],
    ["contact-7", 0],
    [null, 0],
  ])("SUPEROFFICE: PrimaryKey of entity id %s is %s", (entityId, expected) => {
    const sent = dialects.SUPEROFFICE.render(input("SUPEROFFICE", { event: { entityId } }));
    expect(members(sent.body.toString())?.get("PrimaryKey")).toBe(String(expected));
  });
});
