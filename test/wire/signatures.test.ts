/** The vectors of SECURITY.md and the contracts, byte for byte. */
import { createPublicKey, verify } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { authenticationCode, githubSignature, superofficeSignature } from "../../src/wire/signatures/hmac.ts";
import { signingKey } from "../../src/wire/signatures/signing-key.ts";
import { generatePair, generateSecret, parseSecret, publicKeyOf, standardHeaders } from "../../src/wire/signatures/standard.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT = new Date(1614265330_000);
const BODY = Buffer.from('{"test": 2432232314}');
/** RFC 8032, 7.1, test 1. */
const SEED = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");

const v1 = signingKey("STANDARD", "STANDARD", SECRET);
const v1a = signingKey("STANDARD", "ED25519", SEED.toString("base64"));

describe("Standard Webhooks", () => {
  it("v1, the specification's vector", () => {
    expect(standardHeaders(ID, AT, BODY, [v1])).toEqual({
      "webhook-id": ID,
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("v1 over UTF-8", () => {
    const body = Buffer.from('{"name":"Åse 😀","n":1.0}');
    expect(standardHeaders("msg_utf8", AT, body, [v1])["webhook-signature"]).toBe("v1,3eresza/hHT+iqDfz8n6P5xO24ohRi3cWcp4SYS2l38=");
  });

  it("v1a, and the public key that receivers get", () => {
    expect(publicKeyOf(SEED)).toBe("whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    expect(standardHeaders(ID, AT, BODY, [v1a])["webhook-signature"]).toBe(
      "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==",
    );
  });

  it("a rotation signs with every valid key, the current one first", () => {
    const old = signingKey("STANDARD", "STANDARD", generateSecret());
    const signature = standardHeaders(ID, AT, BODY, [v1, old, v1a])["webhook-signature"]?.split(" ");
    expect(signature?.map((part) => part.split(",")[0])).toEqual(["v1", "v1", "v1a"]);
    expect(signature?.[0]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  it("no key, no signature", () => {
    expect(standardHeaders(ID, AT, BODY, [])).toEqual({ "webhook-id": ID, "webhook-timestamp": "1614265330" });
  });

  it("the fraction of a second is cut, never rounded into the future", () => {
    expect(standardHeaders(ID, new Date(1614265330_999), BODY, [])["webhook-timestamp"]).toBe("1614265330");
  });

  it("a receiver with either secret of a rotation verifies, one with another does not", () => {
    const [current, old, foreign] = [generateSecret(), generateSecret(), generateSecret()];
    const keys = [current, old].map((text) => signingKey("STANDARD", "STANDARD", text));
    const headers = { ...standardHeaders(ID, new Date(), BODY, keys) } as Record<string, string>;
    expect(new Webhook(current).verify(BODY, headers)).toEqual({ test: 2432232314 });
    expect(new Webhook(old).verify(BODY, headers)).toEqual({ test: 2432232314 });
    expect(() => new Webhook(foreign).verify(BODY, headers)).toThrow("No matching signature");
    expect(() => new Webhook(current).verify(Buffer.from('{"test": 2432232315}'), headers)).toThrow("No matching signature");
  });
});

describe("secrets", () => {
  it("a generated one has 32 bytes, and never comes twice", () => {
    const [one, other] = [generateSecret(), generateSecret()];
    expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(parseSecret(one)).toHaveLength(32);
    expect(one).not.toBe(other);
  });

  it.each(["", "whsec_", "whsec_!!!!", "whsec_MfKQ9r8GKYqrTwj UPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whpk_MfKQ"])(
    "%j is no secret",
    (text) => {
      expect(parseSecret(text)).toBeUndefined();
    },
  );

  it("padding may be left out", () => {
    expect(parseSecret("whsec_AQI")).toEqual(Buffer.from([1, 2]));
  });

  it("a generated pair signs what its public key verifies", () => {
    const pair = generatePair();
    const header = standardHeaders(ID, AT, BODY, [{ kind: "ED25519", seed: pair.seed }])["webhook-signature"] ?? "";
    const x = Buffer.from(pair.publicKey.slice("whpk_".length), "base64").toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    const signed = Buffer.concat([Buffer.from(`${ID}.1614265330.`), BODY]);
    expect(verify(null, signed, key, Buffer.from(header.slice("v1a,".length), "base64"))).toBe(true);
    expect(verify(null, BODY, key, Buffer.from(header.slice("v1a,".length), "base64"))).toBe(false);
  });

  it("a seed is read from base64 and from whsk_, and nothing else passes for one", () => {
    const pair = generatePair(() => SEED);
    expect(pair.publicKey).toBe(publicKeyOf(SEED));
    expect(signingKey("STANDARD", "ED25519", pair.privateKey)).toEqual({ kind: "ED25519", seed: SEED });
    expect(() => signingKey("STANDARD", "ED25519", "c2hvcnQ=")).toThrow(TypeError);
  });

  it("a user's own text is its UTF-8 bytes; superoffice takes every secret so", () => {
    const text = { kind: "HMAC", key: Buffer.from(SECRET) };
    expect(signingKey("SUPEROFFICE", "STANDARD", SECRET)).toEqual(text);
    expect(signingKey("STANDARD", "TEXT", SECRET)).toEqual(text);
    expect(signingKey("COTALKER", "STANDARD", SECRET)).toEqual({ kind: "HMAC", key: parseSecret(SECRET) });
  });
});

describe("S18 SuperOffice: base64(HMAC-SHA256(secret, body))", () => {
  const contact =
    '{"EventId":"88f91933-edce-4c1a-8ded-ade8e2f72434","Timestamp":"2018-04-05T08:28:01.5732501Z","Changes":["contact_id","updated_associate_id","soundEx","updated","name"],"Event":"contact.changed","PrimaryKey":18,"Entity":"contact","ContextIdentifier":"Cust54321","ChangedByAssociateId":5,"WebhookName":"Tonys Contact Handler"}';
  it.each([
    ["vector 1", "Something Super Secret", contact, "BCiOaqlMZ2idyAhrKK+twtAuLPOdBYE96ebKwdXx3CA="],
    ["vector 2", "key", "The quick brown fox jumps over the lazy dog", "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="],
    ["vector 3, UTF-8", "nøkkel", '{"WebhookName":"Blåbær"}', "ajm81ST6qHJHo1KUGrH4TXc+8gSvzVS66BcRDgUPazg="],
  ])("%s", (_, secret, body, expected) => {
    expect(superofficeSignature(Buffer.from(secret), Buffer.from(body))).toBe(expected);
  });
});

describe("C25 CRM.COM: authentication_code", () => {
  const data = '{"activity":{"id":"0C3B5CB66ED4AACF5C2FDDAE984704E8","number":"A1"}}';
  it.each([
    ["SHA256", "HEX", "a3ec0e4a7a6c20168468c12b3eb1b5e81f701f4433e72a07a0e44ec866c7d92e"],
    ["SHA1", "HEX", "a00f86954a8e6ff8e07c1d34b6bf1bb62bf75966"],
    ["SHA1", "BASE64", Buffer.from("a00f86954a8e6ff8e07c1d34b6bf1bb62bf75966", "hex").toString("base64")],
    ["SHA256", "BASE64", "o+wOSnpsIBaEaMErPrG16B9wH0Qz5yoHoOROyGbH2S4="],
  ] as const)("%s, %s", (algorithm, encoding, expected) => {
    expect(authenticationCode({ text: "my-secret-key", algorithm, encoding }, data)).toBe(expected);
  });
});

it("the form of GitHub", () => {
  expect(githubSignature("It's a Secret to Everybody", "Hello, World!")).toBe(
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
  );
});
