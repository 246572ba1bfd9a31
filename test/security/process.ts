/** Hookline as an operator starts it: a process of its own on a fresh database, with all that it prints. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTestDatabase } from "../helpers/database.ts";

const MAIN = path.resolve(import.meta.dirname, "../../src/main.ts");

export interface Hookline {
  url: string;
  databaseUrl: string;
  /** Standard output and standard error so far. */
  printed(): { out: string; err: string };
  stop(): Promise<void>;
}

/** @param env besides what it needs to start */
export async function startHookline(env: Record<string, string>): Promise<Hookline> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(path.join(tmpdir(), "hookline-process-"));
  const given = { PATH: String(process.env["PATH"]), DATABASE_URL: database.url, HOOKLINE_DATA_DIR: dataDir, PORT: "0", ...env };
  const child = spawn(process.execPath, [MAIN], { env: given, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const address = () => /GraphQL\s+(http:\/\/\S+)\/graphql/.exec(out)?.[1];
  for (const deadline = Date.now() + 50_000; address() === undefined; await sleep(50)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`did not start:\n${out}\n${err}`);
  }
  return {
    url: address() as string,
    databaseUrl: database.url,
    printed: () => ({ out, err }),
    async stop() {
      child.kill("SIGTERM");
      await exited;
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
