/** P7: 2 000 sockets with one subscription each, of 20 documents and 200 sets of variables. */

import { freePort } from "../../test/helpers/free-port.ts";
import { collectGarbage } from "../harness/inspector.ts";
import { makeDefinitions, startPlatform } from "../harness/platform.ts";
import { rssMb, sleep, start } from "../harness/process.ts";
import type { Check, Row } from "../harness/row.ts";
import { ofRuns } from "../harness/stats.ts";

const [SOCKETS, DOCUMENTS, VARIABLES, DEFINITIONS, SLOW, EVENTS] = [2_000, 20, 200, 10, 20, 400];
const FIELDS = ["number", "laneNumber", "entity", "entityId", "lifeCycleState", "errorCode", "url", "createdAt", "settledAt"];

interface Heard {
  received: number[];
  closed: number;
}

/** The i-th subscriber's: document i mod 20 over variable set i mod 200; a set names one of ten definitions. */
function subscriptionsOf(ids: readonly string[], count: number): { query: string; variables: object }[] {
  return Array.from({ length: count }, (_, i) => {
    const [document, set] = [i % DOCUMENTS, i % VARIABLES];
    const fields = FIELDS.filter((_field, k) => k === 0 || (document >> ((k - 1) % 5)) & 1).join(" ");
    const name = `Watch${document}`;
    return {
      query: `subscription ${name}($filter: WebhookRequestFilter) { webhookRequestUpdated(filter: $filter) { cursor request { id state ${fields} } } }`,
      variables: {
        filter: { webhookDefinitionId: ids[set % DEFINITIONS], createdAfter: new Date(1_700_000_000_000 + set * 1_000).toISOString() },
      },
    };
  });
}

export const p7: Row = {
  name: "P7",
  title: "2 000 subscribers over WebSockets",
  long: false,
  async run(bench) {
    const inspect = await freePort();
    const platform = await startPlatform(await bench.postgres.database(), { flags: [`--inspect=127.0.0.1:${inspect}`] });
    const ids = await makeDefinitions(platform, { count: DEFINITIONS, targetUrl: bench.receiver.url });
    const clients = await start("bench/harness/subscribers.ts");
    const emit = async (count: number, offset: number) => {
      await bench.receiver.reset();
      const load = { url: platform.url, token: platform.token, kind: "event" as const, perCall: 1, width: 20, types: DEFINITIONS };
      await bench.load({ ...load, offset, count });
      await bench.receiver.has(count);
    };
    const subscribe = (count: number) =>
      clients.ask<Heard>({ open: { url: platform.url, token: platform.token, subscriptions: subscriptionsOf(ids, count) } });
    const close = async () => {
      await clients.ask({ close: true });
      await sleep(1_000);
    };

    // Once through everything, so that what is compiled and cached at the first subscription is in both figures.
    await subscribe(DOCUMENTS);
    await emit(bench.scaled(2_000), 0);
    await close();
    await collectGarbage(inspect);
    const without = await rssMb(platform.pid);
    const count = bench.scaled(SOCKETS);
    await subscribe(count);
    await emit(200, 1_000_000);
    await collectGarbage(inspect);
    const kb = ((await rssMb(platform.pid)) - without) * (1024 / count);

    const rates: number[] = [];
    for (let i = 0; i < bench.runs; i++)
      rates.push(await messagesPerSecond(clients, () => emit(bench.scaled(EVENTS), 2_000_000 * (i + 1))));
    bench.say(`messages/s with ${count} subscribers: ${rates.map(Math.round).join(" ")}`);

    await clients.ask({ pause: SLOW });
    const beside: number[] = [];
    for (let i = 0; i < bench.runs; i++) {
      const emitted = () => emit(bench.scaled(EVENTS), 20_000_000 * (i + 1));
      beside.push(await messagesPerSecond(clients, emitted, SLOW));
    }
    bench.say(`messages/s of the others, ${SLOW} take nothing: ${beside.map(Math.round).join(" ")}`);
    await close();
    await clients.stop();
    await platform.stop();
    const share = (count - SLOW) / count;
    const checks: Check[] = [
      {
        name: "RSS for each socket, after gc",
        value: kb,
        bar: 40,
        atLeast: false,
        spread: 0,
        unit: "KB",
        detail: `${Math.round(without)} MB without`,
      },
      {
        name: "messages/s",
        ...ofRuns(rates),
        bar: 20_000,
        atLeast: true,
        detail: `${count} sockets, ${DOCUMENTS} documents, ${VARIABLES} variable sets`,
      },
      {
        name: "the rest beside slow ones ÷ without",
        ...ofRuns(beside.map((rate, i) => rate / ((rates[i] as number) * share))),
        bar: 0.9,
        atLeast: true,
        detail: `${SLOW} of ${count} read nothing`,
      },
    ];
    return checks;
  },
};

/** Each delivery changes a request at least once; counts what came until nothing more comes. @param skip the first so many */
async function messagesPerSecond(clients: { ask<T>(question: object): Promise<T> }, emit: () => Promise<void>, skip = 0) {
  await clients.ask({ reset: true });
  const total = async () => (await clients.ask<Heard>({ count: true })).received.slice(skip).reduce((sum, n) => sum + n, 0);
  const began = performance.now();
  await emit();
  let [last, at] = [await total(), performance.now()];
  for (let quiet = 0; quiet < 5; ) {
    await sleep(100);
    const now = await total();
    if (now === last) quiet += 1;
    else [last, at, quiet] = [now, performance.now(), 0];
  }
  if (last === 0) throw new Error("no subscriber heard of any delivery");
  return (last * 1000) / (at - began);
}
