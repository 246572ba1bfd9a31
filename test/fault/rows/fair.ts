/** What one tenant, or one large backlog, must not cost the others. */
import { randomBytes } from "node:crypto";
import { percentile } from "../accounting.ts";
import type { Row, RowTest } from "../row.ts";

const F36: Row = {
  id: "F36",
  title: "3 000 keys to a receiver that hangs, another lane beside",
  short: false,
  async run(test) {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const hung = await test.target("hung", { ordering: "KEY", timeoutMs: 60_000, behaviour: () => opened.then(() => 200) });
    try {
      for (let sent = 0; sent < 3_000; sent += 500) await test.producer.sendMany(hung.type, 500, (i) => `k${sent + i}`);
      await test.recorder.wait("its calls hang", () => test.recorder.of(hung.path).length >= 100, 60_000);
      test.fault();
      const fresh = await test.target("fresh");
      const from = performance.now();
      const stop = test.producer.flow(fresh.type, 20, () => "1");
      await test.sleep(10_000);
      await stop();
      await test.recorder.wait("the other lane goes on", () => test.latencies(fresh, from).length >= 150, 60_000);
      const p99 = percentile(test.latencies(fresh, from), 99);
      test.say(`${test.recorder.of(hung.path).length} calls hang, the other lane's p99 is ${p99.toFixed(0)} ms`);
      test.check(p99 < 5_000, `another lane's p99 is ${p99.toFixed(0)} ms`);
    } finally {
      open();
    }
    await test.settled(180_000);
    await test.account();
  },
};

/** Both workers with a small heap, for as long as it takes. */
async function withSmallHeap(test: RowTest, work: () => Promise<void>): Promise<void> {
  const { workers } = test.platform;
  for (const worker of workers) {
    await worker.kill();
    worker.nodeOptions = ["--max-old-space-size=256"];
  }
  try {
    await work();
  } finally {
    for (const worker of workers) {
      worker.nodeOptions = [];
      await worker.kill();
    }
  }
}

const F37: Row = {
  id: "F37",
  title: "6 000 × 100 KB over 200 keys and 800 × 0.95 MB over 40, workers with a 256 MB heap",
  short: false,
  async run(test) {
    const text = randomBytes(480_000).toString("hex");
    const { platform, producer, recorder } = test;
    // The recorder keeps what it judges by; the bodies would fill its own memory.
    const forget = () => {
      recorder.receiver.calls.length = 0;
      return 200;
    };
    const many = await test.target("many", { ordering: "KEY", behaviour: forget });
    const large = await test.target("large", { ordering: "KEY", behaviour: forget });
    await withSmallHeap(test, async () => {
      for (let sent = 0; sent < 6_000; sent += 5)
        await producer.sendMany(many.type, 5, (i) => `k${(sent + i) % 200}`, text.slice(0, 102_400));
      for (let sent = 0; sent < 800; sent++) await producer.sendMany(large.type, 1, () => `k${sent % 40}`, text.slice(0, 950_000));
      const began = performance.now();
      for (const worker of platform.workers) await worker.start();
      for (const worker of platform.workers) await worker.ready();
      await test.settled(600_000);
      test.say(`drained in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
      test.say(`resident: ${platform.workers.map((worker) => `${Math.round(worker.rss / 2 ** 20)} MB`).join(", ")}`);
      for (const worker of platform.workers) test.check(worker.alive, `${worker.name} ended: ${worker.complaints}`);
    });
    await test.account();
  },
};

export const fair: readonly Row[] = [F36, F37];
