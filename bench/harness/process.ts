/** Processes that the bench starts: how they are asked, what CPU and memory they use. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { leavings } from "./leavings.ts";

export const ROOT = path.resolve(import.meta.dirname, "../..");
/** /proc counts CPU in ticks of 10 ms. */
const TICK_MS = 10;

export interface Program {
  pid: number;
  /** Sends one question and waits for its answer. @throws what the program threw */
  ask<T>(question: object): Promise<T>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  exited: Promise<void>;
}

export interface Start {
  env?: Record<string, string>;
  cwd?: string;
  flags?: string[];
  /** Told by the caller when the program is ready; without it the program's own first message says so. */
  ready?: () => Promise<boolean>;
}

const running = leavings.programs;

/** Kills what a row that failed left running, but for `kept`: it would cost the next row its cores, and keep the bench alive. */
export async function endOthers(kept: readonly number[]): Promise<void> {
  const others = [...running].filter((child) => !kept.includes(child.pid as number));
  const ended = others.map((child) => new Promise((resolve) => child.once("exit", resolve)));
  for (const child of others) child.kill("SIGKILL");
  await Promise.all(ended);
}

/** Starts a TypeScript file. @param script from the root of the tree (or of `cwd`) */
export async function start(script: string, { env = {}, cwd = ROOT, flags = [], ready }: Start = {}): Promise<Program> {
  const child = spawn(process.execPath, [...flags, path.join(cwd, script)], {
    cwd,
    // Nothing of the bench's own environment but the path: what is measured is what stands here.
    env: { PATH: process.env["PATH"], ...env },
    // Hookline begins itself anew where nothing listens on such a line (src/memory.ts); it is never asked anything.
    stdio: ["ignore", "ignore", "inherit", ...(ready ? [] : (["ipc"] as const))],
  });
  running.add(child);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  void exited.then(() => running.delete(child));
  const program: Program = {
    pid: child.pid as number,
    ask: (question) => answerOf(child, script, () => child.send(question)),
    async stop(signal = "SIGTERM") {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await exited;
    },
    exited,
  };
  if (!ready) {
    await answerOf(child, script, () => undefined);
    return program;
  }
  for (const deadline = Date.now() + 120_000; !(await ready()); await sleep(20)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${script} ended with ${child.exitCode ?? child.signalCode}`);
    if (Date.now() > deadline) {
      await program.stop("SIGKILL");
      throw new Error(`${script} was not ready within two minutes`);
    }
  }
  return program;
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function answerOf<T>(child: ChildProcess, script: string, send: () => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error(`${script} ended with ${child.exitCode ?? child.signalCode}`));
    child.once("exit", onExit);
    child.once("message", (answer: { ok?: T; error?: string }) => {
      child.off("exit", onExit);
      if (answer.error === undefined) resolve(answer.ok as T);
      else reject(new Error(`${script}: ${answer.error}`));
    });
    send();
  });
}

/** The process and everything it started that still runs, with the fields of /proc/<pid>/stat after the name. */
export async function treeOf(pid: number): Promise<{ pid: number; fields: string[] }[]> {
  // Children first: one that ends in between is then counted by its parent.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => "")));
  const children = lists.join(" ").split(" ").filter(Boolean).map(Number);
  const below = (await Promise.all(children.map(treeOf))).flat();
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text === "" ? below : [...below, { pid, fields: text.slice(text.lastIndexOf(")") + 2).split(" ") }];
}

/** Milliseconds of CPU that a process tree has used so far, children that ended included. Linux only: elsewhere 0. */
export async function cpuMs(pid: number): Promise<number> {
  const ticks = (await treeOf(pid)).reduce((sum, { fields }) => sum + [11, 12, 13, 14].reduce((own, i) => own + Number(fields[i]), 0), 0);
  return ticks * TICK_MS;
}

/**
 * Megabytes of memory of a process tree: `own`, where a page that several have counts once, by their proportions (PSS), and
 * `shared`: Postgres's buffers, which are as large as their setting once tables have filled them.
 */
export async function memoryMb(pid: number): Promise<{ own: number; shared: number }> {
  const sum = { own: 0, shared: 0 };
  for (const each of await treeOf(pid)) {
    const text = await readFile(`/proc/${each.pid}/smaps_rollup`, "utf8").catch(() => "");
    const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024;
    sum.own += megabytes("Pss_Anon") + megabytes("Pss_File");
    sum.shared += megabytes("Pss_Shmem");
  }
  return sum;
}

/** Megabytes of one process alone (RSS). */
export async function rssMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}

/** Waits until `condition` holds. @throws naming `what` when it does not in time */
export async function waitUntil(condition: () => Promise<boolean>, timeoutMs: number, what: string, everyMs = 10): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${Math.round(timeoutMs / 1000)} s`);
    await sleep(everyMs);
  }
}
