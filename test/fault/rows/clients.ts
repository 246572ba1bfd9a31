/** Many who listen, many who post, some of them slow or spiteful. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { percentile } from "../accounting.ts";
import { NOISE_MS, type Row, type RowTest, uuid } from "../row.ts";

const MIB = 2 ** 20;

interface Subscriber {
  /** Sequences as they came; of a slow one none is read. */
  readonly cursors: string[];
  readonly closed: boolean;
  close(): void;
}

/** What a slow one asks for is more than its socket and ours hold: tens of megabytes. */
const MUCH = Array.from({ length: 30 }, (_, i) => `a${i}: request`).join(" ");

/** Over SSE on a socket of its own. @param slow it never reads */
function subscribe(test: RowTest, id: string, slow: boolean): Promise<Subscriber> {
  const query = `subscription ($id: ID!) { webhookRequestUpdated(filter: { webhookDefinitionId: $id }) { cursor request { id state request ${slow ? MUCH : ""} } } }`;
  const cursors: string[] = [];
  let closed = false;
  return new Promise((resolve, reject) => {
    const call = httpRequest(`${test.platform.apis[0].url}/graphql`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${test.platform.token}` },
    });
    call.once("error", reject);
    call.once("response", (reply: IncomingMessage) => {
      call.on("error", () => undefined);
      reply.on("error", () => undefined);
      reply.once("close", () => (closed = true));
      call.socket?.once("close", () => (closed = true));
      if (slow) reply.pause();
      else {
        let text = "";
        reply.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          const lines = text.split("\n");
          text = lines.pop() ?? "";
          for (const line of lines) {
            const cursor = /"cursor":"([^"]+)"/.exec(line)?.[1];
            if (cursor !== undefined) cursors.push(cursor);
          }
        });
      }
      resolve({
        cursors,
        get closed() {
          return closed;
        },
        close: () => call.destroy(),
      });
    });
    call.end(JSON.stringify({ query, variables: { id } }));
  });
}

async function openConnections(url: string, token: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
  return Number(/^hookline_live_connections (\d+)$/m.exec(text)?.[1]);
}

const F33: Row = {
  id: "F33",
  title: "200 subscribers, 50 of them slow, the LISTEN connection cut",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const target = await test.target("shown");
    const all = await Promise.all(Array.from({ length: 200 }, (_, i) => subscribe(test, target.id, i % 4 === 3)));
    const [slow, quick] = [all.filter((_, i) => i % 4 === 3), all.filter((_, i) => i % 4 !== 3)];
    await test.sleep(1_000);
    const [api] = platform.apis;
    const before = api.rss;
    const total = test.full ? 6_000 : 2_500;
    let [peak, half] = [before, before];
    const watch = setInterval(() => {
      peak = Math.max(peak, api.rss);
      // Each event is two updates.
      if ((quick[0]?.cursors.length ?? 0) < total) half = peak;
    }, 100);
    for (let sent = 0; sent < total; sent += 100) {
      await producer.sendMany(target.type, 100, () => "1", { note: "x".repeat(400) });
      if (sent % 1_000 === 500) {
        test.fault();
        await platform.postgres.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hookline % notify %' OR application_name LIKE 'hookline % queue %'",
        );
      }
    }
    await test.settled(180_000);
    await test.account();
    const [{ shown }] = [test.live];
    const ids = new Set((await test.logged()).map(({ id }) => id));
    const wanted = shown.filter(({ id }) => ids.has(id)).length;
    // As long as something comes: how fast it does is the machine's affair.
    const taken = () => quick.reduce((sum, each) => sum + each.cursors.length, 0);
    for (let [before, at] = [taken(), performance.now()]; taken() < wanted * quick.length && performance.now() - at < 20_000; ) {
      await test.sleep(100);
      if (taken() > before) [before, at] = [taken(), performance.now()];
    }
    // Who reads nothing does not hear that it was closed: the server is asked. The row's own watcher may be its guest as well.
    const gone = async () => all.length + 1 - (await openConnections(api.url, platform.token));
    for (const deadline = performance.now() + 75_000; (await gone()) < slow.length && performance.now() < deadline; ) await test.sleep(200);
    const closed = Math.min(await gone(), slow.length);
    clearInterval(watch);
    const twice = quick.filter((each) => new Set(each.cursors).size !== each.cursors.length).length;
    const short = quick.filter((each) => new Set(each.cursors).size < wanted).length;
    test.say(
      `${wanted} updates to each of ${quick.length}, ${closed} of ${slow.length} slow ones closed, the API's memory rose by ${((peak - before) / MIB).toFixed(0)} MB`,
    );
    test.check(
      short === 0,
      `${short} subscribers missed updates (${quick.map((each) => each.cursors.length).sort((a, b) => a - b)[0]} of ${wanted})`,
    );
    test.check(twice === 0, `${twice} subscribers saw an update twice`);
    test.check(closed === slow.length, `${slow.length - closed} slow subscribers are still open`);
    test.check(
      quick.every((each) => !each.closed),
      "quick subscribers were closed",
    );
    // What waits is bounded: the second half of the updates takes no more than the first. The rest is the heap that V8 lets grow at
    // ten thousand messages a second before it collects.
    test.check(peak - half < 50 * MIB, `the API's memory rose by another ${((peak - half) / MIB).toFixed(0)} MB in the second half`);
    test.check(peak - before < 400 * MIB, `the API's memory rose by ${((peak - before) / MIB).toFixed(0)} MB`);
    for (const each of all) each.close();
  },
};

async function routeP99(test: RowTest, ms: number): Promise<number> {
  const times: number[] = [];
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const began = performance.now();
    await test.platform.graphql("{ viewer { __typename } }", {}, { api: test.platform.apis[0] });
    times.push(performance.now() - began);
    await test.sleep(10);
  }
  return percentile(times, 99);
}

const F34: Row = {
  id: "F34",
  title: "5 000 inbound posts, 1 000 slowloris sockets",
  short: false,
  async run(test) {
    const { platform } = test;
    const [api] = platform.apis;
    const goal = await platform.mutate<{ id: string }>("createGoal", "... on Goal { id }", {
      name: `F34 ${test.random()}`,
      direction: "MAXIMIZE",
      goodThreshold: "10",
      badThreshold: "1",
    });
    const { targetUrl } = await platform.mutate<{ targetUrl: string }>(
      "createInboundWebhook",
      "... on CreatedInboundWebhook { targetUrl }",
      {
        goalId: goal.id,
      },
    );
    const at = `${api.url}${new URL(targetUrl).pathname}`;
    const before = await routeP99(test, 3_000);
    const lorises: Socket[] = [];
    let refusedSockets = 0;
    for (let i = 0; i < 1_000; i++) {
      const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
      socket.on("error", () => (refusedSockets += 1));
      socket.write("POST /v1/events HTTP/1.1\r\nhost: x\r\nx-slow: ");
      lorises.push(socket);
      if (i % 50 === 49) await test.sleep(5);
    }
    const drip = setInterval(() => {
      for (const socket of lorises) if (!socket.destroyed) socket.write("a");
    }, 1_000);
    const statuses = new Map<number, number>();
    let silent = 0;
    const began = performance.now();
    let next = 0;
    const poster = async () => {
      for (let n = next++; n < 5_000; n = next++) {
        const date = new Date(Date.UTC(2000, 0, 1 + n)).toISOString().slice(0, 10);
        const reply = await fetch(at, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ date, value: n }),
        });
        await reply.arrayBuffer();
        statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
        if (reply.status === 429 && reply.headers.get("retry-after") === null) silent += 1;
      }
    };
    const [during] = await Promise.all([routeP99(test, 8_000), ...Array.from({ length: 16 }, poster)]);
    const seconds = (performance.now() - began) / 1_000;
    const closed = () => lorises.filter((socket) => socket.destroyed || socket.readableEnded).length;
    for (const socket of lorises) socket.resume();
    for (const deadline = performance.now() + 25_000; closed() < 1_000 && performance.now() < deadline; ) await test.sleep(200);
    clearInterval(drip);
    const shut = closed();
    for (const socket of lorises) socket.destroy();
    const taken = (statuses.get(200) ?? 0) + (statuses.get(201) ?? 0);
    const rows = await platform.postgres.query("SELECT 1 FROM goal_value WHERE goal_id = $1", [uuid(goal.id)]);
    test.say(
      `${[...statuses].map(([status, count]) => `${count} × ${status}`).join(", ")} in ${seconds.toFixed(1)} s; ${rows.length} values; ${shut} slow sockets closed; p99 of GraphQL ${before.toFixed(0)} → ${during.toFixed(0)} ms`,
    );
    test.check(rows.length === taken, `${taken} posts were accepted, ${rows.length} values are there`);
    // A window of 60 s that begins with its first post.
    const windows = Math.ceil(seconds / 60);
    test.check(taken >= 60 && taken <= 60 * windows, `${taken} posts were accepted in ${windows} windows of 60`);
    test.check(taken + (statuses.get(429) ?? 0) === 5_000, "a post was neither accepted nor answered 429");
    test.check(silent === 0, `${silent} answers 429 came without Retry-After`);
    test.check(shut === 1_000, `${1_000 - shut} slow sockets are still open`);
    test.check(refusedSockets < 1_000, "no slow socket got through: the row shows nothing");
    test.check(
      during <= Math.max(before * 1.5, before + NOISE_MS),
      `another route's p99 went from ${before.toFixed(0)} to ${during.toFixed(0)} ms`,
    );
    await test.account();
  },
};

export const clients = [F33, F34];
