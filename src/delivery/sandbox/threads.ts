/** Threads that run jobs, watched from outside: one that hangs or dies is ended and replaced. */
import { Worker } from "node:worker_threads";
import { type Answer, type Failure, type Job, MEMORY_LIMIT_BYTES, TIME_LIMIT_MS } from "./messages.ts";
import { createFairQueue, type Owner } from "./queue.ts";

/** The thread stops most runs itself; what it cannot interrupt (one endless native call) is ended this much later. */
const GRACE_MS = 500;
const START_LIMIT_MS = 20_000;

/** What a thread says: once that it is ready, then an answer to each job. */
export type Said<Answer> = { ready: true } | { answer: Answer };

/** What the threads of a pool do. */
export interface Work<Answer> {
  script: URL;
  name: string;
  /** Heap of a thread, in MiB. */
  heapMb: number;
  /** The answer to a job whose thread was ended, or ended itself. `message` says why, to be read behind "it". */
  failed(failure: Failure, message: string, durationMs: number): Answer;
}

const SANDBOX: Work<Answer> = {
  script: new URL("./thread.ts", import.meta.url),
  name: "hookline-sandbox",
  heapMb: 64,
  failed: (failure, message, durationMs) => ({ outcome: { kind: "FAILED", failure, message }, console: [], durationMs }),
};

interface Waiter<Job, Answer> {
  job: Job;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

interface Thread<Job, Answer> {
  worker: Worker;
  current: { owner: Owner; waiter: Waiter<Job, Answer>; watchdog: NodeJS.Timeout | undefined } | undefined;
  ready: boolean;
}

export interface Pool<Job, Answer> {
  run(owner: Owner, job: Job): Promise<Answer>;
  /** Ends all threads; runs that wait or go on are rejected. */
  close(): Promise<void>;
}

export const createSandboxPool = (size: number): Pool<Job, Answer> => createPool<Job, Answer>(size, SANDBOX);

/** Threads are started when they are first needed. A job may take `TIME_LIMIT_MS` and some grace: then its thread is ended. */
export function createPool<Job, Answer>(size: number, work: Work<Answer>): Pool<Job, Answer> {
  const queue = createFairQueue<Waiter<Job, Answer>>(size);
  const threads = new Set<Thread<Job, Answer>>();
  let closed = false;

  function start(): Thread<Job, Answer> {
    const worker = new Worker(work.script, {
      env: {},
      execArgv: [],
      name: work.name,
      resourceLimits: { maxOldGenerationSizeMb: work.heapMb, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    const thread: Thread<Job, Answer> = { worker, current: undefined, ready: false };
    threads.add(thread);
    worker.on("message", (message: Said<Answer>) => {
      if ("answer" in message) settle(thread, (waiter) => waiter.resolve(message.answer));
      else {
        thread.ready = true;
        if (thread.current) send(thread, thread.current.waiter.job);
        else worker.unref();
      }
      next();
    });
    worker.on("error", (error: Error & { code?: string }) => {
      if (!thread.ready) settle(thread, (waiter) => waiter.reject(new Error("a sandbox thread does not start", { cause: error })));
      else if (error.code === "ERR_WORKER_OUT_OF_MEMORY")
        fail(thread, "MEMORY", `needed more than ${MEMORY_LIMIT_BYTES / 2 ** 20} MiB of memory`);
      else fail(thread, "ERROR", "the sandbox gave up on this source");
      end(thread);
    });
    worker.on("exit", () => {
      fail(thread, "ERROR", "the sandbox gave up on this source");
      end(thread);
    });
    return thread;
  }

  function send(thread: Thread<Job, Answer>, job: Job): void {
    if (!thread.current) return;
    clearTimeout(thread.current.watchdog);
    thread.current.watchdog = setTimeout(() => {
      fail(thread, "TIMEOUT", `took longer than ${TIME_LIMIT_MS / 1000} s`);
      end(thread);
    }, TIME_LIMIT_MS + GRACE_MS);
    thread.worker.postMessage(job);
  }

  function settle(thread: Thread<Job, Answer>, how: (waiter: Waiter<Job, Answer>) => void): void {
    const { current } = thread;
    if (!current) return;
    clearTimeout(current.watchdog);
    thread.current = undefined;
    queue.done(current.owner);
    thread.worker.unref();
    how(current.waiter);
  }

  function fail(thread: Thread<Job, Answer>, failure: Failure, message: string): void {
    const durationMs = failure === "TIMEOUT" ? TIME_LIMIT_MS + GRACE_MS : 0;
    settle(thread, (waiter) => waiter.resolve(work.failed(failure, message, durationMs)));
  }

  function end(thread: Thread<Job, Answer>): void {
    if (!threads.delete(thread)) return;
    void thread.worker.terminate();
    // Its replacement starts now, not when the next job waits for it.
    if (!closed && thread.ready && threads.size < size) start();
    next();
  }

  function next(): void {
    while (!closed) {
      const idle = [...threads].find((thread) => !thread.current);
      if (!idle && threads.size >= size) return;
      const taken = queue.take();
      if (!taken) return;
      const thread = idle ?? start();
      thread.current = { owner: taken.owner, waiter: taken.item, watchdog: undefined };
      thread.worker.ref();
      if (thread.ready) send(thread, taken.item.job);
      else {
        thread.current.watchdog = setTimeout(() => {
          settle(thread, (waiter) => waiter.reject(new Error("a sandbox thread does not start")));
          end(thread);
        }, START_LIMIT_MS);
      }
    }
  }

  return {
    run: (owner, job) =>
      new Promise((resolve, reject) => {
        if (closed) throw new Error("the sandbox is closed");
        queue.add(owner, { job, resolve, reject });
        next();
      }),
    async close() {
      closed = true;
      const gone = new Error("the sandbox is closed");
      for (const waiter of queue.clear()) waiter.reject(gone);
      const all = [...threads];
      threads.clear();
      for (const thread of all) settle(thread, (waiter) => waiter.reject(gone));
      await Promise.all(all.map((thread) => thread.worker.terminate()));
    },
  };
}
