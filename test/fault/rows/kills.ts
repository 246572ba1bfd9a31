/** Processes that die, freeze, or are told to go. */
import { percentile } from "../accounting.ts";
import type { Process } from "../process.ts";
import { type Row, type RowTest, uuid } from "../row.ts";

/** Freezes the other worker before a lane is opened, so that the one left holds it. */
function aloneAtWork({ platform }: RowTest, index: 0 | 1): { holder: Process; other: Process } {
  const [holder, other] = index === 0 ? platform.workers : [platform.workers[1], platform.workers[0]];
  other.signal("SIGSTOP");
  return { holder, other };
}

const F01: Row = {
  id: "F01",
  title: "worker killed while the receiver holds the request",
  short: true,
  async run(test) {
    const { recorder, producer } = test;
    let held = true;
    const target = await test.target("held", {
      behaviour: async ({ nth, received }) => (held && nth === 1 ? received.closed.then(() => 200) : 200),
    });
    const { holder, other } = aloneAtWork(test, test.random() < 0.5 ? 0 : 1);
    for (let i = 0; i < 10; i++) await producer.send(target.type, "1");
    await recorder.wait("the first call", () => recorder.of(target.path).length > 0);
    held = false;
    test.fault();
    const killed = performance.now();
    await holder.kill();
    other.signal("SIGCONT");
    await recorder.wait("the lane goes on", () => recorder.of(target.path).length > 1, 20_000);
    const wait = performance.now() - killed;
    test.say(`the lane went on after ${(wait / 1000).toFixed(1)} s`);
    test.check(wait <= 15_000, `the lane went on after ${Math.round(wait)} ms, not 15 s`);
    await test.settled();
    const { broken } = await test.account();
    test.check(broken.length > 0 || (await test.logged()).some((r) => r.interrupted === 1), "the cut attempt is not logged as INTERRUPTED");
  },
};

const F02: Row = {
  id: "F02",
  title: "worker killed after the 2xx, before the settle",
  short: true,
  async run(test) {
    const { recorder, producer, platform } = test;
    const { holder, other } = aloneAtWork(test, test.random() < 0.5 ? 0 : 1);
    let calls = 0;
    const target = await test.target("fast", {
      behaviour: async () => {
        calls += 1;
        // From before this answer on it cannot settle: it sends what is marked, and stops.
        if (calls === 60) holder.postgres.stall();
        return 200;
      },
    });
    const flow = producer.flow(target.type, 150, () => "1");
    await recorder.wait("some arrive", () => recorder.of(target.path).length >= 60);
    for (let last = -1; last !== recorder.of(target.path).length; await test.sleep(400)) last = recorder.of(target.path).length;
    await flow();
    const received = new Set(recorder.of(target.path).map((call) => call.n));
    const unsettled = (await test.logged()).filter((r) => received.has(r.n) && r.state !== "DELIVERED").map((r) => r.n);
    test.fault();
    await holder.kill();
    other.signal("SIGCONT");
    await test.settled();
    const twice = [...received].filter((n) => recorder.of(target.path).filter((call) => call.n === n).length > 1);
    test.say(`${unsettled.length} received and unsettled at the kill, ${twice.length} came again`);
    test.check(unsettled.length > 0, "nothing was unsettled: the row shows nothing");
    test.check(String(twice.sort()) === String(unsettled.sort()), `came again: ${twice}; unsettled were: ${unsettled}`);
    const interrupted = await platform.postgres.query<{ tries: number }>(
      "SELECT tries FROM webhook_request WHERE definition_id = $1 AND tries > 0",
      [uuid(target.id)],
    );
    test.check(interrupted.length === 0, "a kill ate a try of the schedule");
    await test.account();
  },
};

const F03: Row = {
  id: "F03",
  title: "a random worker killed every 2 s, 20 times, during 500 events",
  short: false,
  async run(test) {
    const { producer, platform, recorder } = test;
    const targets = [await test.target("one", { behaviour: ({ n }) => (n % 7 === 0 ? { delayMs: 20 } : 200) })];
    targets.push(
      await test.target("keys", {
        ordering: "KEY",
        type: targets[0]?.type as string,
        retrySchedule: [0.2],
        behaviour: ({ n, nth }) => (n % 5 === 0 && nth === 1 ? 500 : 200),
      }),
    );
    const flow = producer.flow(targets[0]?.type as string, 12, (i) => String(i % 5));
    for (let i = 0; i < 20; i++) {
      await test.sleep(2_000);
      const victim = platform.workers[test.random() < 0.5 ? 0 : 1];
      test.fault();
      await victim.kill();
      await victim.start();
    }
    await flow();
    await Promise.all(platform.workers.map((worker) => worker.ready()));
    await test.settled(60_000);
    test.say(`${producer.log.length} events, ${recorder.of(targets[0]?.path as string).length} calls on one lane`);
    await test.account();
  },
};

const F04: Row = {
  id: "F04",
  title: "API killed between commit and reply: the retry with the same Idempotency-Key gives one event",
  short: false,
  async run(test) {
    const { producer, platform } = test;
    const target = await test.target("once");
    const api = platform.apis[0];
    for (let i = 0; i < 3; i++) {
      await producer.send(target.type, "1", { api });
      // The work is done, the API never hears of it.
      api.postgres.swallowReplies();
      const cut = producer.send(target.type, "1", { api, retry: true });
      await test.sleep(300);
      test.fault();
      await api.kill();
      api.postgres.resume();
      await api.start();
      await api.ready();
      await cut;
    }
    await test.settled();
    const logged = await test.logged();
    test.check(logged.length === producer.log.length, `${producer.log.length} events became ${logged.length} requests`);
    const account = await test.account();
    test.check(account.duplicated === 0, "an event was delivered twice");
  },
};

const F10: Row = {
  id: "F10",
  title: "worker frozen past its lease, woken while another delivers",
  short: true,
  async run(test) {
    const { producer, recorder } = test;
    const target = await test.target("slow", { behaviour: () => ({ delayMs: 30 }) });
    const { holder, other } = aloneAtWork(test, test.random() < 0.5 ? 0 : 1);
    for (let i = 0; i < 30; i++) await producer.send(target.type, "1");
    await recorder.wait("some arrive", () => recorder.of(target.path).length >= 5);
    const before = recorder.of(target.path).length;
    test.fault();
    holder.signal("SIGSTOP");
    other.signal("SIGCONT");
    await recorder.wait("the other takes over", () => recorder.of(target.path).length >= before + 4, 25_000);
    // In the midst of the other's work.
    holder.signal("SIGCONT");
    for (let i = 0; i < 20; i++) await producer.send(target.type, "1");
    await test.settled();
    await test.account();
    const logged = await test.logged();
    test.say(`${logged.filter((r) => r.interrupted > 0).length} attempts of the frozen worker are logged as INTERRUPTED`);
  },
};

const F26: Row = {
  id: "F26",
  title: "SIGTERM with 200 in flight",
  short: true,
  async run(test) {
    const { producer, recorder, platform } = test;
    const [leaving, other] = platform.workers;
    await other.terminate();
    // The receiver holds every call until it is let go.
    let gate = Promise.withResolvers<number>();
    const held = { ordering: "KEY", timeoutMs: 30_000, behaviour: () => gate.promise } as const;
    const target = await test.target("many", held);
    await test.target("more", { ...held, type: target.type, host: "127.0.0.2" });
    await producer.sendMany(target.type, 100, String);
    await producer.sendMany(target.type, 100, String);
    await recorder.wait("200 in flight", () => recorder.receiver.inFlight >= 200, 25_000);
    const inFlight = recorder.receiver.inFlight;
    const began = performance.now();
    const exit = leaving.terminate();
    await test.sleep(300);
    const status = await leaving.status();
    test.check(status === 503, `readiness says ${status} while draining`);
    gate.resolve(200);
    const { code } = await exit;
    test.say(`${inFlight} in flight, gone after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    test.check(code === 0, `it ended with ${code}`);
    test.check(performance.now() - began < 20_000, "it took longer than the grace");
    const pending = (await test.logged()).filter((r) => r.state === "SENDING");
    test.check(pending.length === 0, `${pending.length} were left SENDING`);
    await platform.heal();
    await test.settled(60_000);
    const account = await test.account();
    test.check(account.duplicated === 0, `${account.duplicated} duplicates`);

    // A second signal forces.
    gate = Promise.withResolvers();
    await producer.sendMany(target.type, 50, String);
    await recorder.wait("some in flight again", () => recorder.receiver.inFlight >= 5);
    test.fault();
    for (const worker of platform.workers) {
      const forced = worker.terminate();
      await test.sleep(200);
      const again = performance.now();
      worker.signal("SIGTERM");
      const { code: forcedCode } = await forced;
      test.check(performance.now() - again < 1_500, `a second signal took ${Math.round(performance.now() - again)} ms`);
      test.say(`forced: code ${forcedCode}`);
    }
    gate.resolve(200);
    await platform.heal();
    await test.settled(60_000);
    await test.account();
  },
};

const F27: Row = {
  id: "F27",
  title: "rolling restart under load",
  short: false,
  async run(test) {
    const { producer, platform } = test;
    const target = await test.target("one");
    await test.target("keys", { ordering: "KEY", type: target.type });
    const flow = producer.flow(target.type, 50, (i) => String(i % 10));
    await test.sleep(2_000);
    for (const process of platform.all) {
      const { code } = await process.terminate();
      test.check(code === 0, `${process.name} ended with ${code}`);
      await process.start();
      await process.ready();
    }
    await flow();
    await test.settled();
    const account = await test.account();
    const latencies = test.latencies(target);
    test.say(`${producer.log.length} events, ${account.recovered} recovered, p99 ${percentile(latencies, 99).toFixed(0)} ms`);
    test.check(account.duplicated === 0, `${account.duplicated} duplicates in an orderly restart`);
  },
};

export const kills = [F01, F02, F03, F04, F10, F26, F27];
