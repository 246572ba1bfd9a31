/** scrypt, two at once in a process and 64 that wait: each takes 32 MiB and a tenth of a second of a core. */
import { Worker } from "node:worker_threads";
import { RateLimitedError } from "../errors.ts";

const THREADS = 2;
const WAITING = 64;
/** A full queue is empty again after about so long, in seconds. */
const QUEUE_SECONDS = 5;

export interface ScryptNumbers {
  N: number;
  r: number;
  p: number;
}

export interface ScryptJob extends ScryptNumbers {
  id: number;
  password: string;
  salt: Uint8Array;
  length: number;
}

export interface ScryptAnswer {
  id: number;
  hash: Uint8Array;
}

interface Waiting {
  job: ScryptJob;
  resolve(hash: Uint8Array): void;
  reject(error: Error): void;
}

/** What is bounded is the process, so this is the process's. */
const queue: Waiting[] = [];
const idle: Worker[] = [];
let threads = 0;
let lastId = 0;

function startThread(): Worker {
  threads += 1;
  const worker = new Worker(new URL("./thread.ts", import.meta.url), { stdin: false, execArgv: [] });
  // An idle thread keeps no process alive.
  worker.unref();
  return worker;
}

function next(): void {
  while (queue.length > 0) {
    const worker = idle.pop() ?? (threads < THREADS ? startThread() : undefined);
    if (!worker) return;
    run(worker, queue.shift() as Waiting);
  }
}

function run(worker: Worker, { job, resolve, reject }: Waiting): void {
  const done = () => {
    worker.off("message", answered);
    worker.off("error", failed);
    worker.unref();
  };
  const answered = ({ hash }: ScryptAnswer) => {
    done();
    idle.push(worker);
    resolve(hash);
    next();
  };
  const failed = (error: Error) => {
    done();
    threads -= 1;
    reject(error);
    next();
  };
  worker.ref();
  worker.on("message", answered);
  worker.on("error", failed);
  worker.postMessage(job);
}

/** @throws RateLimitedError when so many wait already that the answer would come too late */
export function scrypt(password: string, salt: Uint8Array, length: number, numbers: ScryptNumbers): Promise<Uint8Array> {
  if (queue.length >= WAITING) return Promise.reject(new RateLimitedError(QUEUE_SECONDS));
  return new Promise((resolve, reject) => {
    lastId += 1;
    queue.push({ job: { id: lastId, password, salt, length, ...numbers }, resolve, reject });
    next();
  });
}
