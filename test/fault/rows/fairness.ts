/** What one tenant, or one size of payload, costs the others and the process. */
import { startHostile } from "../../helpers/hostile.ts";
import { startReceiver } from "../../helpers/receiver.ts";
import { percentile } from "../accounting.ts";
import { startPlatform } from "../platform.ts";
import { createProducer } from "../producer.ts";
import { NOISE_MS, type Row, type Target } from "../row.ts";

const F36: Row = {
  id: "F36",
  title: "3 000 keys to a receiver that hangs, another tenant beside",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const silent = await startHostile("silent");
    const receiver = await startReceiver();
    try {
      const { adminToken } = await platform.mutate<{ adminToken: string }>(
        "createOrganization",
        "... on CreatedOrganization { adminToken }",
        {
          name: `Neighbour ${test.random()}`,
        },
      );
      const type = "neighbour.happened";
      await platform.mutate(
        "createWebhookDefinition",
        "... on CreatedWebhookDefinition { definition { id } }",
        { name: "neighbour", targetUrl: `${receiver.url}/neighbour`, eventTypes: [type], ordering: "KEY" },
        adminToken,
      );
      const neighbour = createProducer(platform.apis, adminToken, `neighbour-${test.random()}`);
      // Each event on a lane of its own: the case of a lane that nobody holds yet.
      const lag = async (name: string, count: number) => {
        const lags: number[] = [];
        for (let i = 0; i < count; i++) {
          const began = performance.now();
          const calls = receiver.calls.length;
          await neighbour.send(type, `${name}-${i}`);
          const came = await receiver.waitFor(calls + 1, 60_000).then(
            () => true,
            () => false,
          );
          test.check(came, `another tenant's event did not arrive within 60 s (${name} ${i})`);
          lags.push(performance.now() - began);
          if (!came) break;
          await test.sleep(50);
        }
        return lags;
      };
      const before = percentile(await lag("before", 40), 99);
      const hung = await test.target("hung", { url: silent.url, ordering: "KEY", timeoutMs: 30_000, retrySchedule: [60], mayFail: true });
      for (let i = 0; i < 3_000; i += 500) await producer.sendMany(hung.type, 500, (k) => String(i + k));
      await test.sleep(3_000);
      const during = await lag("during", 60);
      test.say(`another tenant's p99 ${before.toFixed(0)} → ${percentile(during, 99).toFixed(0)} ms, ${silent.sockets} calls hang`);
      test.check(silent.sockets > 0, "nothing hangs: the row shows nothing");
      test.check(
        percentile(during, 99) <= Math.max(before * 1.5, before + NOISE_MS),
        `another tenant's p99 went from ${before.toFixed(0)} to ${percentile(during, 99).toFixed(0)} ms`,
      );
      await platform.mutate("stopWebhookDefinitions", "... on WebhookDefinitionList { __typename }", { ids: [hung.id] });
      await test.account();
    } finally {
      await silent.close();
      await receiver.close();
    }
  },
};

const HEAP_MB = 256;

const F37: Row = {
  id: "F37",
  title: "6 000 × 100 KB over 200 keys, workers with a heap of 256 MB",
  short: false,
  world: () => startPlatform({ env: (role) => (role === "worker" ? { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` } : {}) }),
  async run(test) {
    const { platform, producer, recorder } = test;
    const count = test.full ? 6_000 : 3_000;
    for (const worker of platform.workers) await worker.terminate();
    const target: Target = await test.target("large", { ordering: "KEY" });
    const filler = "x".repeat(100 * 1024);
    for (let sent = 0; sent < count; sent += 8) await producer.sendMany(target.type, 8, (i) => String((sent + i) % 200), { filler });
    test.check(
      producer.log.every(({ outcome }) => outcome === "accepted"),
      `${producer.log.filter(({ outcome }) => outcome !== "accepted").length} events were not accepted`,
    );
    let peak = 0;
    const watch = setInterval(() => {
      for (const worker of platform.workers) if (worker.alive) peak = Math.max(peak, worker.rss);
    }, 100);
    const began = performance.now();
    try {
      for (const worker of platform.workers) await worker.start();
      await test.settled(600_000);
    } finally {
      clearInterval(watch);
    }
    test.say(
      `${recorder.of(target.path).length} × 100 KB drained in ${((performance.now() - began) / 1_000).toFixed(0)} s, at most ${(peak / 2 ** 20).toFixed(0)} MB resident`,
    );
    await test.account();
  },
};

export const fairness = [F36, F37];
