/** Nodes that are processes: killed by SIGKILL, or where they are told to die. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Node } from "./node.ts";

/** What a process is told, and what it says. */
export type Told =
  | { kind: "start"; url: string; name: string; leaseMs: number; worker: boolean }
  | { kind: "emit"; call: number; organizationId: string; inputs: unknown[] }
  | { kind: "die"; how: "AT_BEGIN" | "AFTER_COMMIT" }
  | { kind: "stop" };
export type Said = { kind: "started" } | { kind: "emitted"; call: number; error: string | null } | { kind: "stopped" };

export function createProcesses(url: string, leaseMs: number) {
  const all = new Set<ChildProcess>();

  /** Resolves once it works. */
  async function start(name: string, worker: boolean): Promise<Node> {
    const child = fork(new URL("./node-process.ts", import.meta.url), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    all.add(child);
    const exited = once(child, "exit").then(() => all.delete(child));
    let killedAt: number | undefined;
    let stopping = false;
    let calls = 0;
    const waiting = new Map<number, PromiseWithResolvers<void>>();
    const [started, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const tell = (told: Told) => child.connected && child.send(told, () => undefined);
    void exited.then(() => {
      if (!stopping) killedAt ??= performance.now();
      started.reject(new Error(`${name} ended before it had started`));
      stopped.resolve();
    });
    child.on("message", (said: Said) => {
      if (said.kind === "started") started.resolve();
      if (said.kind === "stopped") stopped.resolve();
      if (said.kind !== "emitted") return;
      if (said.error === null) waiting.get(said.call)?.resolve();
      else waiting.get(said.call)?.reject(new Error(said.error));
      waiting.delete(said.call);
    });
    tell({ kind: "start", url, name, leaseMs, worker });
    await started.promise;
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
          tell({ kind: "emit", call, organizationId, inputs });
          return answer.promise;
        },
      },
      async kill(how = "NOW") {
        if (how === "NOW") child.kill("SIGKILL");
        else tell({ kind: "die", how });
        await exited;
      },
      async stop() {
        if (killedAt !== undefined) return;
        stopping = true;
        tell({ kind: "stop" });
        await stopped.promise;
      },
      async close() {
        stopping = true;
        child.kill("SIGKILL");
        await exited;
      },
    };
  }

  return {
    start,
    async close() {
      const left = [...all];
      for (const child of left) child.kill("SIGKILL");
      await Promise.all(left.map((child) => child.exitCode === null && child.signalCode === null && once(child, "exit")));
    },
  };
}
