/** A node in a process of its own, told by processes.ts what to do. */
import { createQueue } from "../../src/db/queue.ts";
import { createSandbox } from "../../src/delivery/sandbox/sandbox.ts";
import type { EventInput } from "../../src/events/input.ts";
import { openCore, testConfig } from "../helpers/core.ts";
import { startNode, type TestNode } from "../helpers/node.ts";
import type { Said, Told } from "./processes.ts";

const say = (said: Said) => process.send?.(said);
let node: Promise<TestNode> | undefined;

async function start({ url, name, leaseMs, worker }: Extract<Told, { kind: "start" }>): Promise<TestNode> {
  const core = await openCore(testConfig(url), url);
  const queue = createQueue(url, core.log, { worker: false });
  await queue.start([]);
  return startNode({ core, queue, sandbox: createSandbox() }, name, { leaseMs, worker });
}

async function hear(told: Told): Promise<void> {
  if (told.kind === "start") {
    node = start(told);
    await node;
    say({ kind: "started" });
    return;
  }
  const mine = await node;
  if (!mine) throw new Error("not started");
  if (told.kind === "emit") {
    const error = await mine.ingest.emit(told.organizationId, told.inputs as EventInput[]).then(
      () => null,
      (failure: Error) => failure.message,
    );
    say({ kind: "emitted", call: told.call, error });
  } else if (told.kind === "die") {
    await mine.kill(told.how);
    process.kill(process.pid, "SIGKILL");
  } else {
    await mine.stop();
    say({ kind: "stopped" });
  }
}

process.on("message", (told: Told) => void hear(told));
// Nobody is left who would tell it anything.
process.on("disconnect", () => process.exit());
