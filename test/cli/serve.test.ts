/** `hookline serve`, as a process: it comes up, says where, and ends on SIGTERM. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, MASTER_KEY_TEXT, type TestDatabase } from "../helpers/database.ts";
import { run, start } from "./run.ts";

let database: TestDatabase;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(path.join(tmpdir(), "hookline-serve-"));
  env = {
    DATABASE_URL: database.url,
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_DATA_DIR: folder,
    PORT: "0",
    HOOKLINE_LOG_LEVEL: "silent",
  };
});
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

describe("serve", () => {
  it("starts what HOOKLINE_ROLES says, is ready, and drains on SIGTERM", async () => {
    const serving = start(["serve"], { ...env, HOOKLINE_ROLES: "worker" });
    await serving.until(() => serving.out.length > 0);
    const url = /http:\/\/\S+\/readyz/.exec(serving.out[0] as string)?.[0] as string;
    expect((await fetch(url)).status).toBe(200);
    serving.child.kill("SIGTERM");
    const { code, err } = await serving.ended;
    expect({ code, err }).toEqual({ code: 0, err: [] });
  });

  it("names every variable that is wrong, and exits 1", async () => {
    const { code, err } = await run(["serve"], { ...env, PORT: "many", HOOKLINE_ROLES: "cook" });
    expect(code).toBe(1);
    expect(err.join("\n")).toMatch(/PORT: .*\n.*HOOKLINE_ROLES: must be api, worker, or api,worker/);
  });
});
