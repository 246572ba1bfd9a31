/** Snapshots that others hold open, and definitions with very many lanes. */
import pg from "pg";
import { percentile } from "../accounting.ts";
import { NOISE_MS, type Row, type RowTest, type Target, uuid } from "../row.ts";

/** Of deliveries and of their live updates, over `ms`. */
async function probe(test: RowTest, target: Target, ms: number): Promise<{ delivery: number; live: number }> {
  const from = performance.now();
  const stop = test.producer.flow(target.type, 20, () => "1");
  await test.sleep(ms);
  await stop();
  const sent = test.producer.log.filter((event) => event.type === target.type && event.acceptedAt >= from && event.outcome === "accepted");
  await test.recorder.wait("the probe arrives", () => test.latencies(target, from).length >= sent.length, 60_000);
  const requests = await test.platform.postgres.query<{ n: number; id: string }>(
    "SELECT (e.payload::json->>'n')::int AS n, r.id FROM webhook_request r JOIN event e ON e.id = r.event_id WHERE r.definition_id = $1",
    [uuid(target.id)],
  );
  const byNumber = new Map(requests.map(({ n, id }) => [n, id]));
  const shownAt = () => new Map(test.live.shown.filter(({ state }) => state === "DELIVERED").map(({ id, at }) => [id, at]));
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; await test.sleep(50)) {
    const shown = shownAt();
    if (sent.every(({ n }) => shown.has(byNumber.get(n) ?? ""))) break;
  }
  const shown = shownAt();
  const lags = sent.map(({ n, acceptedAt }) => (shown.get(byNumber.get(n) ?? "") ?? Number.POSITIVE_INFINITY) - acceptedAt);
  return { delivery: percentile(test.latencies(target, from), 99), live: percentile(lags, 99) };
}

const F40: Row = {
  id: "F40",
  title: "a foreign transaction and a dump's snapshot open for 10 minutes",
  short: false,
  async run(test) {
    const target = await test.target("one");
    const keys = await test.target("keys", { ordering: "KEY", type: target.type });
    const foreign = new pg.Client({ connectionString: test.platform.postgres.url });
    const dump = new pg.Client({ connectionString: test.platform.postgres.url });
    await Promise.all([foreign.connect(), dump.connect()]);
    try {
      const before = await probe(test, target, test.full ? 20_000 : 4_000);
      await dump.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      await dump.query("SELECT count(*) FROM webhook_definition");
      await foreign.query("BEGIN");
      await foreign.query("CREATE TEMPORARY TABLE foreigner AS SELECT pg_current_xact_id()");
      const ms = test.full ? 600_000 : 25_000;
      const flow = test.producer.flow(target.type, test.full ? 100 : 60, (i) => String(i % 50));
      await test.sleep(ms);
      await flow();
      await test.settled();
      const during = await probe(test, target, test.full ? 20_000 : 4_000);
      const [stuck] = await test.platform.postgres.query<{ n: number }>("SELECT count(*)::int AS n FROM feed_unsequenced");
      test.say(
        `after ${ms / 1_000} s: p99 of deliveries ${before.delivery.toFixed(0)} → ${during.delivery.toFixed(0)} ms, of live updates ${before.live.toFixed(0)} → ${during.live.toFixed(0)} ms`,
      );
      for (const kind of ["delivery", "live"] as const)
        test.check(
          during[kind] <= Math.max(before[kind] * 1.5, before[kind] + NOISE_MS),
          `${kind}: p99 went from ${before[kind].toFixed(0)} to ${during[kind].toFixed(0)} ms`,
        );
      test.check(stuck?.n === 0, `${stuck?.n} changes wait for their number`);
      test.check(test.recorder.of(keys.path).length > 0, "nothing went to the keys");
      await test.settled();
      await test.account();
    } finally {
      await Promise.all([foreign.end(), dump.end()]);
    }
  },
};

const F41: Row = {
  id: "F41",
  title: "300 000 lanes stopped and activated",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const count = test.full ? 300_000 : 6_000;
    const healthy = await test.target("healthy");
    const many = await test.target("many", { ordering: "KEY", url: "http://127.0.0.1:9/nobody", retrySchedule: [3_600], mayFail: true });
    for (let sent = 0; sent < count; sent += 1_000) await producer.sendMany(many.type, 1_000, (i) => String(sent + i));
    const before = await probe(test, healthy, 4_000);
    const lanes = async () =>
      (await platform.postgres.query<{ n: number }>("SELECT count(*)::int AS n FROM lane WHERE definition_id = $1", [uuid(many.id)]))[0]?.n;
    test.check((await lanes()) === count, `${await lanes()} lanes of ${count}`);
    const stop = producer.flow(healthy.type, 20, () => "1");
    const from = performance.now();
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      for (const verb of ["stopWebhookDefinitions", "activateWebhookDefinitions"]) {
        const began = performance.now();
        await platform.mutate(verb, "... on WebhookDefinitionList { __typename }", { ids: [many.id] });
        times.push(performance.now() - began);
        await test.sleep(300);
      }
    }
    await stop();
    await platform.mutate("stopWebhookDefinitions", "... on WebhookDefinitionList { __typename }", { ids: [many.id] });
    const after = percentile(test.latencies(healthy, from), 99);
    test.say(
      `${count} lanes: stop and activate took at most ${Math.max(...times).toFixed(0)} ms; another lane's p99 ${before.delivery.toFixed(0)} → ${after.toFixed(0)} ms`,
    );
    test.check(Math.max(...times) < 1_000, `stop or activate took ${Math.max(...times).toFixed(0)} ms`);
    test.check(after <= Math.max(before.delivery * 1.5, before.delivery + NOISE_MS), `another lane's p99 is ${after.toFixed(0)} ms`);
    await test.recorder.wait(
      "the healthy lane is done",
      () =>
        test.latencies(healthy).length >= producer.log.filter((sent) => sent.type === healthy.type && sent.outcome === "accepted").length,
    );
    // The account compares what the log says with what the feed told: nothing may change between the two.
    const moves = async () =>
      (
        await platform.postgres.query<{ moves: boolean }>(
          `SELECT EXISTS (SELECT 1 FROM lane WHERE definition_id = $1 AND leased_until > now())
             OR EXISTS (SELECT 1 FROM definition_counter WHERE definition_id = $1 AND go_on_since IS NOT NULL) AS moves`,
          [uuid(many.id)],
        )
      )[0]?.moves;
    for (const deadline = performance.now() + 60_000; (await moves()) && performance.now() < deadline; ) await test.sleep(500);
    test.check(!(await moves()), "lanes of a stopped definition are still at work after a minute");
    const isOpen = async () => (await test.logged()).some(({ path, state }) => path === healthy.path && state !== "DELIVERED");
    for (const deadline = performance.now() + 30_000; (await isOpen()) && performance.now() < deadline; ) await test.sleep(500);
    await test.account();
  },
};

export const snapshots = [F40, F41];
