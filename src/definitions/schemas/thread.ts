/** The thread in which schemas are compiled and payloads judged: a pattern or a reference without end stops nobody else. */
import { parentPort } from "node:worker_threads";
import type { Said } from "../../delivery/sandbox/threads.ts";
import { createJudge } from "./compile.ts";
import type { Judgement, Judging } from "./messages.ts";

const port = parentPort;
if (!port) throw new Error("thread.ts runs as a worker thread only");
const say = (message: Said<Judgement>) => port.postMessage(message);
const judge = createJudge();
port.on("message", (job: Judging) => say({ answer: judge(job) }));
say({ ready: true });
