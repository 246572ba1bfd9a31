/** What the figures were measured on. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";
import { SETTINGS } from "./postgres.ts";
import { cpuMs, ROOT } from "./process.ts";

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
}

async function git(...args: string[]): Promise<string> {
  return promisify(execFile)("git", args, { cwd: ROOT }).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
}

export async function describeMachine(postgres: string): Promise<Machine> {
  const changed = await git(
    "status",
    "--porcelain",
    "--untracked-files=no",
    "--",
    "src",
    "prisma",
    "bench",
    ":!bench/results",
    "package-lock.json",
  );
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    postgres,
    postgresSettings: SETTINGS,
    commit: `${(await git("rev-parse", "--short=7", "HEAD")) || "unknown"}${changed === "" ? "" : "+"}`,
  };
}

const LOOK_MS = 1_000;

/** Of the machine's cores, the share that others than this process and its children used; 0 where /proc does not tell. */
export async function watchOthers(): Promise<() => Promise<number>> {
  let last = 0;
  let gone = 0;
  // A browser's parts end without anybody who waits for them, and nothing tells then what they used: it is looked at meanwhile.
  const own = async () => {
    const now = await cpuMs(process.pid);
    gone += Math.max(0, last - now);
    last = now;
    return now + gone;
  };
  const look = async () => {
    const text = await readFile("/proc/stat", "utf8").catch(() => "");
    // user nice system idle iowait irq softirq steal, in ticks of 10 ms
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (text.split("\n")[0] ?? "").split(/\s+/).slice(1).map(Number);
    return { busy: (user + nice + system + irq + softirq) * 10, own: await own(), at: performance.now() };
  };
  const before = await look();
  const timer = setInterval(() => void own(), LOOK_MS).unref();
  return async () => {
    clearInterval(timer);
    const after = await look();
    const others = after.busy - before.busy - (after.own - before.own);
    return Math.max(0, others / ((after.at - before.at) * availableParallelism()));
  };
}
