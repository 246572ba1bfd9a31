/** Connections that are made while a worker dies: none waits for ever. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, MASTER_KEY_TEXT, type TestDatabase } from "../helpers/database.ts";
import { type Cluster, isRunning, startCluster, until } from "./program.ts";

let database: TestDatabase;
let folder: string;
let cluster: Cluster;
beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(path.join(tmpdir(), "hookline-handover-"));
  cluster = await startCluster({
    DATABASE_URL: database.url,
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_DATA_DIR: folder,
    HOOKLINE_WORKERS: "2",
    HOOKLINE_DATABASE_POOL: "2",
  });
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

test("what a killed worker had not taken goes to another; what it had taken is cut, and nobody waits", { timeout: 120_000 }, async () => {
  for (let i = 0; i < 3; i++) {
    const failures: string[] = [];
    let flowing = true;
    let answered = 0;
    const callers = Array.from({ length: 8 }, async () => {
      while (flowing) {
        await cluster.get("/healthz").then(
          ({ status }) => {
            answered += 1;
            if (status !== 200) failures.push(String(status));
          },
          (error: Error & { code?: string }) => failures.push(error.code ?? error.name),
        );
      }
    });
    await until("calls", () => answered > 50);
    const victim = cluster.workers()[i % 2] as number;
    process.kill(victim, "SIGKILL");
    await until("its end", () => !isRunning(victim));
    const before = answered;
    await until("calls that are answered by the others", () => answered > before + 100);
    flowing = false;
    await Promise.all(callers);
    // Those that it was answering; a call that hangs would be a TimeoutError.
    expect(new Set(failures).difference(new Set(["ECONNRESET"]))).toEqual(new Set());
    expect(failures.length).toBeLessThanOrEqual(8);
    await until("two that serve", async () => (await cluster.metric("hookline_workers")) === 2);
  }
});
