/** Receivers that are slow, badly certified, or not to be found. */
import { startHostile } from "../../helpers/hostile.ts";
import { type Certificate, startReceiver } from "../../helpers/receiver.ts";
import { attemptsOf } from "../attempts.ts";
import { type Names, startNames } from "../names.ts";
import { type Platform, startPlatform } from "../platform.ts";
import { createProducer } from "../producer.ts";
import type { Row, RowTest } from "../row.ts";

/** As set on the definitions here. */
const TIMEOUT_MS = 2_000;
const WAIT_MS = 300;
/** Names that do not answer; a thread is kept for three seconds by each. */
const MUTE = 30;
/** Far less than a call waits for its name. */
const BESIDE_MS = 1_000;

/** Two attempts, one code, the second after its wait. */
async function failsTwice(test: RowTest, name: string, url: string, code: RegExp, longest = TIMEOUT_MS * 1.2): Promise<void> {
  const target = await test.target(name, { url, timeoutMs: TIMEOUT_MS, retrySchedule: [WAIT_MS / 1_000] });
  await test.producer.send(target.type, "1");
  await test.settled();
  const attempts = await attemptsOf(test, target);
  const codes = attempts.map((attempt) => attempt.error_code ?? `none, ${attempt.outcome} ${attempt.status_code}`);
  test.check(attempts.length === 2 && codes.every((each) => code.test(each)), `${name}: ${codes}`);
  const [first, second] = attempts;
  test.check(
    attempts.every((attempt) => attempt.duration_ms <= longest),
    `${name}: took ${attempts.map((attempt) => attempt.duration_ms)} ms`,
  );
  const waited = (second?.started ?? 0) - (first?.started ?? 0) - (first?.duration_ms ?? 0);
  test.check(waited >= WAIT_MS * 0.75, `${name}: tried again after ${waited.toFixed(0)} ms`);
  test.say(`${name}: ${codes[0]} after ${attempts.map((attempt) => attempt.duration_ms)} ms`);
}

const F14: Row = {
  id: "F14",
  title: "1 byte per 100 ms, headers or body",
  short: false,
  async run(test) {
    for (const mode of ["drip-head", "drip-body"] as const) {
      const hostile = await startHostile(mode);
      try {
        const target = await test.target(mode, { url: hostile.url, timeoutMs: TIMEOUT_MS, retrySchedule: [0.1] });
        await test.producer.send(target.type, "1");
        await test.settled();
        const attempts = await attemptsOf(test, target);
        const ends = attempts.map(
          (attempt) => `${attempt.outcome} ${attempt.status_code ?? attempt.error_code} after ${attempt.duration_ms} ms`,
        );
        test.say(`${mode}: ${ends.join(", ")}`);
        test.check(
          attempts.every((attempt) => attempt.duration_ms <= TIMEOUT_MS * 1.2),
          `${mode} does not end at the timeout: ${ends}`,
        );
        // A head that came is an answer: its body is not needed.
        const right =
          mode === "drip-head" ? attempts.every(({ outcome }) => outcome === "TIMED_OUT") : attempts.at(-1)?.outcome === "DELIVERED";
        test.check(right && attempts.length === (mode === "drip-head" ? 2 : 1), `${mode}: ${ends}`);
        await hostile.waitForClosed(5_000);
      } finally {
        await hostile.close();
      }
    }
    await test.account();
  },
};

const F18: Row = {
  id: "F18",
  title: "TLS: self-signed, expired, wrong host, old version, plain on a TLS port, stalled handshake",
  short: false,
  async run(test) {
    const bad: [Certificate, "TLSv1.2" | undefined][] = [
      ["self-signed", undefined],
      ["expired", undefined],
      ["wrong-host", undefined],
      ["old-version", undefined],
    ];
    const good = await startReceiver({ tls: "good" });
    const target = await test.target("good", { url: `${good.url}/good`, timeoutMs: TIMEOUT_MS });
    await test.producer.send(target.type, "1");
    await good.waitFor(1);
    await good.close();
    for (const [tls] of bad) {
      const receiver = await startReceiver({ tls });
      await failsTwice(test, tls, `${receiver.url}/${tls}`, /^TLS_ERROR$/);
      test.check(receiver.calls.length === 0, `${tls}: ${receiver.calls.length} calls got through`);
      await receiver.close();
    }
    const plain = await startReceiver();
    await failsTwice(test, "plain", plain.url.replace("http:", "https:"), /^TLS_ERROR$/);
    await plain.close();
    const stalled = await startHostile("silent");
    await failsTwice(test, "stalled", stalled.url.replace("http:", "https:"), /^(TLS_ERROR|TIMEOUT|TLS_TIMEOUT)$/);
    await stalled.close();
    await test.account();
  },
};

const names = new WeakMap<Platform, Names>();

/** Another tenant's name, asked for before each call, while names of the first that do not answer are asked for again and again. */
async function besideMuteNames(test: RowTest, server: Names): Promise<void> {
  const { platform, producer, recorder } = test;
  const { adminToken } = await platform.mutate<{ adminToken: string }>("createOrganization", "... on CreatedOrganization { adminToken }", {
    name: `Neighbour ${test.random()}`,
  });
  const receiver = await startReceiver();
  try {
    receiver.respond({ headers: { connection: "close" } });
    server.known.set("beside.test", "127.0.0.1");
    const type = "neighbour.happened";
    await platform.mutate(
      "createWebhookDefinition",
      "... on CreatedWebhookDefinition { definition { id } }",
      { name: "neighbour", targetUrl: `http://beside.test:${receiver.port}/`, eventTypes: [type], ordering: "KEY" },
      adminToken,
    );
    const neighbour = createProducer(platform.apis, adminToken, `neighbour-${test.random()}`);
    const { port } = recorder.receiver;
    const muteType = "mute.happened";
    for (let i = 0; i < MUTE; i++) {
      server.known.set(`mute-${i}.test`, "silent");
      const url = `http://mute-${i}.test:${port}/x`;
      await test.target(`mute-${i}`, { type: muteType, url, timeoutMs: TIMEOUT_MS, retrySchedule: [WAIT_MS / 1_000], mayFail: true });
    }
    await producer.send(muteType, "1");
    const lags: number[] = [];
    for (let i = 0; i < 20; i++) {
      const began = performance.now();
      await neighbour.send(type, String(i));
      const came = await receiver.waitFor(i + 1, 10_000).then(
        () => true,
        () => false,
      );
      lags.push(performance.now() - began);
      if (!came) break;
      await test.sleep(150);
    }
    test.say(`${MUTE} mute names of one tenant: another's calls arrive within ${Math.max(...lags).toFixed(0)} ms`);
    test.check(receiver.calls.length === lags.length && Math.max(...lags) < BESIDE_MS, `beside mute names: ${lags.map(Math.round)} ms`);
    await test.settled();
  } finally {
    await receiver.close();
  }
}

const F19: Row = {
  id: "F19",
  title: "DNS: no such name, no answer (also of many names, another tenant beside), flips to a forbidden address between attempts",
  short: false,
  async world() {
    const server = await startNames();
    try {
      const platform = await startPlatform({
        wrap: (role) => (role === "worker" ? server.wrap : []),
        env: () => ({ HOOKLINE_EGRESS_ALLOW: "127.0.0.1/32" }),
      });
      names.set(platform, server);
      return platform;
    } catch (error) {
      await server.close();
      throw error;
    }
  },
  async run(test) {
    const { recorder, producer, platform } = test;
    const server = names.get(platform) as Names;
    const { port } = recorder.receiver;
    try {
      server.known.set("flips.test", "127.0.0.1");
      server.known.set("mute.test", "silent");
      // A control: the name is asked for, and the call arrives.
      const flips = await test.target("flips", {
        url: `http://flips.test:${port}/flips`,
        retrySchedule: [0.5, 0.5],
        timeoutMs: TIMEOUT_MS,
      });
      let arrived = 0;
      recorder.on("/flips", () => {
        arrived += 1;
        // Another address of this machine: a call to it would be seen.
        server.known.set("flips.test", "127.0.0.2");
        return { status: 500, headers: { connection: "close" } };
      });
      await producer.send(flips.type, "1");
      await test.settled();
      const codes = (await attemptsOf(test, flips)).map((attempt) => attempt.error_code);
      test.say(`flips: ${codes}`);
      test.check(arrived === 1, `${arrived} calls arrived, one before the flip`);
      test.check(codes.length === 3 && codes.slice(1).every((code) => code === "EGRESS_BLOCKED"), `after the flip: ${codes}`);
      await failsTwice(test, "nowhere", `http://nowhere.test:${port}/x`, /^DNS_ERROR$/);
      await failsTwice(test, "mute", `http://mute.test:${port}/x`, /^(DNS_ERROR|TIMEOUT|DNS_TIMEOUT)$/);
      await besideMuteNames(test, server);
      await test.account();
    } finally {
      await server.close();
    }
  },
};

export const connections = [F14, F18, F19];
