/** Nodes that are processes: killed by SIGKILL, or where they are told to die. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Node } from "./site.ts";

/** What a process is told, and what it says. */
export type Told =
  | { kind: "start"; url: string; name: string; leaseMs: number; worker: boolean }
  | { kind: "emit"; call: number; organizationId: string; inputs: unknown[] }
  | { kind: "die"; how: "AT_BEGIN" | "AFTER_COMMIT" }
  | { kind: "stop" };
export type Said = { kind: "ready" } | { kind: "emitted"; call: number; error: string | null } | { kind: "stopped" };

/** Started ahead, as starting one takes longer than most histories. */
const SPARE = 3;

interface Child {
  process: ChildProcess;
  ready: Promise<void>;
  exited: Promise<unknown>;
}

export function createProcesses(url: string, leaseMs: number) {
  const all = new Set<Child>();
  const spare: Child[] = [];

  function spawn(): Child {
    const process = fork(new URL("./node-process.ts", import.meta.url), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const ready = Promise.withResolvers<void>();
    const child = { process, ready: ready.promise, exited: once(process, "exit") };
    process.once("message", () => ready.resolve());
    all.add(child);
    void child.exited.then(() => all.delete(child));
    return child;
  }
  const fill = () => {
    while (spare.length < SPARE) spare.push(spawn());
  };
  fill();

  function start(name: string, worker: boolean): Node {
    const { process, ready, exited } = spare.shift() as Child;
    fill();
    let killedAt: number | undefined;
    let stopping = false;
    let calls = 0;
    const waiting = new Map<number, PromiseWithResolvers<void>>();
    const stopped = Promise.withResolvers<void>();
    const tell = (told: Told) => ready.then(() => process.connected && process.send(told, () => undefined));
    void exited.then(() => {
      if (!stopping) killedAt ??= performance.now();
      stopped.resolve();
    });
    process.on("message", (said: Said) => {
      if (said.kind === "stopped") stopped.resolve();
      if (said.kind !== "emitted") return;
      if (said.error === null) waiting.get(said.call)?.resolve();
      else waiting.get(said.call)?.reject(new Error(said.error));
      waiting.delete(said.call);
    });
    void tell({ kind: "start", url, name, leaseMs, worker });
    return {
      name,
      get killedAt() {
        return killedAt;
      },
      ingest: {
        emit(organizationId, inputs) {
          const call = calls++;
          const answer = Promise.withResolvers<void>();
          waiting.set(call, answer);
          void tell({ kind: "emit", call, organizationId, inputs });
          return answer.promise;
        },
      },
      async kill(how = "NOW") {
        if (how === "NOW") process.kill("SIGKILL");
        else void tell({ kind: "die", how });
        await exited;
      },
      async stop() {
        if (killedAt !== undefined) return;
        stopping = true;
        void tell({ kind: "stop" });
        await stopped.promise;
      },
      async close() {
        stopping = true;
        process.kill("SIGKILL");
        await exited;
      },
    };
  }

  return {
    start,
    async close() {
      for (const { process } of all) process.kill("SIGKILL");
      await Promise.all([...all].map(({ exited }) => exited));
    },
  };
}
