/** The command line as a shell runs it: a process of its own, its lines as they come. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const CLI = path.resolve(import.meta.dirname, "../../src/cli.ts");

export interface Result {
  code: number | null;
  out: string[];
  err: string[];
}

export interface Running {
  child: ChildProcess;
  out: string[];
  err: string[];
  /** Waits until `condition` holds; throws with what was printed when it never does. */
  until(condition: () => boolean): Promise<void>;
  ended: Promise<Result>;
}

/** Nothing of this process' environment but PATH: what the test says is all the command knows. */
export function start(args: readonly string[], env: Record<string, string>, input?: string): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: String(process.env["PATH"]), ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  if (input !== undefined) child.stdin?.end(input);
  const out: string[] = [];
  const err: string[] = [];
  const lines = [
    [child.stdout, out],
    [child.stderr, err],
  ] as const;
  const read = lines.map(([stream, into]) => {
    const reader = createInterface({ input: stream as NonNullable<typeof stream> });
    reader.on("line", (line) => into.push(line));
    return once(reader, "close");
  });
  const ended = Promise.all([once(child, "exit"), ...read]).then(([[code]]) => ({ code: code as number | null, out, err }));
  return {
    child,
    out,
    err,
    ended,
    async until(condition) {
      for (const deadline = Date.now() + 20_000; !condition(); await sleep(20)) {
        if (Date.now() > deadline) throw new Error(`waited in vain; printed:\n${out.join("\n")}\n${err.join("\n")}`);
      }
    },
  };
}

export function run(args: readonly string[], env: Record<string, string>, input?: string): Promise<Result> {
  return start(args, env, input).ended;
}
