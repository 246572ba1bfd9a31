/** What the figures were measured on. */
import { execFile } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { promisify } from "node:util";
import { SETTINGS } from "./postgres.ts";
import { ROOT } from "./process.ts";

export interface Machine {
  cores: number;
  cpu: string;
  memoryGb: number;
  kernel: string;
  node: string;
  postgres: string;
  postgresSettings: string[];
  /** Of the tree that was measured; `+` when files differ from it. */
  commit: string;
  /** Processes that wanted a core in the minute before the run: above 0.3 other work ran beside. */
  loadBefore: number;
}

async function git(...args: string[]): Promise<string> {
  return promisify(execFile)("git", args, { cwd: ROOT }).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
}

export async function describeMachine(postgres: string): Promise<Machine> {
  const changed = await git("status", "--porcelain", "--untracked-files=no", "--", "src", "prisma", "bench", "package-lock.json");
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    postgres,
    postgresSettings: SETTINGS,
    commit: `${(await git("rev-parse", "--short=7", "HEAD")) || "unknown"}${changed === "" ? "" : "+"}`,
    loadBefore: loadavg()[0] ?? 0,
  };
}
