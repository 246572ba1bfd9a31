/**
 * node:cluster hands each new connection to a worker and waits for its answer. When the worker dies before it answers, Node keeps
 * the connection for ever, and its client waits in vain. Here the dead worker's answer is given for it: "not taken", after which
 * Node hands the connection to the next one. A worker answers before it reads, so nothing was read of such a connection.
 */
import type { Worker } from "node:cluster";

/** Messages of node:cluster's own; what is not of this form is left alone. */
interface Handover {
  cmd?: unknown;
  act?: unknown;
  seq?: unknown;
  ack?: unknown;
}
interface Handle {
  close(): void;
}

const CHANNEL_MS = 5;

/** @param others whether another worker takes connections: otherwise they are closed */
export function takeBackConnections(worker: Worker, others: () => boolean): void {
  const handed = new Map<unknown, Handle>();
  const child = worker.process;
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  child.send = (...args: unknown[]) => {
    const [message, handle] = args as [Handover | undefined, Handle | undefined];
    if (message?.cmd === "NODE_CLUSTER" && message.act === "newconn" && handle) handed.set(message.seq, handle);
    return send(...args);
  };
  child.on("internalMessage", (message: Handover) => {
    if (message.ack !== undefined) handed.delete(message.ack);
  });
  let parted = false;
  child.once("disconnect", () => {
    parted = true;
  });
  const takeBack = () => {
    // What it said last may be read after it has ended; then the channel ends, too.
    if (child.connected) {
      setTimeout(takeBack, CHANNEL_MS);
      return;
    }
    // While an answer is outstanding Node puts this off for ever, and the dead worker would be given further connections.
    if (!parted) child.emit("disconnect");
    for (const [seq, handle] of [...handed]) {
      if (others()) child.emit("internalMessage", { cmd: "NODE_CLUSTER", ack: seq, accepted: false });
      else handle.close();
    }
  };
  worker.once("exit", takeBack);
}
