/** Postgres that dies, hangs, loses replies. */
import type { Row, RowTest } from "../row.ts";

/** Counts refused posts that did not say when to come again. */
function judgeUnavailable(test: RowTest, from: number): void {
  const during = test.producer.log.slice(from).filter((sent) => sent.status === 503);
  const silent = during.filter((sent) => sent.retryAfter === null).length;
  test.check(silent === 0, `${silent} of ${during.length} answers 503 came without Retry-After`);
  const others = test.producer.log.slice(from).filter((sent) => sent.outcome !== "accepted" && sent.status !== 503 && sent.status !== 0);
  test.check(others.length === 0, `producers saw ${[...new Set(others.map((sent) => sent.status))]} while the database was away`);
  test.say(`${during.length} × 503`);
}

async function backWithin(test: RowTest, ms: number): Promise<void> {
  const began = performance.now();
  await Promise.all(test.platform.all.map((process) => process.ready(ms).catch((error: Error) => test.check(false, error.message))));
  test.say(`all ready again after ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/** Chores come every minute: one that ended after `since` says that jobs are worked again. */
async function choreWithin(test: RowTest, since: Date, ms: number): Promise<void> {
  const ended = `SELECT count(*)::int AS count FROM hookline_queue.job WHERE name LIKE 'chore-%' AND state = 'completed' AND started_on > '${since.toISOString()}'`;
  const began = performance.now();
  let count = 0;
  for (; count === 0 && performance.now() - began < ms; await test.sleep(1_000))
    count = (await test.platform.postgres.query<{ count: number }>(ended))[0]?.count ?? 0;
  test.check(count > 0, `no chore ended within ${ms / 1_000} s`);
  test.say(`a chore after ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

const F05: Row = {
  id: "F05",
  title: "Postgres killed, by SIGKILL and immediate shutdown, 5 s down",
  short: true,
  async run(test) {
    const { platform, producer } = test;
    const target = await test.target("one");
    for (const how of ["SIGKILL", "SIGQUIT"] as const) {
      const from = producer.log.length;
      const flow = producer.flow(target.type, 20, () => "1");
      await test.sleep(1_000);
      test.fault();
      await platform.postgres.kill(how);
      await test.sleep(5_000);
      await platform.postgres.start();
      for (const process of platform.all) process.postgres.target = platform.postgres.port;
      test.fault();
      await backWithin(test, 15_000);
      await test.sleep(500);
      await flow();
      const sent = await producer.send(target.type, "1", { retry: true });
      test.check(sent.outcome === "accepted", "a new event is not accepted");
      judgeUnavailable(test, from);
    }
    await test.settled();
    await test.account();
  },
};

const F06: Row = {
  id: "F06",
  title: "every connection terminated, 5 times",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const target = await test.target("one");
    const flow = producer.flow(target.type, 30, () => "1");
    for (let i = 0; i < 5; i++) {
      await test.sleep(1_000);
      test.fault();
      await platform.postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()",
      );
    }
    await backWithin(test, 15_000);
    await flow();
    await test.settled();
    await test.account();
  },
};

const F07: Row = {
  id: "F07",
  title: "Postgres half-open: nothing is forwarded, the sockets stay",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const target = await test.target("one");
    const from = producer.log.length;
    const flow = producer.flow(target.type, 5, () => "1");
    await test.sleep(1_000);
    test.fault();
    const began = performance.now();
    for (const process of platform.all) process.postgres.stall();
    let noticed = Number.POSITIVE_INFINITY;
    for (; noticed > 20_000 && performance.now() - began < 25_000; await test.sleep(200)) {
      const states = await Promise.all(platform.all.map((process) => process.status()));
      if (states.every((status) => status === 503)) noticed = performance.now() - began;
    }
    test.say(`noticed after ${(noticed / 1000).toFixed(1)} s`);
    test.check(noticed <= 15_000, `noticed after ${Math.round(noticed)} ms`);
    // What is open never brings anything again, and nobody resets it.
    for (const process of platform.all) process.postgres.hole();
    test.fault();
    await backWithin(test, 20_000);
    const since = new Date();
    await flow();
    judgeUnavailable(test, from);
    await test.settled(60_000);
    await choreWithin(test, since, 150_000);
    await test.account();
  },
};

const F08: Row = {
  id: "F08",
  title: "the write was done, its reply was lost",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const target = await test.target("one");
    const flow = producer.flow(target.type, 40, () => "1");
    for (let i = 0; i < 6; i++) {
      await test.sleep(700);
      const victim = platform.all[i % 4];
      test.fault();
      victim?.postgres.swallowReplies();
      await test.sleep(150);
      victim?.postgres.cut();
      victim?.postgres.resume();
    }
    await flow();
    await test.settled(60_000);
    await test.account();
  },
};

const F09: Row = {
  id: "F09",
  title: "pool exhausted; lane row locked for 10 s",
  short: false,
  async run(test) {
    const { platform, producer, recorder } = test;
    const locked = await test.target("locked");
    const free = await test.target("free");
    await producer.send(locked.type, "1");
    await producer.send(free.type, "1");
    await recorder.wait("both lanes work", () => recorder.of(free.path).length + recorder.of(locked.path).length >= 2);
    const from = performance.now();
    const lock = platform.postgres.query(
      "SELECT pg_sleep(10) FROM (SELECT 1 FROM lane l JOIN webhook_definition d ON d.id = l.definition_id WHERE d.target_url LIKE $1 FOR UPDATE OF l) x",
      [`%${locked.path}`],
    );
    const stop = producer.flow(free.type, 10, () => "1");
    const waiting = producer.send(locked.type, "1", { timeoutMs: 30_000 });
    await lock;
    await stop();
    const { status, acceptedAt } = await waiting;
    test.say(`the locked lane's post was answered ${status} after ${((acceptedAt - from) / 1000).toFixed(1)} s`);
    test.check(status === 202 || status === 503, `the locked lane's post was answered ${status}`);
    const slow = test.latencies(free, from).filter((ms) => ms > 2_000).length;
    test.check(slow === 0, `${slow} deliveries of the free lane waited for the locked one`);
    const refused = producer.log.filter((sent) => sent.type === free.type && sent.outcome !== "accepted").length;
    test.check(refused === 0, `${refused} events of the free lane were not accepted`);
    await test.settled();
    await test.account();
  },
};

export const database = [F05, F06, F07, F08, F09];
