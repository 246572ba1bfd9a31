/**
 * Which process is which. A pid alone says nothing: it is given out again, at the latest after a reboot, and in another
 * container it names another process.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, type Stats, statSync } from "node:fs";

interface ProcStat {
  state: string;
  /** Clock ticks since boot. */
  startTicks: string;
}

/** `/proc/<pid>/stat` of Linux; the name in it may hold spaces and parentheses, so what counts begins after the last one. */
function procStat(pid: number): ProcStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", startTicks: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

const onLinux = process.platform === "linux";

/** A process that has ended, but whose parent has not noticed (state Z), counts as gone. */
export function isAlive(pid: number): boolean {
  const stat = onLinux ? procStat(pid) : undefined;
  return stat ? stat.state !== "Z" && stat.state !== "X" : exists(pid);
}

/** Whether the pid is taken, be it by a process that has ended: what Postgres looks at. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The same text for as long as the pid names the same process: boot and start time. Undefined when that cannot be told. */
export function startOf(pid: number): string | undefined {
  try {
    if (!onLinux) return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" }).trim() || undefined;
    const stat = procStat(pid);
    return stat && `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${stat.startTicks}`;
  } catch {
    return undefined;
  }
}

/** Whether the process noted as (pid, start) still runs. */
export function isSame(noted: { pid: number; started: string | undefined }): boolean {
  if (!isAlive(noted.pid)) return false;
  const now = startOf(noted.pid);
  return noted.started === undefined || now === undefined || now === noted.started;
}

/**
 * The processes that work in this folder: Postgres and all its children make the cluster their working directory.
 * Undefined where the system does not tell (not Linux). Processes of other users are seen by root only.
 */
export function processesIn(folder: string): number[] | undefined {
  if (!onLinux) return undefined;
  const wanted = statSync(folder, { throwIfNoEntry: false });
  if (!wanted) return [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => isThere(pid, wanted) && isAlive(pid));
}

function isThere(pid: number, folder: Stats): boolean {
  try {
    const at = statSync(`/proc/${pid}/cwd`);
    return at.dev === folder.dev && at.ino === folder.ino;
  } catch {
    return false;
  }
}
