/** Data folders for the tests of this folder: made once, copied for each test, looked into. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll } from "vitest";
import { type EmbeddedPostgres, startEmbedded } from "../../src/embedded/start.ts";

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(name = "hookline embedded-"): string {
  const folder = mkdtempSync(path.join(tmpdir(), name));
  made.push(folder);
  return folder;
}

export const clusterOf = (folder: string) => path.join(folder, "postgres/data");

/** A stopped cluster with one row in it. */
export async function folderWithData(): Promise<string> {
  const folder = newFolder();
  const postgres = await startEmbedded(folder);
  await query(postgres.url, "CREATE TABLE kept AS SELECT 42 AS value");
  await postgres.stop();
  return folder;
}

/** As an operator copies: owners, rights and links as they are. */
export function copyOf(folder: string): string {
  const copy = newFolder();
  execFileSync("cp", ["-a", `${folder}/.`, copy]);
  return copy;
}

export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

export async function keptIn(postgres: EmbeddedPostgres): Promise<unknown> {
  return (await query(postgres.url, "SELECT value FROM kept"))[0]?.["value"];
}

/** The pid in `postmaster.pid`. */
export function postmasterOf(folder: string): number {
  return Number(readFileSync(path.join(clusterOf(folder), "postmaster.pid"), "utf8").split("\n")[0]);
}

/** Every file with its size: equal before and after means that nothing was touched. */
export function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => path.join(entry.parentPath, entry.name).slice(folder.length))
    .filter((name) => !/^\/(hookline\.(lock|pid)|postgres\.log)/.test(name))
    .sort();
}
