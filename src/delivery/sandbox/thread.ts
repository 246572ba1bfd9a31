/** The worker thread: one run at a time, the pool watches from outside. */
import { parentPort } from "node:worker_threads";
import { createMachine } from "./machine.ts";
import type { FromThread, Job } from "./messages.ts";

const port = parentPort;
if (!port) throw new Error("thread.ts runs as a worker thread only");
const say = (message: FromThread) => port.postMessage(message);

const machine = await createMachine();
port.on("message", async (job: Job) => say({ answer: await machine(job) }));
say({ ready: true });
