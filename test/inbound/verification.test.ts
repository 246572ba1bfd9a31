/** Each preset against its vendor's own library and published vectors. */
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { sign as signForGitHub, verify as verifyForGitHub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { describe, expect, test } from "vitest";
import { ValidationError } from "../../src/errors.ts";
import { sourceAfter } from "../../src/inbound/source.ts";
import { type Preset, refusalOf, type Verification } from "../../src/inbound/verification.ts";

const NOW = new Date("2026-11-01T08:00:00Z");
const SECONDS = Math.floor(NOW.getTime() / 1_000);
const BODY = '{"id":"evt_1","n":1.0,"name":"Åse 😀"}';

const refusal = (
  preset: Preset,
  secret: string,
  headers: Record<string, string | string[]>,
  body: string | Uint8Array = BODY,
  now = NOW,
  more: Partial<Verification> = {},
) => refusalOf({ preset, secret, header: null, encoding: "HEX", ...more }, { headers, body: Buffer.from(body) }, now);

describe("Standard Webhooks", () => {
  const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const signed = (id: string, at: Date, body = BODY) => ({
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": new Webhook(SECRET).sign(id, at, body),
  });

  test("what its library signs is taken, and nothing else", () => {
    const headers = signed("msg_1", NOW);
    expect(refusal("STANDARD_WEBHOOKS", SECRET, headers)).toBeUndefined();
    expect(refusal("STANDARD_WEBHOOKS", SECRET, headers, `${BODY} `)).toMatch(/signature/);
    expect(refusal("STANDARD_WEBHOOKS", SECRET, { ...headers, "webhook-id": "msg_2" })).toMatch(/signature/);
    const rotated = { ...headers, "webhook-signature": `v1,${Buffer.alloc(32).toString("base64")} ${headers["webhook-signature"]}` };
    expect(refusal("STANDARD_WEBHOOKS", SECRET, rotated)).toBeUndefined();
    const svix = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.replace("webhook", "svix"), value]));
    expect(refusal("STANDARD_WEBHOOKS", SECRET, svix)).toBeUndefined();
    expect(refusal("STANDARD_WEBHOOKS", SECRET, {})).toMatch(/not all there/);
    for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"] as const) {
      const { [name]: value, ...others } = headers;
      expect(refusal("STANDARD_WEBHOOKS", SECRET, { ...others, [name.replace("webhook", "svix")]: value })).toMatch(/not all there/);
    }
  });

  test("its published vectors", () => {
    const at = new Date(1614265330_000);
    const headers = (id: string, signature: string) => ({
      ...{ "webhook-id": id, "webhook-timestamp": "1614265330", "webhook-signature": signature },
    });
    const first = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    expect(refusal("STANDARD_WEBHOOKS", SECRET, first, '{"test": 2432232314}', at)).toBeUndefined();
    const second = headers("msg_utf8", "v1,3eresza/hHT+iqDfz8n6P5xO24ohRi3cWcp4SYS2l38=");
    expect(refusal("STANDARD_WEBHOOKS", SECRET, second, '{"name":"Åse 😀","n":1.0}', at)).toBeUndefined();
    const asymmetric = headers(
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==",
    );
    const key = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    expect(refusal("STANDARD_WEBHOOKS", key, asymmetric, '{"test": 2432232314}', at)).toBeUndefined();
    expect(refusal("STANDARD_WEBHOOKS", key, asymmetric, '{"test": 2432232315}', at)).toMatch(/signature/);
  });

  test("another key pair is no proof", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const text = `v1a,${sign(null, Buffer.from(`m.${SECONDS}.${BODY}`), privateKey).toString("base64")}`;
    const headers = { "webhook-id": "m", "webhook-timestamp": String(SECONDS), "webhook-signature": text };
    expect(refusal("STANDARD_WEBHOOKS", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", headers)).toMatch(/signature/);
  });

  test.each([
    ["as it is shown", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    ["without its padding", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"],
    ["as base64url", "whpk_11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"],
    ["with a line's end", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"],
    ["with a blank", "whpk_11qYAYKxCrfVS/7TyWQHOg 7hcvPapiMlrwIaaPcHURo="],
    ["cut", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHUQ=="],
    ["without its prefix", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
  ])("a public key %s verifies, or is refused when it is saved", (_name, key) => {
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==",
    };
    const verifies = refusal("STANDARD_WEBHOOKS", key, headers, '{"test": 2432232314}', new Date(1614265330_000)) === undefined;
    const save = () => sourceAfter(undefined, { eventType: "a.b", verification: { preset: "STANDARD_WEBHOOKS", secret: key } }, []);
    if (verifies) expect(save().verification).toBe("STANDARD_WEBHOOKS");
    else expect(save).toThrow(ValidationError);
  });

  test.each([
    ["five minutes old", -300, undefined],
    ["older", -301, /old/],
    ["five minutes ahead", 300, undefined],
    ["further ahead", 301, /ahead/],
  ])("a timestamp %s", (_name, seconds, expected) => {
    const told = refusal("STANDARD_WEBHOOKS", SECRET, signed("m", new Date(NOW.getTime() + seconds * 1_000)));
    if (expected) expect(told).toMatch(expected);
    else expect(told).toBeUndefined();
  });

  test.each(["", "x", "1e9", "-1", "9".repeat(40), `${SECONDS} `])("the timestamp %j is none", (timestamp) => {
    expect(refusal("STANDARD_WEBHOOKS", SECRET, { ...signed("m", NOW), "webhook-timestamp": timestamp })).toBeDefined();
  });
});

describe("GitHub", () => {
  test("what its library signs is taken", async () => {
    const signature = await signForGitHub("s", BODY);
    expect(await verifyForGitHub("s", BODY, signature)).toBe(true);
    expect(refusal("GITHUB", "s", { "x-hub-signature-256": signature })).toBeUndefined();
    expect(refusal("GITHUB", "t", { "x-hub-signature-256": signature })).toMatch(/x-hub-signature-256/);
    expect(refusal("GITHUB", "s", { "x-hub-signature-256": signature.slice("sha256=".length) })).toBeDefined();
    expect(refusal("GITHUB", "s", { "x-hub-signature-256": [signature, signature] })).toMatch(/not there/);
  });

  test("its published vector", () => {
    const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    expect(refusal("GITHUB", "It's a Secret to Everybody", { "x-hub-signature-256": signature }, "Hello, World!")).toBeUndefined();
  });
});

describe("Stripe", () => {
  const stripe = new Stripe("sk_test_none");
  const secret = "whsec_test_secret";
  const header = (timestamp: number, payload = BODY) => stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });

  test("what its library signs is taken by both alike", () => {
    expect(stripe.webhooks.constructEvent(BODY, header(Math.floor(Date.now() / 1_000)), secret).id).toBe("evt_1");
    expect(refusal("STRIPE", secret, { "stripe-signature": header(SECONDS) })).toBeUndefined();
    expect(refusal("STRIPE", secret, { "stripe-signature": `${header(SECONDS)},v1=${"0".repeat(64)},v0=x` })).toBeUndefined();
    expect(refusal("STRIPE", secret, { "stripe-signature": header(SECONDS) }, `${BODY}\n`)).toBeDefined();
    expect(refusal("STRIPE", "whsec_other", { "stripe-signature": header(SECONDS) })).toBeDefined();
    expect(refusal("STRIPE", secret, { "stripe-signature": header(SECONDS - 301) })).toMatch(/old/);
    expect(refusal("STRIPE", secret, { "stripe-signature": header(SECONDS).replace(/t=\d+/, `t=${SECONDS + 1}`) })).toBeDefined();
    expect(refusal("STRIPE", secret, { "stripe-signature": header(SECONDS).replace("v1=", "v0=") })).toBeDefined();
  });
});

describe("Shopify", () => {
  test("base64 of the body's HMAC", () => {
    const signature = createHmac("sha256", "hush").update(BODY).digest("base64");
    expect(refusal("SHOPIFY", "hush", { "x-shopify-hmac-sha256": signature })).toBeUndefined();
    expect(refusal("SHOPIFY", "hush", { "x-shopify-hmac-sha256": signature.replace(/^./, (c) => (c === "A" ? "B" : "A")) })).toBeDefined();
    expect(refusal("SHOPIFY", "hush", { "x-shopify-hmac-sha256": Buffer.from(signature, "base64").toString("hex") })).toBeDefined();
  });
});

describe("Slack", () => {
  test("the example of its documentation", () => {
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const headers = {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    };
    const at = new Date(1531420618_000);
    expect(refusal("SLACK", "8f742231b10e8888abcd99yyyzzz85a5", headers, body, at)).toBeUndefined();
    expect(refusal("SLACK", "8f742231b10e8888abcd99yyyzzz85a5", headers, body, new Date(at.getTime() + 301_000))).toMatch(/old/);
    expect(refusal("SLACK", "8f742231b10e8888abcd99yyyzzz85a5", headers, `${body}&a=b`, at)).toBeDefined();
  });
});

describe("HMAC", () => {
  const digest = createHmac("sha256", "k").update(BODY).digest();
  test.each([
    ["HEX", digest.toString("hex"), true],
    ["HEX", `sha256=${digest.toString("hex")}`, true],
    ["HEX", digest.toString("hex").toUpperCase(), true],
    ["BASE64", digest.toString("base64"), true],
    ["HEX", digest.toString("base64"), false],
    ["HEX", digest.toString("hex").slice(2), false],
    ["HEX", `${digest.toString("hex")}00`, false],
    ["HEX", "", false],
  ] as const)("%s %s: %s", (encoding, signature, good) => {
    const told = refusal("HMAC", "k", { "x-signature": signature }, BODY, NOW, { header: "x-signature", encoding });
    expect(told === undefined).toBe(good);
  });
});

test("a secret that is gone verifies nothing; NONE asks for nothing", () => {
  const post = { headers: {}, body: Buffer.from(BODY) };
  expect(refusalOf({ preset: "GITHUB", secret: null, header: null, encoding: "HEX" }, post, NOW)).toMatch(/no secret/);
  expect(refusalOf({ preset: "NONE", secret: null, header: null, encoding: "HEX" }, post, NOW)).toBeUndefined();
});
