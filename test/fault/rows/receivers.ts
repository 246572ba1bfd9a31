/** Receivers that hang, lie, flood and redirect. */
import { startHostile } from "../../helpers/hostile.ts";
import { startReceiver } from "../../helpers/receiver.ts";
import { percentile } from "../accounting.ts";
import { attemptsOf } from "../attempts.ts";
import { NOISE_MS, type Row, type Target, uuid } from "../row.ts";

const F13: Row = {
  id: "F13",
  title: "20 receivers that never answer",
  short: false,
  async run(test) {
    const { producer } = test;
    const silent = await startHostile("silent");
    try {
      const healthy = await test.target("healthy");
      const stop = producer.flow(healthy.type, 30, () => "1");
      await test.sleep(3_000);
      const before = test.latencies(healthy);
      const from = performance.now();
      const hung: Target[] = [];
      for (let i = 0; i < 20; i++)
        hung.push(
          await test.target(`hung-${i}`, {
            url: silent.url,
            timeoutMs: 2_000,
            retrySchedule: [0.1],
            ...(hung[0] ? { type: hung[0].type } : {}),
          }),
        );
      await producer.send(hung[0]?.type as string, "1");
      await test.sleep(6_000);
      await stop();
      await test.settled();
      const [was, is] = [percentile(before, 99), percentile(test.latencies(healthy, from), 99)];
      test.say(`healthy lane p99 ${was.toFixed(0)} → ${is.toFixed(0)} ms`);
      test.check(is <= Math.max(was * 1.5, was + NOISE_MS), `the healthy lane's p99 went from ${was.toFixed(0)} to ${is.toFixed(0)} ms`);
      for (const target of hung) {
        const attempts = await attemptsOf(test, target);
        test.check(attempts.length === 2 && attempts.every((a) => a.outcome === "TIMED_OUT"), `outcomes ${attempts.map((a) => a.outcome)}`);
        test.check(
          attempts.every((a) => a.duration_ms >= 1_990 && a.duration_ms <= 2_200),
          `a timeout of 2 s ended after ${attempts.map((a) => a.duration_ms)} ms`,
        );
      }
      await silent.waitForClosed(5_000);
      await test.account();
    } finally {
      await silent.close();
    }
  },
};

const F15: Row = {
  id: "F15",
  title: "resets, half-close, garbage, truncation, odd status, floods: a stable code each",
  short: false,
  async run(test) {
    const expected = {
      reset: /^CONNECTION_RESET$/,
      "half-close": /CONNECTION_RESET|RESPONSE_INVALID/,
      garbage: /RESPONSE_INVALID/,
      "error-then-reset": /^CONNECTION_RESET$/,
      "status-42": /RESPONSE_INVALID/,
      "interim-flood": /RESPONSE_INVALID/,
      "big-headers": /^RESPONSE_TOO_LARGE$/,
    } as const;
    for (const [mode, code] of Object.entries(expected)) {
      const hostile = await startHostile(mode as keyof typeof expected);
      const target = await test.target(mode, { url: hostile.url, retrySchedule: [0.1], timeoutMs: 3_000 });
      await test.producer.send(target.type, "1");
      await test.settled();
      const codes = (await attemptsOf(test, target)).map((attempt) => attempt.error_code ?? "none");
      test.check(codes.length === 2 && new Set(codes).size === 1 && code.test(codes[0] as string), `${mode}: ${codes}`);
      await hostile.close();
    }
    // Behind a whole 2xx head nothing needs to come (B39).
    const cut = await startHostile("truncated-body");
    const target = await test.target("truncated-body", { url: cut.url, retrySchedule: [0.1], timeoutMs: 3_000 });
    await test.producer.send(target.type, "1");
    await test.settled();
    const outcomes = (await attemptsOf(test, target)).map(({ outcome, error_code }) => `${outcome} ${error_code}`);
    test.check(outcomes.join() === "DELIVERED null", `truncated-body: ${outcomes}`);
    await cut.close();
    await test.account();
  },
};

const F16: Row = {
  id: "F16",
  title: "endless body, 1 GB body, gzip bomb",
  short: true,
  async run(test) {
    const { platform } = test;
    const before = platform.workers.map((worker) => worker.rss);
    let peak = [...before];
    const watch = setInterval(() => {
      peak = peak.map((high, i) => Math.max(high, platform.workers[i]?.rss ?? 0));
    }, 50);
    const hostiles = [];
    try {
      for (const mode of ["endless-body", "gigabyte-body", "gzip-bomb"] as const) {
        const hostile = await startHostile(mode);
        hostiles.push(hostile);
        const target = await test.target(mode, { url: hostile.url, retrySchedule: [0.05, 0.05], timeoutMs: 5_000 });
        await test.producer.send(target.type, "1");
        await test.settled();
        const attempts = await attemptsOf(test, target);
        test.check(attempts.length > 0, `${mode}: nothing was tried`);
        test.check(
          attempts.every((attempt) => attempt.body <= 70_000),
          `${mode}: ${attempts.map((a) => a.body)} bytes are stored`,
        );
        test.say(`${mode}: ${attempts.map((a) => `${a.outcome} ${a.error_code ?? a.status_code} ${a.body} bytes`).join(", ")}`);
        await hostile.waitForClosed(5_000);
      }
    } finally {
      clearInterval(watch);
      for (const hostile of hostiles) await hostile.close();
    }
    const rises = peak.map((high, i) => (high - (before[i] as number)) / 2 ** 20);
    test.say(`memory rose by ${rises.map((rise) => rise.toFixed(0)).join(" and ")} MB`);
    test.check(Math.max(...rises) < 50, `a worker's memory rose by ${Math.max(...rises).toFixed(0)} MB`);
    await test.account();
  },
};

const F17: Row = {
  id: "F17",
  title: "redirects: a loop, to loopback, 307 to another origin",
  short: true,
  async run(test) {
    const { recorder, producer } = test;
    const elsewhere = await startReceiver();
    try {
      const loop = await test.target("loop", {
        retrySchedule: [],
        mayFail: true,
        behaviour: ({ received }) => ({ status: 302, headers: { location: received.path } }),
      });
      const inside = await test.target("inside", {
        retrySchedule: [],
        mayFail: true,
        behaviour: () => ({ status: 301, headers: { location: `${elsewhere.url}/inside` } }),
      });
      const other = await test.target("other", {
        retrySchedule: [],
        mayFail: true,
        behaviour: () => ({ status: 307, headers: { location: elsewhere.url.replace("127.0.0.1", "localhost") } }),
      });
      for (const target of [loop, inside, other]) {
        await producer.send(target.type, "1");
        await test.settled();
        const [attempt, ...more] = await attemptsOf(test, target);
        test.check(more.length === 0 && recorder.of(target.path).length === 1, `${target.path}: ${recorder.of(target.path).length} calls`);
        test.check(attempt?.outcome === "REJECTED" && (attempt.location ?? "") !== "", `${target.path}: ${JSON.stringify(attempt)}`);
      }
      test.check(elsewhere.calls.length === 0, "a redirect was followed");
      await test.account();
    } finally {
      await elsewhere.close();
    }
  },
};

const F20: Row = {
  id: "F20",
  title: "429 and 503 with Retry-After in seconds, as a date, 10 years, negative, junk",
  short: false,
  async run(test) {
    const asks: Record<string, { ask: () => string; least: number; most: number }> = {
      seconds: { ask: () => "3", least: 2_900, most: 6_000 },
      date: { ask: () => new Date(Date.now() + 4_000).toUTCString(), least: 2_500, most: 7_000 },
      negative: { ask: () => "-5", least: 300, most: 2_500 },
      junk: { ask: () => "soon", least: 300, most: 2_500 },
    };
    const targets: Record<string, Target> = {};
    for (const [name, { ask }] of Object.entries(asks)) {
      targets[name] = await test.target(name, {
        retrySchedule: [0.5, 0.5],
        behaviour: ({ nth }) => (nth === 1 ? { status: name === "date" ? 503 : 429, headers: { "retry-after": ask() } } : 200),
      });
      await test.producer.send((targets[name] as Target).type, "1");
    }
    const far = await test.target("far", { mayFail: true, behaviour: () => ({ status: 503, headers: { "retry-after": "315360000" } }) });
    await test.producer.send(far.type, "1");
    for (const [name, { least, most }] of Object.entries(asks)) {
      const { path } = targets[name] as Target;
      await test.recorder.wait(`${name} again`, () => test.recorder.of(path).length >= 2);
      const [first, second] = test.recorder.of(path);
      const waited = (second?.start ?? 0) - (first?.end ?? 0);
      test.check(waited >= least && waited <= most, `${name}: waited ${Math.round(waited)} ms`);
    }
    // Attempts are settled a moment after their replies.
    await test.sleep(500);
    const [row] = await test.platform.postgres.query<{ hours: number }>(
      "SELECT extract(epoch FROM next_attempt_at - now())::float8 / 3600 AS hours FROM webhook_request WHERE definition_id = $1",
      [uuid(far.id)],
    );
    test.check(row !== undefined && row.hours > 23.9 && row.hours <= 24, `10 years became ${row?.hours} hours`);
    await test.account();
  },
};

const F21: Row = {
  id: "F21",
  title: "410 Gone: stopped at once, the queue is kept",
  short: false,
  async run(test) {
    const { platform, producer, recorder } = test;
    let gone = true;
    const target = await test.target("gone", { mayFail: true, behaviour: () => (gone ? { status: 410, delayMs: 200 } : 200) });
    await producer.sendMany(target.type, 10, () => "1");
    const state = async () =>
      (
        await platform.graphql<{ webhookDefinition: { state: string } }>("query ($id: ID!) { webhookDefinition(id: $id) { state } }", {
          id: target.id,
        })
      ).webhookDefinition.state;
    for (let i = 0; i < 100 && (await state()) !== "STOPPED"; i++) await test.sleep(50);
    test.check((await state()) === "STOPPED", `the definition is ${await state()}`);
    await test.sleep(1_000);
    test.check(recorder.of(target.path).length === 1, `${recorder.of(target.path).length} calls to a receiver that is gone`);
    const kept = (await test.logged()).filter((request) => request.state === "PENDING").length;
    test.check(kept === 9, `${kept} of 9 are kept`);
    gone = false;
    await platform.mutate("activateWebhookDefinitions", "... on WebhookDefinitionList { __typename }", { ids: [target.id] });
    await test.settled();
    await test.account();
  },
};

export const receivers = [F13, F15, F16, F17, F20, F21];
