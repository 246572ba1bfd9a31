import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { fixture } from "../helpers/receiver.ts";
import { call, closeAll, codeOf, receiver, transport } from "./transport-setup.ts";

afterEach(closeAll);

describe("a call", () => {
  it("carries the bytes and headers it was given, and brings the reply back", async () => {
    const r = await receiver();
    r.respond({ status: 201, headers: { "x-id": "7", "set-cookie": "a=1" }, body: "Åse 😀" });
    const sent = await transport().send(call(`${r.url}/hook?a=b`, { headers: { Authorization: "Bearer x", "webhook-id": "msg_1" } }));
    expect(sent.answer).toMatchObject({
      kind: "REPLY",
      status: 201,
      body: "Åse 😀",
      truncated: false,
      headers: { "x-id": "7", "set-cookie": "a=1" },
    });
    expect(sent.durationMs).toBeGreaterThanOrEqual(0);
    expect(r.calls).toHaveLength(1);
    expect(r.calls[0]).toMatchObject({
      method: "POST",
      path: "/hook?a=b",
      headers: { host: `127.0.0.1:${r.port}`, "accept-encoding": "identity", "content-length": "7", authorization: "Bearer x" },
    });
    expect(r.calls[0]?.body.toString()).toBe('{"n":1}');
  });

  it("sets the connection's own headers itself, whatever it is given", async () => {
    const r = await receiver();
    const headers = {
      Host: "elsewhere.test",
      "Content-Length": "1",
      "Transfer-Encoding": "chunked",
      Connection: "close",
      "Accept-Encoding": "gzip",
      Expect: "100-continue",
    };
    const sent = await transport().send(call(r.url, { headers }));
    expect(codeOf(sent)).toBe("REPLY 200");
    expect(r.calls[0]?.headers).toMatchObject({
      host: `127.0.0.1:${r.port}`,
      "content-length": "7",
      "accept-encoding": "identity",
      connection: "keep-alive",
    });
    expect(r.calls[0]?.headers).not.toHaveProperty("transfer-encoding");
  });

  it.each([{ "x-a": "1\r\nx-b: 2" }, { "x a": "1" }, { "x-a": "\0" }, { "x-a": "☃" }])(
    "with the header %o is not made",
    async (headers) => {
      const r = await receiver();
      const out = transport();
      expect(codeOf(await out.send(call(r.url, { headers })))).toBe("REFUSED INVALID_HEADER");
      expect(codeOf(await out.send(call(r.url)))).toBe("REPLY 200");
      expect(r.calls).toHaveLength(1);
    },
  );

  it("may have an empty body, or another method", async () => {
    const r = await receiver();
    const out = transport();
    await out.send(call(r.url, { body: Buffer.alloc(0) }));
    await out.send(call(r.url, { body: Buffer.alloc(0), method: "GET" }));
    expect(r.calls.map((c) => [c.method, c.headers["content-length"]])).toEqual([
      ["POST", "0"],
      ["GET", undefined],
    ]);
  });

  it("keeps connections, at most so many per origin", async () => {
    const r = await receiver();
    const out = transport({ connectionsPerOrigin: 3 });
    r.respond({ delayMs: 5 });
    const sent = await Promise.all(Array.from({ length: 30 }, () => out.send(call(r.url))));
    expect(new Set(sent.map(codeOf))).toEqual(new Set(["REPLY 200"]));
    expect(r.connections).toBe(3);
    expect(r.maxInFlight).toBe(3);
  });

  it("is given up by its signal, also while it waits for a connection", async () => {
    const r = await receiver();
    const out = transport({ connectionsPerOrigin: 1 });
    r.hold();
    const stop = new AbortController();
    const first = out.send(call(r.url, { signal: stop.signal }));
    const second = out.send(call(r.url, { signal: stop.signal }));
    const third = out.send(call(r.url));
    await r.waitFor(1);
    stop.abort();
    expect([codeOf(await first), codeOf(await second)]).toEqual(["REFUSED INTERRUPTED", "REFUSED INTERRUPTED"]);
    r.release();
    expect(codeOf(await third)).toBe("REPLY 200");
    expect(codeOf(await out.send(call(r.url, { signal: stop.signal })))).toBe("REFUSED INTERRUPTED");
    expect(r.calls).toHaveLength(2);
  });

  it("is taken to its end by close, and not begun after it", async () => {
    const r = await receiver();
    const out = transport({ connectionsPerOrigin: 1 });
    r.hold();
    const flying = out.send(call(r.url));
    const queued = out.send(call(r.url));
    await r.waitFor(1);
    const closed = Promise.all([out.close(), out.close()]);
    expect(codeOf(await out.send(call(r.url)))).toBe("REFUSED INTERRUPTED");
    r.release();
    expect(codeOf(await flying)).toBe("REPLY 200");
    expect(codeOf(await queued)).toBe("REFUSED INTERRUPTED");
    await closed;
    expect(out.origins).toBe(0);
    expect(r.calls).toHaveLength(1);
  });
});

describe("a kept connection that the receiver closes", () => {
  it("is no failed attempt", async () => {
    const r = await receiver();
    const out = transport();
    for (let round = 0; round < 20; round += 1) {
      expect(codeOf(await out.send(call(r.url)))).toBe("REPLY 200");
      // Without a pause: the next call meets the end of the connection on its way, or already here.
      r.dropIdle();
      await new Promise(setImmediate);
    }
    expect(r.calls).toHaveLength(20);
    expect(r.connections).toBeGreaterThan(1);
  });

  it("is not used again after connection: close", async () => {
    const r = await receiver();
    r.respond({ headers: { connection: "close" } });
    const out = transport({ connectionsPerOrigin: 1 });
    const sent = await Promise.all([1, 2, 3].map(() => out.send(call(r.url))));
    expect(sent.map(codeOf)).toEqual(["REPLY 200", "REPLY 200", "REPLY 200"]);
    expect(r.connections).toBe(3);
  });

  it.each(["http", "https"])("is not used again while bytes of a call that was answered early are unwritten (%s)", async (scheme) => {
    const taken: Socket[] = [];
    const answer = (socket: Socket) => {
      taken.push(socket);
      socket.on("error", () => undefined);
      // It reads the beginning, answers, keeps the connection, and reads no further.
      socket.once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      });
    };
    const server = scheme === "https" ? createTlsServer({ cert: fixture("good"), key: fixture("key") }, answer) : createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const out = transport({ connectionsPerOrigin: 1 });
    expect(codeOf(await out.send(call(url, { body: Buffer.alloc(20 * 2 ** 20, 120) })))).toBe("REPLY 200");
    expect(codeOf(await out.send(call(url)))).toBe("REPLY 200");
    expect(taken).toHaveLength(2);
    for (const socket of taken) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it("is let go before the receiver's own keep-alive timeout", async () => {
    const r = await receiver({ keepAliveMs: 2_000 });
    const out = transport();
    await out.send(call(r.url));
    // `Keep-Alive: timeout=2` leaves nothing after the margin of 2 s.
    await out.send(call(r.url));
    expect(r.connections).toBe(2);
  });
});

describe("what is kept of a reply", () => {
  const bodyOf = async (body: string | Buffer, headers: Record<string, string> = {}) => {
    const r = await receiver();
    r.respond({ body, headers });
    const { answer } = await transport().send(call(r.url));
    if (answer.kind !== "REPLY") throw new Error(answer.errorCode);
    return answer;
  };
  const LIMIT = 64 * 1024;

  it("is 64 KiB, cut there", async () => {
    expect(await bodyOf("x".repeat(LIMIT))).toMatchObject({ status: 200, truncated: false, body: "x".repeat(LIMIT) });
    expect(await bodyOf("x".repeat(LIMIT + 1))).toMatchObject({ status: 200, truncated: true, body: "x".repeat(LIMIT) });
  });

  it("ends with a whole character", async () => {
    expect((await bodyOf(`${"x".repeat(LIMIT - 1)}😀😀`)).body).toBe("x".repeat(LIMIT - 1));
    expect((await bodyOf(`${"x".repeat(LIMIT - 4)}😀😀`)).body).toBe(`${"x".repeat(LIMIT - 4)}😀`);
  });

  it("has no NUL", async () => {
    expect((await bodyOf("a\0b\0")).body).toBe("a\uFFFDb\uFFFD");
  });

  it("is nothing of an encoded body, and names its encoding", async () => {
    const gzipped = Buffer.from([0x1f, 0x8b, 8, 0]);
    expect(await bodyOf(gzipped, { "content-encoding": "gzip" })).toMatchObject({ status: 200, body: "", unread: "gzip" });
    expect(await bodyOf(gzipped, { "content-encoding": "identity, GZip" })).toMatchObject({ body: "", unread: "identity, GZip" });
  });

  it.each(["identity", "Identity", "", " , identity"])("is the text of a body in Content-Encoding %j", async (encoding) => {
    const answer = await bodyOf("text", { "content-encoding": encoding });
    expect(answer).toMatchObject({ body: "text" });
    expect(answer).not.toHaveProperty("unread");
  });

  it("has no encoding when there is no body", async () => {
    expect(await bodyOf("", { "content-encoding": "gzip" })).not.toHaveProperty("unread");
  });

  it("begins behind the byte order mark, of which there is one", async () => {
    expect((await bodyOf('\uFEFF{"a":1}')).body).toBe('{"a":1}');
    expect((await bodyOf("\uFEFF")).body).toBe("");
    expect((await bodyOf("\uFEFF\uFEFFa\uFEFF")).body).toBe("\uFEFFa\uFEFF");
    expect((await bodyOf(Buffer.from([0xef, 0xbb]))).body).toBe("\uFFFD");
    expect((await bodyOf(`\uFEFF${"x".repeat(LIMIT)}`)).body).toBe("x".repeat(LIMIT - 3));
  });
});
