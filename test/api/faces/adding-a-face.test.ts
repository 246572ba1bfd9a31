/** The sixth face of docs/adding-a-face.md: the page's own code, built and called. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Checkout, checkout } from "../../helpers/checkout.ts";
import { createTestDatabase, MASTER_KEY_TEXT, type TestDatabase } from "../../helpers/database.ts";
import { type Program, startProgram } from "../../helpers/program.ts";

const PAGE = readFileSync(path.resolve(import.meta.dirname, "../../../docs/adding-a-face.md"), "utf8");
const KEY = "a long enough token of the operator's own";

/** The page's code by the file that it names. */
const code = new Map([...PAGE.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)].map(([, file = "", text = ""]) => [file, text]));

let place: Checkout;
let database: TestDatabase;
let program: Program;
let url: string;

beforeAll(async () => {
  place = checkout("sixth-face");
  const own = path.join(place.path, "src/api/faces/parcel/face.ts");
  mkdirSync(path.dirname(own));
  writeFileSync(own, code.get("src/api/faces/parcel/face.ts") ?? "");
  const list = path.join(place.path, "src/api/faces/faces.ts");
  const [imported = "", line = ""] = (code.get("src/api/faces/faces.ts") ?? "").trim().split("\n");
  const before = readFileSync(list, "utf8");
  const after = before.replace(/^export const faces: .*$/m, line).replace(/^import \{ results \}/m, `${imported}\n$&`);
  writeFileSync(list, after);
  database = await createTestDatabase();
  program = startProgram(
    {
      DATABASE_URL: database.url,
      HOOKLINE_MASTER_KEY: `1:${MASTER_KEY_TEXT}`,
      HOOKLINE_ADMIN_TOKEN: KEY,
      HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    },
    { command: [process.execPath, path.join(place.path, "src/main.ts")], cwd: place.path },
  );
  url = await program.up();
}, 180_000);
afterAll(async () => {
  await program?.stop();
  await database?.drop();
  place?.remove();
});

async function call(method: string, below: string, body?: unknown, headers: Record<string, string> = { "x-parcel-key": KEY }) {
  const response = await fetch(`${url}/parcel/v1${below}`, {
    method,
    headers: { "content-type": "application/json", accept: "text/html", ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

test("the page is about 100 lines of Markdown and code", () => {
  expect([...code.keys()]).toEqual(["src/api/faces/parcel/face.ts", "src/api/faces/faces.ts"]);
  expect(PAGE.split("\n").length).toBeLessThan(115);
});

test("its types hold", { timeout: 300_000 }, () => {
  const config = { extends: "./tsconfig.json", include: [], files: ["src/api/faces/parcel/face.ts", "src/api/faces/faces.ts"] };
  writeFileSync(path.join(place.path, "tsconfig.face.json"), JSON.stringify(config));
  execFileSync(process.execPath, [path.join(place.path, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.face.json"], {
    cwd: place.path,
  });
});

test("it makes, lists and deletes", async () => {
  const made = await call("POST", "/hooks", { label: "Shipments", to: "https://example.com/hook", events: ["parcel.sent"] });
  expect(made).toMatchObject({
    status: 201,
    body: { label: "Shipments", to: "https://example.com/hook", events: ["parcel.sent"], on: true },
  });
  expect(made.body.secret).toMatch(/^whsec_/);
  const { secret: _, ...shown } = made.body;
  expect((await call("GET", "/hooks")).body).toEqual([shown]);
  expect((await call("DELETE", `/hooks/${shown.hook}`)).status).toBe(204);
  expect(await call("DELETE", `/hooks/${shown.hook}`)).toMatchObject({
    status: 404,
    body: { fault: { code: "not_found", text: "the hook was not found" } },
  });
});

test("its errors, its 405 and its 404 come by themselves, in its form and words", async () => {
  const wrong = await call("POST", "/hooks", { label: "", to: "ftp://example.com", events: [] });
  expect(wrong).toMatchObject({
    status: 400,
    body: { fault: { code: "validation_failed", text: expect.stringMatching(/^label: must not be empty; to: /) } },
  });
  expect((await call("POST", "/hooks", "{")).body.fault.text).toMatch(/^the body is no JSON/);
  expect((await call("POST", "/hooks", "{}", { "x-parcel-key": KEY, "content-encoding": "gzip" })).status).toBe(415);
  expect(await call("GET", "/hooks", undefined, {})).toMatchObject({
    status: 401,
    body: { fault: { text: "send your key as X-Parcel-Key" } },
  });
  const patch = await call("PATCH", "/hooks", {});
  expect([patch.status, patch.headers.get("allow"), patch.body.fault.text]).toEqual([405, "GET, POST", "only GET, POST here"]);
  expect(await call("GET", "/nothing")).toMatchObject({
    status: 404,
    body: { fault: { code: "not_found", text: "there is nothing at this path" } },
  });
});
