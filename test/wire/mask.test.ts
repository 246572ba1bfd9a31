import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hiddenValues, isSecretHeader, isSecretName, maskHeaders, maskTarget, maskUrl, withoutValues } from "../../src/wire/mask.ts";

describe("maskHeaders", () => {
  it.each([
    "Authorization",
    "proxy-authorization",
    "X-Api-Key",
    "apikey",
    "X-Auth",
    "X-Auth-Token",
    "accessToken",
    "Cookie",
    "set-cookie",
    "X-Client-Secret",
    "x_password",
    "X-JWT",
    "SO-AppToken",
  ])("hides %s", (name) => {
    expect(isSecretHeader(name)).toBe(true);
  });

  it.each([
    "Accept",
    "X-Author",
    "X-Monkey",
    "X-Region",
    "Idempotency-Key",
    "webhook-signature",
    "x-superoffice-signature",
    "www-authenticate",
    "content-type",
  ])("shows %s", (name) => {
    expect(isSecretHeader(name)).toBe(false);
  });

  it("keeps names and order, and changes no other value", () => {
    const headers = { "X-B": "1", Authorization: "Bearer x", "Set-Cookie": ["a=1", "b=2"], Via: ["a", "b"] };
    expect(maskHeaders<string | string[]>(headers)).toEqual({ "X-B": "1", Authorization: "***", "Set-Cookie": "***", Via: ["a", "b"] });
    expect(Object.keys(maskHeaders<string | string[]>(headers))).toEqual(Object.keys(headers));
    expect(headers.Authorization).toBe("Bearer x");
  });

  it("hides a credential under any name", () => {
    expect(maskHeaders({ "X-Upstream": "Bearer abc", "X-Note": "Bearers of news" })).toEqual({
      "X-Upstream": "***",
      "X-Note": "Bearers of news",
    });
  });
});

describe("a reply that sends secrets back", () => {
  const headers = { Authorization: "Bearer abcdef-123", "X-Api-Key": "key-of-abcdef-123", "X-Pin": "1234", "X-Region": "eu-north-1" };
  const secrets = hiddenValues(headers, maskHeaders(headers));
  it.each([
    ["you sent Bearer abcdef-123 and key-of-abcdef-123", "you sent *** and ***"],
    ["token abcdef-123, region eu-north-1", "token ***, region eu-north-1"],
    // So short a value stands in other words by chance.
    ["12345 is no order", "12345 is no order"],
    ["", ""],
  ])("%j is kept as %j", (text, kept) => expect(withoutValues(text, secrets)).toBe(kept));
});

describe("maskUrl", () => {
  it.each([
    ["https://receiver.example/hooks/1", "https://receiver.example/hooks/1"],
    ["https://user:pa@ss@receiver.example:8443/x", "https://***@receiver.example:8443/x"],
    ["https://token@receiver.example", "https://***@receiver.example"],
    ["https://receiver.example/@handle", "https://receiver.example/@handle"],
    ["https://receiver.example/x?token=abc&flag&b=1=2", "https://receiver.example/x?token=***&flag&b=***"],
    ["https://receiver.example/x#access_token=abc", "https://receiver.example/x#***"],
    ["/inbound/goals/goa_1/hki_secret", "/inbound/goals/goa_1/***"],
    ["/inbound/goals/goa_1/hki_secret/more?x=1", "/inbound/goals/goa_1/***?x=***"],
    ["https://hooks.example/base/Inbound//goals/goa_1/hki_secret", "https://hooks.example/base/Inbound//goals/goa_1/***"],
    ["/inbound/goals/goa_1", "/inbound/goals/goa_1"],
    ["/graphql?query={viewer}", "/graphql?query=***"],
    ["not a url", "not a url"],
    ["", ""],
  ])("%j is shown as %j", (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
  });

  it("no query value, password or key is left, wherever it stands", () => {
    const secret = fc
      .string({ unit: fc.constantFrom("s", "3", "%", "@", ":", "=", "+"), minLength: 1, maxLength: 8 })
      .map((text) => `CANARY${text}`);
    const shapes = fc.constantFrom<(s: string) => string>(
      (s) => `https://u:${s}@h.example/p`,
      (s) => `https://h.example/p?a=1&b=${s}`,
      (s) => `/inbound/goals/goa_1/${s}`,
      (s) => `https://h.example/inbound/goals/goa_1/${s}?x=${s}#${s}`,
    );
    fc.assert(fc.property(shapes, secret, (shape, text) => !maskUrl(shape(text)).includes("CANARY")));
  });
});

describe("maskTarget", () => {
  it.each([
    ["https://shop.example/hooks/orders", "https://shop.example/hooks/orders"],
    ["https://shop.example:8443/a?token=x&b#c", "https://shop.example:8443/a?token=***&***#***"],
    ["https://user:pass@shop.example/", "https://***@shop.example/"],
    ["https://hooks.slack.com/services/T0123/B0123/abcdefghij0123456789", "https://hooks.slack.com/services/T0123/B0123/***"],
    ["https://webhook.site/6f8a3b1e-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "https://webhook.site/***"],
    ["https://shop.example/webhook-receivers-of-the-shop", "https://shop.example/webhook-receivers-of-the-shop"],
    ["not a url?secret", "not a url?***"],
  ])("%s → %s", (url, shown) => {
    expect(maskTarget(url)).toBe(shown);
    expect(maskTarget(shown)).toBe(shown);
  });

  it("names of JSON keys are judged as those of headers", () => {
    expect(["apiKey", "api_key", "accessToken", "clientSecret", "myPin"].map(isSecretName)).toEqual([true, true, true, true, true]);
    expect(["region", "monkey", "keyboard", "author"].map(isSecretName)).toEqual([false, false, false, false]);
  });
});
