/** What must not be left behind, however the bench ends: the processes it started, their folders in the temporary one. */
import type { ChildProcess } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";

const folders = new Set<string>();
const servers = new Set<number>();
const programs = new Set<ChildProcess>();

process.once("exit", () => {
  for (const child of programs) child.kill("SIGKILL");
  // SIGQUIT: Postgres ends at once, whoever is connected; its data go next.
  for (const pid of servers) process.kill(pid, "SIGQUIT");
  for (const pid of servers) waitFor(pid);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

/** At most ten seconds. An exit handler cannot await, and files of a server that still runs come back. */
function waitFor(pid: number): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < 200 && isAlive(pid); i++) Atomics.wait(clock, 0, 0, 50);
}

/** A child that has ended stays a zombie until Node looks after it, which it does no more. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/\) Z /.test(stat);
  } catch {
    return false;
  }
}

export const leavings = { folders, servers, programs };
