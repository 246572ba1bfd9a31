/** A data folder that is put back from a copy hands numbers out a second time: its live feed begins anew. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { startApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { newFolder } from "./folder.ts";

async function epochOf(folder: string): Promise<string> {
  const app = await startApp(readConfig({ HOOKLINE_DATA_DIR: folder, HOOKLINE_LOG_LEVEL: "silent", PORT: "0" }));
  try {
    const { rows } = await app.core.db.pool.query<{ id: string }>("SELECT id FROM epoch");
    return rows[0]?.id as string;
  } finally {
    await app.stop();
  }
}

test("B14 of a copy that was put back, or that somebody says was, and of no other start", { timeout: 120_000 }, async () => {
  const folder = newFolder();
  const first = await epochOf(folder);
  const backup = path.join(newFolder(), "copy");
  execFileSync("cp", ["-a", folder, backup]);
  expect(await epochOf(folder)).toBe(first);

  rmSync(folder, { recursive: true });
  execFileSync("cp", ["-a", backup, folder]);
  const second = await epochOf(folder);
  expect(second).not.toBe(first);
  expect(await epochOf(folder)).toBe(second);

  // As after a snapshot of the disk, whose files are the same.
  writeFileSync(path.join(folder, "postgres.copy"), "restored\n");
  const third = await epochOf(folder);
  expect(third).not.toBe(second);
  expect(await epochOf(folder)).toBe(third);
});
