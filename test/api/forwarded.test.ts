/** What proxies say of the client, and from whom it is believed. */
import { describe, expect, test } from "vitest";
import { createForwarded, forwardedFor } from "../../src/api/forwarded.ts";
import { createLog } from "../../src/observe/log.ts";

const log = createLog({ logLevel: "silent" });

function settled(headers: Record<string, string>, { from = "10.0.0.1", trusted = ["10.0.0.0/8", "fd00::/8"] } = {}) {
  const request = { headers: { ...headers }, socket: { remoteAddress: from } };
  createForwarded({ config: { trustedProxies: trusted }, log } as never)(request as never);
  return request.headers;
}

describe("B76 X-Forwarded headers of a proxy that is believed", () => {
  test.each([
    ["https", "https"],
    ["HTTPS", "https"],
    ["https, http", "https"],
    ["https,http,http", "https"],
    [" https ", "https"],
    ["http, https", "http"],
    ["wss", "wss"],
    ["", ""],
  ])("X-Forwarded-Proto %j is %j", (given, read) => {
    expect(settled({ "x-forwarded-proto": given })["x-forwarded-proto"]).toBe(read);
  });

  test("the first X-Forwarded-Host counts", () => {
    expect(settled({ "x-forwarded-host": "hooks.example.com, inner.local:8080" })["x-forwarded-host"]).toBe("hooks.example.com");
  });

  test.each([
    ["203.0.113.9", "203.0.113.9"],
    ["203.0.113.9, 10.0.0.7", "203.0.113.9, 10.0.0.7"],
    ["203.0.113.9:4711", "203.0.113.9"],
    ["[2001:db8::7]:4711, 10.0.0.7", "2001:db8::7, 10.0.0.7"],
    ["2001:db8::7", "2001:db8::7"],
    ["203.0.113.9, unknown, 10.0.0.7", "10.0.0.7"],
    ["203.0.113.9, unknown", ""],
    ["junk", ""],
    ["", ""],
    ["[", ""],
  ])("X-Forwarded-For %j is %j: what stands left of no address counts for nothing", (given, read) =>
    expect(forwardedFor(given)).toBe(read),
  );

  test("an IPv4 address that a dual-stack socket writes is the same proxy", () => {
    expect(settled({ "x-forwarded-proto": "HTTPS" }, { from: "::ffff:10.0.0.1" })["x-forwarded-proto"]).toBe("https");
  });
});

test("B76 from anybody else -Proto and -Host are taken away, and -For stays where it tells that there is a proxy", () => {
  const headers = { "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example" };
  for (const where of [{ from: "192.0.2.1" }, { trusted: [] }, { from: "192.0.2.1, 10.0.0.1" }])
    expect(settled(headers, where)).toEqual({ "x-forwarded-for": "203.0.113.9" });
});
