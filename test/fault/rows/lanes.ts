/** Two of ours on one lane; numbers under a slow commit; operators beside traffic. */
import type { Postgres } from "../postgres.ts";
import { type Row, uuid } from "../row.ts";

const F11: Row = {
  id: "F11",
  title: "two processes, one lane, 200 events, a jittery receiver",
  short: true,
  async run(test) {
    const { producer } = test;
    const target = await test.target("jitter", { behaviour: () => ({ delayMs: Math.floor(test.random() * 12) }) });
    const posts = [];
    for (let i = 0; i < 200; i++) {
      posts.push(producer.send(target.type, "1"));
      if (test.random() < 0.3) await test.sleep(test.random() * 20);
    }
    await Promise.all(posts);
    await test.settled();
    const { duplicated } = await test.account();
    test.check(duplicated === 0, `${duplicated} duplicates`);
  },
};

const DEADLOCK = "40P01";

/** A trigger locks every partition of its table: beside a transaction that holds one of them, Postgres may end this one. */
async function changeSchema({ query }: Postgres, sql: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await query(sql);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== DEADLOCK || tries === 5) throw error;
    }
  }
}

const F12: Row = {
  id: "F12",
  title: "transaction A takes a number and sleeps 2 s, B commits",
  short: true,
  async run(test) {
    const { platform, producer, recorder } = test;
    const target = await test.target("one");
    // Sleeps where A has its lane's number and has not committed.
    await changeSchema(
      platform.postgres,
      `
      CREATE OR REPLACE FUNCTION sleepy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$;
      DROP TRIGGER IF EXISTS sleepy ON webhook_request;
      CREATE TRIGGER sleepy BEFORE INSERT ON webhook_request FOR EACH ROW WHEN (NEW.entity_id = 'sleepy') EXECUTE FUNCTION sleepy()`,
    );
    await producer.send(target.type, "first");
    const began = performance.now();
    const slow = producer.send(target.type, "sleepy", { api: platform.apis[0] });
    await test.sleep(200);
    const quick = await Promise.all([1, 2, 3].map((i) => producer.send(target.type, String(i), { api: platform.apis[1] })));
    const a = await slow;
    test.check(
      a.acceptedAt - began > 1_900,
      `A did not sleep (${a.status}, ${Math.round(a.acceptedAt - began)} ms): the row shows nothing`,
    );
    await test.settled();
    await changeSchema(platform.postgres, "DROP TRIGGER sleepy ON webhook_request");
    const logged = (await test.logged()).sort((x, y) => x.laneNumber - y.laneNumber);
    test.check(
      logged.every((request, i) => request.laneNumber === i + 1),
      `numbers: ${logged.map((request) => request.laneNumber)}`,
    );
    const numberOf = (n: number) => logged.find((request) => request.n === n)?.laneNumber ?? 0;
    test.check(
      quick.every(({ n }) => numberOf(n) > numberOf(a.n)),
      "B's numbers are not after A's, whose commit came first",
    );
    test.check(recorder.of(target.path).length === logged.length, "more or fewer calls than requests");
    await test.account();
  },
};

const F29: Row = {
  id: "F29",
  title: "a receiver fails for ever on event k: SKIP goes on, BLOCK waits for an operator",
  short: false,
  async run(test) {
    const { platform, producer, recorder } = test;
    const behaviour = ({ n }: { n: number }) => (n === poison ? 500 : 200);
    let poison = -1;
    const skips = await test.target("skips", { behaviour, retrySchedule: [0.1, 0.1], onExhausted: "SKIP", mayFail: true });
    const blocks = await test.target("blocks", {
      behaviour,
      retrySchedule: [0.1, 0.1],
      onExhausted: "BLOCK",
      type: skips.type,
      mayFail: true,
    });
    for (let i = 0; i < 3; i++) await producer.send(skips.type, "1");
    poison = producer.log.length + 1;
    for (let i = 0; i < 5; i++) await producer.send(skips.type, "1");
    await recorder.wait("the skipping lane goes on", () => recorder.of(skips.path).some((call) => call.n === poison + 4));
    const lanes = async () => {
      const { lanes: found } = await platform.graphql<{
        lanes: { edges: { node: { state: string; pendingCount: number; head: { id: string } | null } }[] };
      }>("query ($id: ID!) { lanes(filter: { webhookDefinitionId: $id }) { edges { node { state pendingCount head { id } } } } }", {
        id: blocks.id,
      });
      return found.edges[0]?.node;
    };
    for (let i = 0; i < 100 && (await lanes())?.state !== "BLOCKED"; i++) await test.sleep(50);
    const lane = await lanes();
    test.check(lane?.state === "BLOCKED" && lane.pendingCount === 4, `the blocking lane says ${JSON.stringify(lane)}`);
    test.check(!recorder.of(blocks.path).some((call) => call.n > poison), "the blocking lane went past its head");
    await platform.mutate("skipWebhookRequest", "... on WebhookRequest { id }", { id: lane?.head?.id });
    await recorder.wait("it goes on after the skip", () => recorder.of(blocks.path).some((call) => call.n === poison + 4));
    await test.settled();
    await test.account();
  },
};

const F30: Row = {
  id: "F30",
  title: "50 resends of old requests beside live traffic",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const target = await test.target("one");
    await producer.sendMany(target.type, 60, () => "1");
    await test.settled();
    const old = await platform.postgres.query<{ id: string }>(
      "SELECT id FROM webhook_request WHERE definition_id = $1 ORDER BY number LIMIT 50",
      [uuid(target.id)],
    );
    const stop = producer.flow(target.type, 40, () => "1");
    for (const { id } of old) {
      await platform.mutate("resendWebhookRequest", "... on WebhookRequest { id }", { id: `req_${id.replaceAll("-", "")}`, force: true });
    }
    await stop();
    await test.settled();
    const manual = (await test.logged()).filter((request) => request.manual);
    test.check(manual.length === 50, `${manual.length} of 50 are marked manual`);
    await test.account();
  },
};

const F31: Row = {
  id: "F31",
  title: "definition or log rows deleted in mid-attempt",
  short: false,
  async run(test) {
    const { platform, producer, recorder } = test;
    const doomed = await test.target("doomed", { behaviour: () => ({ delayMs: 500 }), mayFail: true });
    const other = await test.target("other", { type: doomed.type });
    await producer.sendMany(doomed.type, 20, () => "1");
    await recorder.wait("it is under way", () => recorder.of(doomed.path).length >= 2);
    await platform.mutate("deleteWebhookDefinition", "... on WebhookDefinition { id }", { id: doomed.id });
    doomed.gone = true;
    await recorder.wait("the other lane is done", () => recorder.of(other.path).length >= 20);
    const calls = recorder.of(doomed.path).length;
    await test.sleep(1_500);
    test.check(recorder.of(doomed.path).length <= calls + 1, "a deleted definition still sends");
    const orphans = await platform.postgres.query(
      "SELECT 1 FROM lane_entry e LEFT JOIN webhook_request r ON r.id = e.request_id WHERE r.id IS NULL UNION ALL SELECT 1 FROM attempt a LEFT JOIN webhook_request r ON r.id = a.request_id WHERE r.id IS NULL",
    );
    test.check(orphans.length === 0, `${orphans.length} orphans`);
    const states = (await test.logged()).filter((request) => request.path === doomed.path).map((request) => request.state);
    test.say(
      `the deleted definition's requests: ${[...new Set(states)].map((state) => `${states.filter((s) => s === state).length} ${state}`).join(", ")}`,
    );
    test.check(!states.includes("SENDING"), "a request of the deleted definition is left SENDING");
  },
};

export const lanes = [F11, F12, F29, F30, F31];
