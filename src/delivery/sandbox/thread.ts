/** The worker thread: one run at a time, the pool watches from outside. */
import { parentPort } from "node:worker_threads";
import { createMachine } from "./machine.ts";
import type { Answer, Job } from "./messages.ts";
import type { Said } from "./threads.ts";

const port = parentPort;
if (!port) throw new Error("thread.ts runs as a worker thread only");
const say = (message: Said<Answer>) => port.postMessage(message);

const machine = await createMachine();
port.on("message", async (job: Job) => say({ answer: await machine(job) }));
say({ ready: true });
