/** The machine under it: clocks that jump, a disk that is full. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { attemptsOf } from "../attempts.ts";
import { type Platform, startPlatform } from "../platform.ts";
import { startPostgres } from "../postgres.ts";
import type { Row } from "../row.ts";

const LIBFAKETIME = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
  .map((lib) => `${lib}/faketime/libfaketimeMT.so.1`)
  .find(existsSync);

/** Sets a process's clock, by its name: `+3600` seconds; "+0" is the machine's. */
type Clocks = (name: string, offset: string) => void;
const clocks = new WeakMap<Platform, { set: Clocks; folder: string }>();

const F24: Row = {
  id: "F24",
  title: "clocks of workers and APIs jump ± 1 h in mid-run",
  short: false,
  async world() {
    if (LIBFAKETIME === undefined) throw new Error("libfaketime is not installed (Debian: faketime)");
    const folder = mkdtempSync(path.join(tmpdir(), "hookline-clocks-"));
    const fileOf = (name: string) => path.join(folder, name);
    const set: Clocks = (name, offset) => writeFileSync(fileOf(name), `${offset}\n`);
    const env = (_role: string, name: string) => {
      set(name, "+0");
      return {
        LD_PRELOAD: LIBFAKETIME as string,
        FAKETIME_TIMESTAMP_FILE: fileOf(name),
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        DONT_FAKE_MONOTONIC: "1",
      };
    };
    const platform = await startPlatform({ env });
    clocks.set(platform, { set, folder });
    return platform;
  },
  async run(test) {
    const { platform, producer, recorder } = test;
    const { set, folder } = clocks.get(platform) as { set: Clocks; folder: string };
    try {
      const wait = 6;
      const steady = await test.target("steady");
      const failing = await test.target("failing", {
        ordering: "KEY",
        retrySchedule: [wait, wait, wait, wait],
        behaviour: ({ nth }) => (nth === 1 ? 503 : 200),
      });
      const flow = producer.flow(steady.type, 20, (i) => String(i % 5));
      let jumps = 0;
      for (const offset of ["+3600", "+0", "-3600", "+0"]) {
        for (const name of ["worker-1", "worker-2"]) set(name, test.random() < 0.5 || name === "worker-1" ? offset : "+0");
        // Both APIs never: one of them has to take what the other refuses.
        set("api-1", offset);
        jumps += 1;
        for (let i = 0; i < 10; i++) await producer.send(failing.type, `${jumps}-${i}`, { api: platform.apis[1], retry: true });
        await test.sleep(5_000);
      }
      for (const { name } of platform.all) set(name, "+0");
      await flow();
      await test.settled(60_000);
      const seen = recorder.of(failing.path);
      const early = [...new Set(seen.map(({ n }) => n))].filter((n) => {
        const [first, second] = seen.filter((call) => call.n === n);
        return first && second && second.start - first.end < wait * 800;
      });
      test.check(early.length === 0, `${early.length} requests were tried again before their time`);
      const answers = new Map<number, number>();
      for (const { status } of producer.log) answers.set(status, (answers.get(status) ?? 0) + 1);
      test.say(`${jumps} jumps; producers saw ${[...answers].map(([status, count]) => `${count} × ${status}`).join(", ")}`);
      test.check(
        [...answers.keys()].every((status) => status === 202 || status === 503),
        `producers saw ${[...answers.keys()]}`,
      );
      test.check((await attemptsOf(test, failing)).length >= jumps * 20, "the failing receiver was not tried again");
      await test.account();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const DISK_MB = 360;
const disks = new WeakMap<Platform, string>();

const F25: Row = {
  id: "F25",
  title: "Postgres's disk full (a small tmpfs), then freed",
  short: false,
  async world() {
    const folder = mkdtempSync(path.join(tmpdir(), "hookline-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m`, "none", folder]);
    const free = () => {
      execFileSync("umount", ["-l", folder]);
      rmSync(folder, { recursive: true, force: true });
    };
    try {
      const postgres = await startPostgres(folder);
      const platform = await startPlatform({
        postgres: {
          ...postgres,
          get url() {
            return postgres.url;
          },
          get port() {
            return postgres.port;
          },
          close: async () => {
            await postgres.close();
            free();
          },
        },
      });
      disks.set(platform, folder);
      return platform;
    } catch (error) {
      free();
      throw error;
    }
  },
  async run(test) {
    const { platform, producer } = test;
    const folder = disks.get(platform) as string;
    const ballast = path.join(folder, "ballast");
    const target = await test.target("one");
    for (let i = 0; i < 20; i++) await producer.send(target.type, "1");
    await test.settled();
    const freeMb = () => Math.floor((statfsSync(folder).bavail * statfsSync(folder).bsize) / 2 ** 20);
    // What is left fits some megabytes of events, and no new segment of the WAL.
    writeFileSync(ballast, Buffer.alloc(Math.max(0, freeMb() - 4) * 2 ** 20));
    const from = producer.log.length;
    const filler = "x".repeat(60_000);
    let full = false;
    test.fault();
    for (const deadline = performance.now() + 60_000; performance.now() < deadline && !full; await test.sleep(20)) {
      const sent = await producer.sendMany(target.type, 4, () => "1", { filler });
      full = sent[0]?.status === 503;
    }
    test.check(full, "the disk never became full: the row shows nothing");
    const refusedFrom = producer.log.length;
    for (let i = 0; i < 40; i++) {
      await producer.sendMany(target.type, 4, () => "1", { filler });
      await test.sleep(100);
    }
    const statuses = [...new Set(producer.log.slice(from).map(({ status }) => status))];
    test.check(
      statuses.every((status) => status === 202 || status === 503),
      `producers saw ${statuses}`,
    );
    const readiness = await Promise.all(platform.apis.map((api) => api.status()));
    const free = freeMb();
    rmSync(ballast);
    test.fault();
    const freed = performance.now();
    // A server that ended over it is started again by whoever runs it.
    const alive = await platform.postgres.query("SELECT 1").then(
      () => true,
      () => false,
    );
    if (!alive) await platform.postgres.start();
    for (const process of platform.all) process.postgres.target = platform.postgres.port;
    await Promise.all(platform.all.map((process) => process.ready(30_000)));
    const back = await producer.send(target.type, "1", { retry: true });
    test.say(
      `${producer.log.slice(refusedFrom).filter(({ status }) => status === 503).length} × 503 with ${free} MB free, readiness ${readiness}; writes back ${((back.acceptedAt - freed) / 1_000).toFixed(1)} s after it was freed${alive ? "" : ", the server had ended"}`,
    );
    await test.settled(120_000);
    await test.account();
  },
};

export const machine = [F24, F25];
