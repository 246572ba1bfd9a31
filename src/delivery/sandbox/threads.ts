/** Threads that run jobs, watched from outside: one that hangs or dies is ended and replaced. */
import { Worker } from "node:worker_threads";
import { type Answer, type Failure, type FromThread, type Job, MEMORY_LIMIT_BYTES, TIME_LIMIT_MS } from "./messages.ts";
import { createFairQueue, type Owner } from "./queue.ts";

/** The thread stops most runs itself; what it cannot interrupt (one endless native call) is ended this much later. */
const GRACE_MS = 500;
const START_LIMIT_MS = 20_000;

interface Waiter {
  job: Job;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

interface Thread {
  worker: Worker;
  current: { owner: Owner; waiter: Waiter; watchdog: NodeJS.Timeout | undefined } | undefined;
  ready: boolean;
}

export interface Pool {
  run(owner: Owner, job: Job): Promise<Answer>;
  /** Ends all threads; runs that wait or go on are rejected. */
  close(): Promise<void>;
}

/** Threads are started when they are first needed. */
export function createPool(size: number): Pool {
  const queue = createFairQueue<Waiter>(size);
  const threads = new Set<Thread>();
  let closed = false;

  function start(): Thread {
    const worker = new Worker(new URL("./thread.ts", import.meta.url), {
      env: {},
      execArgv: [],
      name: "hookline-sandbox",
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    const thread: Thread = { worker, current: undefined, ready: false };
    threads.add(thread);
    worker.on("message", (message: FromThread) => {
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

  function send(thread: Thread, job: Job): void {
    if (!thread.current) return;
    clearTimeout(thread.current.watchdog);
    thread.current.watchdog = setTimeout(() => {
      fail(thread, "TIMEOUT", `took longer than ${TIME_LIMIT_MS / 1000} s`);
      end(thread);
    }, TIME_LIMIT_MS + GRACE_MS);
    thread.worker.postMessage(job);
  }

  function settle(thread: Thread, how: (waiter: Waiter) => void): void {
    const { current } = thread;
    if (!current) return;
    clearTimeout(current.watchdog);
    thread.current = undefined;
    queue.done(current.owner);
    thread.worker.unref();
    how(current.waiter);
  }

  function fail(thread: Thread, failure: Failure, message: string): void {
    const durationMs = failure === "TIMEOUT" ? TIME_LIMIT_MS + GRACE_MS : 0;
    settle(thread, (waiter) => waiter.resolve({ outcome: { kind: "FAILED", failure, message }, console: [], durationMs }));
  }

  function end(thread: Thread): void {
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
