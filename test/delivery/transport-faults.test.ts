/** The rows of the fault list that concern one call, each against a receiver that really does it. */
import { afterEach, describe, expect, it } from "vitest";
import type { Sent } from "../../src/delivery/call.ts";
import { type Address, createEgress, type Resolver } from "../../src/delivery/egress.ts";
import type { HostileMode } from "../helpers/hostile.ts";
import { call, closeAll, codeOf, hostile, receiver, transport } from "./transport-setup.ts";

afterEach(closeAll);

/** FAULTS F13: the attempt ends at its timeout ± 10 %; later by what a busy test machine needs. */
function expectTimeout(sent: Sent, timeoutMs: number) {
  expect(sent.durationMs).toBeGreaterThanOrEqual(timeoutMs * 0.9);
  expect(sent.durationMs).toBeLessThanOrEqual(timeoutMs * 1.25);
}

describe("F13: a receiver that never answers", () => {
  it("ends each attempt at its timeout, closes the sockets, and leaves the healthy alone", async () => {
    const dead = await hostile("silent");
    const r = await receiver();
    const out = transport();
    const attempts = Array.from({ length: 20 }, () => out.send(call(dead.url, { timeoutMs: 1_000 })));
    const healthy = await Promise.all(Array.from({ length: 20 }, () => out.send(call(r.url, { timeoutMs: 1_000 }))));
    expect(new Set(healthy.map(codeOf))).toEqual(new Set(["REPLY 200"]));
    for (const sent of await Promise.all(attempts)) {
      expect(codeOf(sent)).toBe("TIMED_OUT TIMEOUT");
      expectTimeout(sent, 1_000);
    }
    expect(dead.requests).toBe(20);
    await dead.waitForClosed();
  });

  it("has shorter limits for the first steps where the timeout is long", async () => {
    const h = await hostile("silent");
    const out = transport({ resolver: () => new Promise(() => {}), phaseLimits: { dns: 200, tls: 300 } });
    const dns = await out.send(call("https://slow.test/", { timeoutMs: 20_000 }));
    const tls = await out.send(call(`https://127.0.0.1:${h.port}/`, { timeoutMs: 20_000 }));
    expect([codeOf(dns), codeOf(tls)]).toEqual(["REFUSED DNS_ERROR", "REFUSED TLS_ERROR"]);
    expect(dns.durationMs).toBeLessThan(1_000);
    expect(tls.durationMs).toBeLessThan(1_000);
    await h.waitForClosed();
  });

  it("does not keep the next call to the same origin waiting", async () => {
    const r = await receiver();
    const out = transport();
    r.respond((_call, index) => ({ delayMs: index === 0 ? 3_000 : 0 }));
    const slow = out.send(call(r.url, { timeoutMs: 500 }));
    await r.waitFor(1);
    expect(codeOf(await out.send(call(r.url)))).toBe("REPLY 200");
    expect(codeOf(await slow)).toBe("TIMED_OUT TIMEOUT");
  });
});

describe("F14: one byte per 100 ms", () => {
  it.each([
    ["drip-head", "TIMED_OUT TIMEOUT"],
    ["drip-body", "REPLY 200 then TIMED_OUT TIMEOUT"],
    ["stall-in-head", "TIMED_OUT TIMEOUT"],
    ["stall-before-body", "REPLY 201 then TIMED_OUT TIMEOUT"],
  ] as const)("%s ends at the total timeout", async (mode, code) => {
    const h = await hostile(mode);
    const sent = await transport().send(call(h.url, { timeoutMs: 1_000 }));
    expect(codeOf(sent)).toBe(code);
    expectTimeout(sent, 1_000);
    await h.waitForClosed();
  });
});

describe("F15: broken HTTP has a stable code", () => {
  it.each([
    ["reset", "REFUSED CONNECTION_RESET"],
    ["half-close", "REFUSED CONNECTION_RESET"],
    ["garbage", "REFUSED RESPONSE_INVALID"],
    ["truncated-head", "REFUSED RESPONSE_INVALID"],
    ["truncated-body", "REPLY 200 then REFUSED RESPONSE_INVALID"],
    ["truncated-chunks", "REPLY 200 then REFUSED RESPONSE_INVALID"],
    ["bad-chunk", "REPLY 200 then REFUSED RESPONSE_INVALID"],
    ["reset-in-body", "REPLY 200 then REFUSED CONNECTION_RESET"],
    ["reset-in-head", "REFUSED CONNECTION_RESET"],
    ["error-then-reset", "REPLY 503 then REFUSED CONNECTION_RESET"],
    ["two-lengths", "REFUSED RESPONSE_INVALID"],
    ["same-length-twice", "REFUSED RESPONSE_INVALID"],
    ["length-and-chunked", "REFUSED RESPONSE_INVALID"],
    ["status-line-twice", "REFUSED RESPONSE_INVALID"],
    ["two-replies", "REPLY 200"],
    ["endless-headers", "REFUSED RESPONSE_TOO_LARGE"],
    ["status-42", "REFUSED RESPONSE_INVALID"],
    ["status-099", "REFUSED RESPONSE_INVALID"],
    ["status-600", "REFUSED RESPONSE_INVALID"],
    ["status-999", "REFUSED RESPONSE_INVALID"],
    ["switching-protocols", "REFUSED RESPONSE_INVALID"],
    ["switching-without-upgrade", "REFUSED RESPONSE_INVALID"],
    ["interim-flood", "REFUSED RESPONSE_INVALID"],
    ["continue-flood", "REFUSED RESPONSE_INVALID"],
    ["big-headers", "REFUSED RESPONSE_TOO_LARGE"],
    ["one-big-header", "REFUSED RESPONSE_TOO_LARGE"],
  ] as const)("%s: %s", async (mode, code) => {
    const h = await hostile(mode);
    const out = transport();
    // Twice: the first must leave nothing behind that changes the second.
    for (let round = 1; round <= 2; round += 1) {
      expect(codeOf(await out.send(call(h.url)))).toBe(code);
      expect(h.requests).toBe(round);
    }
    await h.waitForClosed();
    expect(out.origins).toBe(0);
  });

  it("an interim answer before the real one is none of it", async () => {
    const h = await hostile("early-hints");
    expect((await transport().send(call(h.url))).answer).toMatchObject({ status: 200, body: "ok" });
  });

  it("a 100 Continue that nobody asked for is passed over, and nothing of the real one is changed", async () => {
    const h = await hostile("continue");
    const out = transport();
    const sent = await out.send(call(h.url));
    expect(sent.answer).toMatchObject({ status: 200, body: "\r\n\r\nHTTP/1.1 100 Continue" });
    expect((await out.send(call(h.url))).answer).toEqual(sent.answer);
    expect(h.connections).toBe(1);
    const slow = await hostile("continue-in-pieces");
    expect((await transport().send(call(slow.url))).answer).toMatchObject({ status: 200, body: "ok" });
  });

  it("a body that comes in many pieces is whole", async () => {
    const r = await hostile("many-chunks");
    expect((await transport().send(call(r.url))).answer).toMatchObject({ status: 200, body: "one two three four five" });
  });

  it("a receiver that closes behind each reply, and does not say so, gets every call", async () => {
    const h = await hostile("closes-unsaid");
    const out = transport();
    const codes: string[] = [];
    for (let i = 0; i < 50; i++) codes.push(codeOf(await out.send(call(h.url))));
    expect(codes).toEqual(new Array(50).fill("REPLY 200"));
  });

  it("nobody listens: CONNECTION_REFUSED, without the address", async () => {
    const r = await receiver();
    await r.close();
    const sent = await transport().send(call(`http://localhost:${r.port}/`));
    expect(codeOf(sent)).toBe("REFUSED CONNECTION_REFUSED");
    expect(JSON.stringify(sent)).not.toMatch(/127\.0\.0\.1|::1/);
  });
});

describe("after any mix of receivers and abandoned calls", () => {
  it("no connection and no slot is left over", async () => {
    const modes: HostileMode[] = [
      "silent",
      "reset",
      "half-close",
      "garbage",
      "truncated-body",
      "drip-body",
      "big-headers",
      "endless-body",
      "interim-flood",
    ];
    const targets = [await receiver(), ...(await Promise.all(modes.map(hostile)))];
    const out = transport({ connectionsPerOrigin: 2 });
    const sent = await Promise.all(
      targets.flatMap(({ url }) =>
        Array.from({ length: 12 }, (_, i) =>
          out.send(call(url, { timeoutMs: 100 + i, ...(i % 3 === 0 ? { signal: AbortSignal.timeout(i * 20) } : {}) })),
        ),
      ),
    );
    expect(sent).toHaveLength(120);
    await out.close();
    expect(out.origins).toBe(0);
    for (const target of targets) if ("waitForClosed" in target) await target.waitForClosed();
  });
});

describe("F16: bodies without end", () => {
  it.each(["endless-body", "gigabyte-body", "gzip-bomb"] as const)("%s raises memory by less than 50 MB", async (mode) => {
    const h = await hostile(mode);
    const out = transport();
    const before = process.memoryUsage().rss;
    let highest = before;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss);
    }, 5);
    const sent = await out.send(call(h.url));
    clearInterval(watch);
    highest = Math.max(highest, process.memoryUsage().rss);
    expect(sent.answer).toMatchObject({ kind: "REPLY", status: 200, truncated: true });
    expect(sent.answer.kind === "REPLY" && sent.answer.body.length).toBeLessThanOrEqual(64 * 1024);
    // The receiver's own buffers are in this figure too.
    expect(highest - before).toBeLessThan(50 * 1024 * 1024);
    await h.waitForClosed();
  });
});

describe("F17: redirects", () => {
  it.each([301, 302, 303, 307, 308])("%i to another origin is one call, and its Location comes back", async (status) => {
    const other = await receiver();
    const r = await receiver();
    r.respond({ status, headers: { location: `${other.url}/secret` } });
    const sent = await transport().send(call(r.url));
    expect(sent.answer).toMatchObject({ kind: "REPLY", status, headers: { location: `${other.url}/secret` } });
    expect([r.calls.length, other.calls.length]).toEqual([1, 0]);
  });

  it("a loop is one call", async () => {
    const h = await hostile("redirect-loop");
    expect((await transport().send(call(h.url))).answer).toMatchObject({ status: 302, headers: { location: "/again" } });
    expect(h.requests).toBe(1);
  });
});

describe("F18: TLS", () => {
  it("is verified, and its connections are kept", async () => {
    const r = await receiver({ tls: "good" });
    const out = transport({ connectionsPerOrigin: 2 });
    for (const url of [r.url, r.url, `https://localhost:${r.port}`]) expect(codeOf(await out.send(call(url)))).toBe("REPLY 200");
    expect(r.connections).toBe(2);
  });

  it("takes the name from the URL, also with a trailing dot", async () => {
    const r = await receiver({ tls: "good" });
    const resolver = async () => [{ address: "127.0.0.1", family: 4 }] satisfies Address[];
    const out = transport({ resolver });
    expect(codeOf(await out.send(call(`https://receiver.test:${r.port}/`)))).toBe("REPLY 200");
    expect(codeOf(await out.send(call(`https://receiver.test.:${r.port}/`)))).toBe("REPLY 200");
    expect(codeOf(await out.send(call(`https://other.test:${r.port}/`)))).toBe("REFUSED TLS_ERROR");
  });

  it.each(["self-signed", "expired", "wrong-host", "old-version"] as const)("%s is TLS_ERROR, and nothing is sent", async (tls) => {
    const r = await receiver({ tls });
    const out = transport();
    expect(codeOf(await out.send(call(r.url)))).toBe("REFUSED TLS_ERROR");
    expect(codeOf(await out.send(call(r.url)))).toBe("REFUSED TLS_ERROR");
    expect(r.calls).toEqual([]);
    expect(out.origins).toBe(0);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("a session of %s is no way past the host name", async (tlsVersion) => {
    const r = await receiver({ tls: "wrong-host", tlsVersion });
    const out = transport();
    for (let round = 0; round < 3; round += 1) expect(codeOf(await out.send(call(r.url)))).toBe("REFUSED TLS_ERROR");
    expect(r.calls).toEqual([]);
  });

  it("plain HTTP on the port is TLS_ERROR", async () => {
    const r = await receiver();
    expect(codeOf(await transport().send(call(`https://127.0.0.1:${r.port}/`)))).toBe("REFUSED TLS_ERROR");
    expect(r.calls).toEqual([]);
  });

  it("a handshake that stalls is TLS_ERROR at the timeout", async () => {
    const h = await hostile("silent");
    const sent = await transport().send(call(`https://127.0.0.1:${h.port}/`, { timeoutMs: 1_000 }));
    expect(codeOf(sent)).toBe("REFUSED TLS_ERROR");
    expectTimeout(sent, 1_000);
    await h.waitForClosed();
  });

  it("takes any certificate where the process says so, and keeps those connections apart", async () => {
    const r = await receiver({ tls: "self-signed" });
    const out = transport();
    expect(codeOf(await out.send(call(r.url, { validateCertificate: false })))).toBe("REPLY 200");
    expect(codeOf(await out.send(call(r.url)))).toBe("REFUSED TLS_ERROR");
    expect(codeOf(await out.send(call(r.url, { validateCertificate: false })))).toBe("REPLY 200");
    expect(r.calls).toHaveLength(2);
  });
});

describe("F19: DNS", () => {
  const answers = (...turns: string[][]): Resolver => {
    let turn = 0;
    return async () => {
      const now = turns[Math.min(turn, turns.length - 1)] as string[];
      turn += 1;
      return now.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    };
  };

  it("no such name is DNS_ERROR", async () => {
    expect(codeOf(await transport().send(call("https://no-such-name.invalid/")))).toBe("REFUSED DNS_ERROR");
  });

  it("a resolver that does not answer is DNS_ERROR at the timeout", async () => {
    const out = transport({ resolver: () => new Promise(() => {}) });
    const sent = await out.send(call("https://slow.test/", { timeoutMs: 1_000 }));
    expect(codeOf(sent)).toBe("REFUSED DNS_ERROR");
    expectTimeout(sent, 1_000);
    expect(out.origins).toBe(0);
  });

  it("a name that flips to a private address is EGRESS_BLOCKED, and never connected to", async () => {
    const r = await receiver();
    const out = transport({ allow: ["127.0.0.1/32"], resolver: answers(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"]) });
    const send = () => out.send(call(`http://flips.test:${r.port}/`));
    r.respond({ headers: { connection: "close" } });
    expect(codeOf(await send())).toBe("REPLY 200");
    const blocked = await send();
    expect(codeOf(blocked)).toBe("BLOCKED EGRESS_BLOCKED");
    expect(JSON.stringify(blocked)).not.toContain("127.0.0");
    expect(r.connections).toBe(1);
    expect(codeOf(await send())).toBe("REPLY 200");
  });

  it("a socket that reaches another address than the one that was checked sends nothing", async () => {
    const r = await receiver({ host: "0.0.0.0" });
    const egress = createEgress({ allow: ["127.0.0.1/32"] });
    const out = transport({ egress: { ...egress, resolve: async () => [{ address: "127.0.0.2", family: 4 }] } });
    expect(codeOf(await out.send(call(`http://moved.test:${r.port}/`)))).toBe("BLOCKED EGRESS_BLOCKED");
    expect(r.calls).toEqual([]);
  });

  it("one private address among several blocks the name", async () => {
    const r = await receiver();
    const out = transport({ allow: ["127.0.0.1/32"], resolver: answers(["127.0.0.1", "10.0.0.1"]) });
    expect(codeOf(await out.send(call(`http://mixed.test:${r.port}/`)))).toBe("BLOCKED EGRESS_BLOCKED");
    expect(r.connections).toBe(0);
  });

  it("the second address is tried when the first refuses", async () => {
    const r = await receiver();
    const out = transport({ resolver: answers(["::1", "127.0.0.1"]) });
    expect(codeOf(await out.send(call(`http://both.test:${r.port}/`)))).toBe("REPLY 200");
  });

  it.each(["http://127.0.0.1/", "https://127.1/", "https://[::1]/", "https://169.254.169.254/", "file:///etc/passwd", "nonsense"])(
    "%s is EGRESS_BLOCKED where nothing is allowed",
    async (url) => {
      expect(codeOf(await transport({ allow: [] }).send(call(url)))).toBe("BLOCKED EGRESS_BLOCKED");
    },
  );
});
