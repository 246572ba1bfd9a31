/** Another server takes over: a promoted standby, a restored backup. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { ask, type Pair, replicationPrograms, startPair } from "../../db/standby.ts";
import { percentile } from "../accounting.ts";
import { type Platform, startPlatform } from "../platform.ts";
import { type Postgres, startPostgres } from "../postgres.ts";
import type { Row, RowTest, Target } from "../row.ts";

const CLI = path.resolve(import.meta.dirname, "../../../src/cli.ts");
/** What a poll of one second would cost; notifications take milliseconds. */
const LIVE_NOISE_MS = 250;

const pairs = new WeakMap<Platform, Pair>();

/** The pair as the harness's Postgres: asked where it is the primary. */
async function pairAsPostgres(pair: Pair): Promise<Postgres & { over(): void }> {
  let now = pair.primary;
  let pool: pg.Pool | undefined;
  const open = () => {
    pool ??= new pg.Pool({ connectionString: now.href, max: 4 }).on("error", () => undefined);
    return pool;
  };
  return {
    get url() {
      return now.href;
    },
    get port() {
      return Number(now.port);
    },
    query: async <R extends object>(text: string, values: unknown[] = []) => (await open().query<R>(text, values)).rows,
    kill: () => Promise.reject(new Error("not in this row")),
    start: () => Promise.reject(new Error("not in this row")),
    over() {
      void pool?.end();
      pool = undefined;
      now = pair.standby;
    },
    async close() {
      await pool?.end();
      await pair.stop();
    },
  };
}

/** From an event's acceptance to the live update that it was delivered, milliseconds: the median of `count`. */
async function liveLag({ producer, live, ...test }: RowTest, target: Target, count: number): Promise<number> {
  const lags: number[] = [];
  for (let i = 0; i < count; i++) {
    const sent = await producer.send(target.type, "1");
    const request = async () => (await test.logged()).find(({ n, path }) => n === sent.n && path === target.path);
    let id: string | undefined;
    for (const deadline = performance.now() + 15_000; performance.now() < deadline; await test.sleep(5)) {
      id ??= (await request())?.id;
      const shown = live.shown.find((update) => update.id === id && update.state === "DELIVERED");
      if (shown) {
        lags.push(Math.max(0, shown.at - sent.acceptedAt));
        break;
      }
    }
  }
  test.check(lags.length === count, `${count - lags.length} of ${count} deliveries were not shown live within 15 s`);
  return percentile(lags, 50);
}

const F42: Row = {
  id: "F42",
  title: "standby promoted, the old primary alive and read-only",
  short: false,
  edge: true,
  async world() {
    const programs = replicationPrograms();
    if (!programs) throw new Error("no PostgreSQL with pg_basebackup is installed (Debian: postgresql-15)");
    const pair = await startPair(programs);
    const platform = await startPlatform({ postgres: await pairAsPostgres(pair) });
    pairs.set(platform, pair);
    return platform;
  },
  async run(test) {
    const { platform, producer } = test;
    const pair = pairs.get(platform) as Pair;
    const target = await test.target("one");
    const before = await liveLag(test, target, 9);
    const flow = producer.flow(target.type, 20, (i) => String(i % 3));
    await test.sleep(1_000);
    let closedAt = Number.POSITIVE_INFINITY;
    // The standby may take writes from when it is told to, and surely does when that is answered.
    let promotingAt = Number.POSITIVE_INFINITY;
    let promotedAt = Number.POSITIVE_INFINITY;
    const lies: string[] = [];
    const backAt = new Map(platform.all.map(({ name }) => [name, Number.POSITIVE_INFINITY]));
    let watching = true;
    const watch = Promise.all(
      platform.all.map(async (process) => {
        for (; watching; await test.sleep(100)) {
          const asked = performance.now();
          const status = await process.status();
          // An answer is good for a second.
          if (status === 200 && asked > closedAt + 1_500 && performance.now() < promotingAt)
            lies.push(`${process.name} at ${(asked - closedAt).toFixed(0)} ms`);
          if (status === 200 && asked > promotedAt) backAt.set(process.name, Math.min(backAt.get(process.name) ?? 0, performance.now()));
        }
      }),
    );
    const lead = () => {
      for (const { postgres } of platform.all) postgres.target = Number(pair.standby.port);
    };
    // New connections may be led to the new server before it takes writes, or after.
    const early = test.random() < 0.5;
    test.fault();
    if (early) lead();
    await pair.closePrimary();
    closedAt = performance.now();
    await test.sleep(4_000);
    const refusedFrom = closedAt + 200;
    promotingAt = performance.now();
    await pair.promote();
    promotedAt = performance.now();
    (platform.postgres as Awaited<ReturnType<typeof pairAsPostgres>>).over();
    test.fault();
    if (!early) lead();
    const away = producer.log.filter((sent) => sent.acceptedAt > refusedFrom && sent.acceptedAt < promotingAt);
    const ours = "SELECT application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'hookline %'";
    let left = await ask<{ name: string }>(pair.primary, ours);
    for (const deadline = promotedAt + 15_000; performance.now() < deadline; await test.sleep(200)) {
      left = await ask<{ name: string }>(pair.primary, ours);
      if (left.length === 0 && [...backAt.values()].every(Number.isFinite)) break;
    }
    const back = (Math.max(...backAt.values()) - promotedAt) / 1_000;
    test.check(back <= 15, `ready again after ${back.toFixed(1)} s`);
    test.check(left.length === 0, `after 15 s these stay on the old primary: ${left.map(({ name }) => name)}`);
    watching = false;
    await watch;
    await flow();
    const accepted = producer.log.filter((sent) => sent.outcome === "accepted").map((sent) => sent.acceptedAt);
    const writes = (Math.min(...accepted.filter((at) => at > promotedAt)) - promotedAt) / 1_000;
    test.say(
      `connections led ${early ? "before" : "after"} the promotion; ${away.length} posts meanwhile; writes back after ${writes.toFixed(1)} s, all ready after ${back.toFixed(1)} s`,
    );
    test.check(writes <= 15, `writes are back after ${writes.toFixed(1)} s`);
    test.check(lies.length === 0, `ready while writes were refused: ${lies.slice(0, 5)}`);
    const false202 = away.filter((sent) => sent.outcome === "accepted").length;
    test.check(away.length > 0 && false202 === 0, `${false202} of ${away.length} events were accepted while nothing could be written`);
    const odd = producer.log.filter((sent) => ![0, 202, 503].includes(sent.status)).map((sent) => sent.status);
    test.check(odd.length === 0, `producers saw ${[...new Set(odd)]}`);
    await test.settled(60_000);
    const after = await liveLag(test, target, 9);
    test.say(`live lag ${before.toFixed(0)} → ${after.toFixed(0)} ms, ${test.live.breaks} cursor of before refused`);
    test.check(after <= before + LIVE_NOISE_MS, `the live lag went from ${before.toFixed(0)} to ${after.toFixed(0)} ms`);
    test.check(test.live.breaks >= 1, "a cursor of the old primary was not refused");
    await test.account();
  },
};

const F39: Row = {
  id: "F39",
  title: "an older backup restored under live subscribers",
  short: false,
  edge: true,
  async world() {
    return startPlatform({ postgres: await startPostgres() });
  },
  async run(test) {
    const { platform, producer, recorder } = test;
    const files = mkdtempSync(path.join(tmpdir(), "hookline-backup-"));
    const file = path.join(files, "backup.hookline");
    const command = (database: string, ...words: string[]) => {
      const url = Object.assign(new URL(platform.postgres.url), { pathname: `/${database}` });
      return execFileSync(process.execPath, [CLI, ...words], {
        env: { ...platform.env, DATABASE_URL: url.href, HOOKLINE_DATA_DIR: files, PATH: process.env["PATH"] },
        stdio: "pipe",
      }).toString();
    };
    try {
      const kept = await test.target("kept");
      await producer.sendMany(kept.type, 40, () => "1");
      await test.settled();
      command("hookline", "backup", file);
      // What the backup has not: numbers, versions and cursors go on, and will be handed out again.
      const younger = await test.target("younger");
      await producer.sendMany(kept.type, 30, () => "1");
      await producer.sendMany(younger.type, 30, () => "1");
      await test.settled();
      await test.account();
      const calls = recorder.of(younger.path).length;
      await platform.postgres.query("CREATE DATABASE restored");
      const restored = command("restored", "restore", file);
      test.say(restored.trim());
      test.forget();
      await swap(platform);
      test.fault();
      // A backup has no jobs; whoever starts next makes their tables. The APIs, with their caches and subscribers, live on.
      for (const worker of platform.workers) await worker.kill();
      await platform.heal();
      await Promise.all(platform.all.map((process) => process.ready(30_000)));
      const again = await test.target("again");
      await producer.sendMany(again.type, 100, () => "1");
      await test.settled();
      // Caches of before know who wants these: the definition that the backup holds goes on, the other is no more.
      await producer.sendMany(younger.type, 20, () => "1");
      await producer.sendMany(kept.type, 20, () => "1");
      await recorder.wait("the restored definition works", () => recorder.of(kept.path).length >= 90);
      test.check(recorder.of(younger.path).length === calls, "an event went to a definition that no longer exists");
      test.check(test.live.breaks >= 1, "a cursor of before the restore was taken");
      await test.account();
      test.say(`${test.live.breaks} cursor of before refused`);
      await platform.mutate("stopWebhookDefinitions", "... on WebhookDefinitionList { __typename }", { ids: [kept.id] });
    } finally {
      rmSync(files, { recursive: true, force: true });
    }
  },
};

/** The restored database takes the place of the live one, under running processes. */
async function swap(platform: Platform): Promise<void> {
  for (const { postgres } of platform.all) postgres.stall();
  const admin = Object.assign(new URL(platform.postgres.url), { pathname: "/postgres" });
  await ask(admin, "ALTER DATABASE hookline WITH ALLOW_CONNECTIONS false");
  await ask(admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('hookline', 'restored')");
  for (const { postgres } of platform.all) postgres.cut();
  for (let tries = 0; ; tries++) {
    try {
      await ask(admin, "ALTER DATABASE hookline RENAME TO before");
      break;
    } catch (error) {
      if (tries > 50) throw error;
      await ask(admin, "SELECT pg_sleep(0.1)");
    }
  }
  await ask(admin, "ALTER DATABASE restored RENAME TO hookline");
  for (const { postgres } of platform.all) postgres.resume();
}

export const failover = [F39, F42];
