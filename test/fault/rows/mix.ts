/** Everything at once, for long. */
import { startHostile } from "../../helpers/hostile.ts";
import type { Row, RowTest } from "../row.ts";

const MIB = 2 ** 20;
/** A process of Node's that is at rest breathes by this much. */
const SLOPE_MIB = 40;

type Fault = [name: string, strike: (test: RowTest) => Promise<unknown>];

const pick = <T>({ random }: RowTest, of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;

const FAULTS: readonly Fault[] = [
  [
    "worker killed",
    async (test) => {
      const worker = pick(test, test.platform.workers);
      await worker.kill();
      await worker.start();
    },
  ],
  [
    "API killed",
    async (test) => {
      const api = pick(test, test.platform.apis);
      await api.kill();
      await api.start();
      await api.ready();
    },
  ],
  [
    "connections terminated",
    ({ platform }) =>
      platform.postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()",
      ),
  ],
  [
    "replies lost",
    async (test) => {
      const { postgres } = pick(test, test.platform.all);
      postgres.swallowReplies();
      await test.sleep(150);
      postgres.cut();
      postgres.resume();
    },
  ],
  [
    "half-open",
    async (test) => {
      const { postgres } = pick(test, test.platform.all);
      postgres.stall();
      await test.sleep(3_000);
      postgres.cut();
      postgres.resume();
    },
  ],
  [
    "worker frozen",
    async (test) => {
      const worker = pick(test, test.platform.workers);
      worker.signal("SIGSTOP");
      await test.sleep(1_000 + test.random() * 15_000);
      test.fault();
      worker.signal("SIGCONT");
    },
  ],
  [
    "Postgres killed",
    async (test) => {
      await test.platform.postgres.kill(test.random() < 0.5 ? "SIGKILL" : "SIGQUIT");
      await test.sleep(2_000);
      await test.platform.postgres.start();
      for (const process of test.platform.all) process.postgres.target = test.platform.postgres.port;
    },
  ],
  ["nothing", (test) => test.sleep(1_000)],
];

const F35: Row = {
  id: "F35",
  title: "30 min of a seeded mix of the above",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const minutes = test.full ? 30 : 1.5;
    const silent = await startHostile("silent");
    try {
      const strict = await test.target("strict", { behaviour: ({ n, nth }) => (n % 50 === 0 && nth < 3 ? 503 : { delayMs: n % 7 }) });
      await test.target("keys", { ordering: "KEY", type: strict.type, behaviour: ({ n, nth }) => (n % 11 === 0 && nth === 1 ? 500 : 200) });
      await test.target("free", { ordering: "NONE", concurrency: 8, type: strict.type });
      const hung = await test.target("hung", {
        url: silent.url,
        ordering: "KEY",
        timeoutMs: 5_000,
        retrySchedule: [20, 20, 20],
        mayFail: true,
      });
      const flows = [producer.flow(strict.type, 12, (i) => String(i % 9)), producer.flow(hung.type, 0.5, (i) => String(i % 40))];
      const counts = new Map<string, number>();
      const memory: { minute: number; mib: number }[] = [];
      const sizes: number[] = [];
      const began = performance.now();
      const age = () => (performance.now() - began) / 60_000;
      while (age() < minutes) {
        const [name, strike] = pick(test, FAULTS);
        test.fault();
        await strike(test);
        test.fault();
        counts.set(name, (counts.get(name) ?? 0) + 1);
        await test.sleep(2_000 + test.random() * 4_000);
        const size = await platform.postgres
          .query<{ mib: number }>(
            "SELECT (sum(pg_total_relation_size(c.oid)) / 1048576)::float8 AS mib FROM pg_class c WHERE c.relname IN ('lane', 'lane_entry', 'lane_due', 'feed_unsequenced', 'feed_head') AND c.relkind = 'r'",
          )
          .catch(() => []);
        if (size[0]) sizes.push(size[0].mib);
        memory.push({ minute: age(), mib: Math.max(...platform.all.filter((each) => each.alive).map((each) => each.rss)) / MIB });
      }
      for (const stop of flows) await stop();
      await platform.heal();
      await platform.mutate("stopWebhookDefinitions", "... on WebhookDefinitionList { __typename }", { ids: [hung.id] });
      await test.sleep(6_000);
      for (const deadline = performance.now() + 180_000; performance.now() < deadline; await test.sleep(500)) {
        const open = (await test.logged()).filter(
          ({ path, state }) => path !== hung.path && ["PENDING", "SENDING", "WAITING"].includes(state),
        );
        if (open.length === 0) break;
      }
      const slope = slopeOf(memory.filter(({ minute }) => minute > minutes / 3)) * minutes;
      test.say([...counts].map(([name, count]) => `${count} × ${name}`).join(", "));
      test.say(
        `${producer.log.length} events; largest process ${memory.at(-1)?.mib.toFixed(0)} MB, trend ${slope.toFixed(0)} MB over the run; hot tables ${sizes.at(-1)?.toFixed(1)} MB`,
      );
      if (test.full) test.check(slope < SLOPE_MIB, `memory grows by ${slope.toFixed(0)} MB over the run`);
      test.check((sizes.at(-1) ?? 0) < 64, `the hot tables have ${sizes.at(-1)?.toFixed(0)} MB`);
      await test.account();
    } finally {
      await silent.close();
    }
  },
};

/** Of a straight line through the points, by least squares. */
function slopeOf(points: readonly { minute: number; mib: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const [x, y] = [mean(points.map(({ minute }) => minute)), mean(points.map(({ mib }) => mib))];
  const over = points.reduce((sum, point) => sum + (point.minute - x) * (point.mib - y), 0);
  return (
    over /
    Math.max(
      1e-9,
      points.reduce((sum, point) => sum + (point.minute - x) ** 2, 0),
    )
  );
}

export const mix = [F35];
