/** `node src/main.ts` as an operator runs it: a process of its own, with its data folder and what it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const MAIN = path.resolve(import.meta.dirname, "../../src/main.ts");

export interface Program {
  child: ChildProcess;
  /** Standard output and standard error so far. */
  out(): string;
  err(): string;
  /** Waits for the banner; throws with what was printed when the process ends before. @returns where it listens */
  up(): Promise<string>;
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Nothing of this process' environment but PATH. @param options.command instead of `node src/main.ts` */
export function startProgram(env: Record<string, string>, options: { command?: string[]; cwd?: string } = {}): Program {
  const [file, ...args] = options.command ?? [process.execPath, MAIN];
  const child = spawn(file as string, args, {
    cwd: options.cwd,
    env: { PATH: String(process.env["PATH"]), HOOKLINE_LOG_LEVEL: "warn", PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(child, "close").then(() => ({ code: child.exitCode, signal: child.signalCode }));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const until: Program["until"] = async (condition) => {
    for (const deadline = Date.now() + 120_000; !(await condition()); await sleep(20)) {
      if (Date.now() > deadline) throw new Error(`waited in vain; printed:\n${out}\n${err}`);
    }
  };
  const address = () => (/Listens\s+on (http:\/\/[^,\s]+)/.exec(out) ?? /(?:GraphQL|health on)\s+(http:\/\/[^/\s]+)/.exec(out))?.[1];
  return {
    child,
    out: () => out,
    err: () => err,
    until,
    ended,
    async up() {
      await until(() => address() !== undefined || hasEnded());
      if (address() === undefined) throw new Error(`did not start (${child.exitCode ?? child.signalCode}):\n${out}\n${err}`);
      return address() as string;
    },
    async stop() {
      child.kill("SIGTERM");
      return (await ended).code;
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
