/** Which answers are compressed, and how. */
import { request } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codingOf } from "../../src/api/compression.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

test.each([
  ["gzip, deflate, br, zstd", "br"],
  ["gzip, deflate", "gzip"],
  ["GZIP", "gzip"],
  ["gzip;q=1, br;q=0.5", "gzip"],
  ["br;q=0, gzip;q=0", undefined],
  ["br;q=0, *", "gzip"],
  ["*", "br"],
  ["*;q=0", undefined],
  ["identity", undefined],
  ["gzip;q=x", undefined],
  ["", undefined],
  [undefined, undefined],
])("B97 Accept-Encoding %j is answered with %j", (header, coding) => expect(codingOf(header)).toBe(coding));

describe("B97 answers", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp();
  });
  afterAll(() => app?.close());

  function ask(method: string, path: string, headers: Record<string, string> = {}, body = "") {
    return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; bytes: Buffer }>((resolve, reject) => {
      const asked = request(app.url + path, { method, headers: { authorization: `Bearer ${app.adminToken}`, ...headers } }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) }));
      });
      asked.on("error", reject);
      asked.end(body);
    });
  }
  const operation = (query: string, coding: string) =>
    ask("POST", "/graphql", { "content-type": "application/json", "accept-encoding": coding }, JSON.stringify({ query }));
  const LONG = "{ __schema { types { name description } } }";

  test("of GraphQL beyond a kilobyte are compressed as the client takes them, and say so to caches", async () => {
    const plain = await operation(LONG, "identity");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.headers["vary"]).toContain("Accept-Encoding");
    for (const [coding, inflate] of [
      ["gzip", gunzipSync],
      ["br", brotliDecompressSync],
    ] as const) {
      const small = await operation(LONG, coding);
      expect(small.headers["content-encoding"]).toBe(coding);
      expect(Number(small.headers["content-length"])).toBe(small.bytes.length);
      expect(small.bytes.length).toBeLessThan(plain.bytes.length / 2);
      expect(inflate(small.bytes)).toEqual(plain.bytes);
    }
  });

  test("short ones, streams and HEAD are as they are", async () => {
    expect((await operation("{ viewer { role } }", "gzip")).headers["content-encoding"]).toBeUndefined();
    const head = await ask("HEAD", "/openapi.json", { "accept-encoding": "gzip" });
    expect([head.status, head.headers["content-encoding"], head.bytes.length]).toEqual([200, undefined, 0]);
  });

  test("of REST are compressed, too", async () => {
    const whole = await ask("GET", "/openapi.json");
    const small = await ask("GET", "/openapi.json", { "accept-encoding": "br" });
    expect(small.headers["content-encoding"]).toBe("br");
    expect(brotliDecompressSync(small.bytes)).toEqual(whole.bytes);
  });
});
