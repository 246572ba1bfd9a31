/** Processes to measure, the CPU they use, and the numbers made of many runs. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "..");
/** /proc counts in ticks of 10 ms. */
const TICK_MS = 10;

export const CORES = availableParallelism();

export interface Program {
  pid: number;
  stop(): Promise<void>;
  /** Sends a line of JSON and waits for one back. */
  ask<T>(message: object): Promise<T>;
}

/** Starts a script of this folder or the server; resolves with its first message, or when `ready` says so. */
export async function start(script: string, env: Record<string, string>, ready: (child: ChildProcess) => Promise<void>): Promise<Program> {
  const child = spawn(process.execPath, [path.join(ROOT, script)], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const failed = exited.then(() => Promise.reject(new Error(`${script} ended with ${child.exitCode}`)));
  failed.catch(() => undefined);
  await Promise.race([ready(child), failed]);
  return {
    pid: child.pid as number,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
    ask: (message) =>
      new Promise((resolve) => {
        child.once("message", (answer) => resolve(answer as never));
        child.send(message);
      }),
  };
}

/** Milliseconds of CPU that a process and its present descendants have used; Linux only, 0 elsewhere. */
export async function cpuOf(pid: number): Promise<number> {
  const stats = new Map<number, { parent: number; ticks: number }>();
  for (const entry of await readdir("/proc").catch(() => [])) {
    const text = /^\d+$/.test(entry) ? await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "") : "";
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (text !== "")
      stats.set(Number(entry), { parent: Number(fields[1]), ticks: [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) });
  }
  const own = (id: number): number =>
    (stats.get(id)?.ticks ?? 0) + [...stats].filter(([, { parent }]) => parent === id).reduce((sum, [child]) => sum + own(child), 0);
  return own(pid) * TICK_MS;
}

/** Microseconds of CPU per unit that `pids` spent while `work` ran, and units per second. */
export async function measured(
  pids: readonly number[],
  units: number,
  work: () => Promise<void>,
): Promise<{ perSecond: number; cpuMicros: number }> {
  const before = await Promise.all(pids.map(cpuOf));
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const after = await Promise.all(pids.map(cpuOf));
  const cpuMs = after.reduce((sum, ms, i) => sum + ms - (before[i] ?? 0), 0);
  return { perSecond: units / seconds, cpuMicros: (cpuMs * 1000) / units };
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Runs `work` for 0 … count-1, so many at a time. */
export async function inFlight(width: number, count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

export function waitUntil(condition: () => Promise<boolean>, timeoutMs: number, what: string): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const look = async (): Promise<void> => {
    if (await condition()) return;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
    return look();
  };
  return look();
}
