/** Bodies that nobody wants: their senders, who write on, still get the answer. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { makeHook } from "./faces/results-server.ts";

const MIB = 2 ** 20;
let app: TestApp;
let inbound: string;
beforeAll(async () => {
  app = await testApp();
  inbound = (await makeHook(app.t.core, app.t.admin)).path;
});
afterAll(() => app?.close());

interface Sent {
  path: string;
  mib: number;
  headers?: string;
  chunked?: boolean;
  token?: string;
}

/** As a client that writes everything before it reads: the worst there is. Resolves with the status, or what broke. */
function write({ path, mib, headers = "", chunked = false, token = app.adminToken }: Sent): Promise<number | string> {
  return new Promise((resolve) => {
    const socket = connect(app.port, "127.0.0.1");
    let answer = "";
    let written = false;
    socket.pause();
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      if (!/\r\n\r\n/.test(answer)) return;
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]));
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(`${error.code} ${written ? "after" : "before"} all was written`));
    socket.on("close", () => resolve("closed without an answer"));
    const length = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${mib * MIB}`;
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${length}\r\n${headers}\r\n`,
    );
    const piece = Buffer.alloc(64 * 1024, 0x20);
    let left = mib * MIB;
    const go = () => {
      while (left > 0) {
        left -= piece.length;
        if (chunked) socket.write(`${piece.length.toString(16)}\r\n`);
        const room = socket.write(piece);
        if (chunked) socket.write("\r\n");
        if (!room) return void socket.once("drain", go);
      }
      if (chunked) socket.write("0\r\n\r\n");
      written = true;
      socket.resume();
    };
    go();
  });
}

describe("B65 a body that is too large is read and forgotten, so that its sender gets the 413", () => {
  test.each([6, 20])("%i MiB on every door, with a length and in chunks, ten times each", { timeout: 120_000 }, async (mib) => {
    const doors = [
      "/graphql",
      "/v1/events",
      "/api/v2/connections",
      "/crmapi/rest/v2/webhook_requests/resend",
      "/auth/local",
      "/sign-in-token",
      inbound,
    ];
    for (const path of doors) {
      for (const chunked of [false, true]) {
        const answers = await Promise.all(Array.from({ length: 10 }, () => write({ path, mib, chunked })));
        expect([path, chunked, ...new Set(answers)]).toEqual([path, chunked, 413]);
      }
    }
  });

  test("also when the sender wants the connection closed afterwards", { timeout: 60_000 }, async () => {
    for (const path of ["/graphql", "/v1/events", inbound])
      for (let i = 0; i < 5; i++) expect([path, await write({ path, mib: 20, headers: "Connection: close\r\n" })]).toEqual([path, 413]);
  });

  test("and before it is known who sends it: 401", { timeout: 60_000 }, async () => {
    for (const headers of ["", "Connection: close\r\n"])
      expect(await write({ path: "/v1/events", mib: 20, headers, token: "hkl_wrong" })).toBe(401);
  });

  test("so many bytes and no more", { timeout: 60_000 }, async () => {
    expect(await write({ path: "/v1/events", mib: 200 })).toMatch(/before all was written|closed/);
  });
});
