/** P14: every list and filter of the log at 3 million requests, warm, pages of 50. */
import type { Asked } from "../harness/asker.ts";
import { bigDatabase } from "../harness/big.ts";
import { createHistogram } from "../harness/histogram.ts";
import { HEADERS, type Platform, startPlatform } from "../harness/platform.ts";
import { type Program, start } from "../harness/process.ts";
import type { Check, Row } from "../harness/row.ts";
import { logIndexes } from "../seed.ts";

/** Of forty the 99th percentile is the slowest one, whatever held it up. */
const [WARM, ASKED, PAGE, SLOW_MS] = [3, 200, 50, 15_000];

interface Question {
  name: string;
  asked: Pick<Asked, "url" | "method" | "headers" | "body">;
}

const LISTS = [
  "webhookDefinitions",
  "events",
  "lanes",
  "connections",
  "workflowRules",
  "scripts",
  "secretKeys",
  "goals",
  "inboundWebhooks",
  "webServices",
  "users",
  "apiTokens",
  "auditEntries",
  "eventTypes",
];

const DAY = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY).toISOString();

/** The filters of the log, each by itself. */
function filtersOf(requests: number): Record<string, object> {
  return {
    "no filter": {},
    "state DELIVERED": { state: ["DELIVERED"] },
    "state REJECTED": { state: ["REJECTED"] },
    "state WAITING": { state: ["WAITING"] },
    "lifeCycleState REJECTED": { lifeCycleState: ["REJECTED"] },
    "lifeCycleState SUCCESSFUL": { lifeCycleState: ["SUCCESSFUL"] },
    eventType: { eventType: "seed.type7" },
    "eventType unknown": { eventType: "seed.none" },
    entity: { entity: "order" },
    "entity unknown": { entity: "none" },
    entityId: { entityId: "4711" },
    errorCode: { errorCode: "HTTP_503" },
    url: { url: "http://127.0.0.1:9/7" },
    "url unknown": { url: "http://127.0.0.1:9/none" },
    number: { number: String(Math.floor(requests / 2)) },
    "createdBefore far back": { createdBefore: daysAgo(25) },
    createdAfter: { createdAfter: daysAgo(1) },
    "created between": { createdAfter: daysAgo(16), createdBefore: daysAgo(15) },
  };
}

function logQuestions(platform: Platform, token: string, of: string, requests: number, definition: string): Question[] {
  const document = `query ($filter: WebhookRequestFilter) { webhookRequests(first: ${PAGE}, filter: $filter) { edges { cursor node { id number state entityId } } pageInfo { hasNextPage endCursor } } }`;
  return Object.entries(filtersOf(requests)).flatMap(([name, filter]) => [
    { name: `${of}: ${name}`, asked: query(platform, token, document, { filter }) },
    {
      name: `${of}: ${name} + webhookDefinitionId`,
      asked: query(platform, token, document, { filter: { ...filter, webhookDefinitionId: definition } }),
    },
  ]);
}

function query(platform: Platform, token: string, document: string, variables: object = {}): Question["asked"] {
  const body = JSON.stringify({ query: document, variables });
  const headers = { ...HEADERS, authorization: `Bearer ${token}`, "content-length": String(Buffer.byteLength(body)) };
  return { url: `${platform.url}/graphql`, method: "POST", headers, body };
}

/** p99 of each, ms. One that takes seconds is asked a few times only: it is over its bar whatever follows. */
async function timesOf(asker: Program, questions: readonly Question[]): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const { name, asked } of questions) {
    const histogram = createHistogram();
    const all = await asker.ask<number[]>({ ...asked, warm: WARM, count: ASKED, slowMs: SLOW_MS } satisfies Asked);
    for (const ms of all) histogram.record(ms);
    times.set(name, histogram.percentile(0.99));
  }
  return times;
}

function cotalkerQuestion(platform: Platform, id: string): Question {
  const url = `${platform.url}/api/v3/webhook/subscription/logs/${id}?limit=${PAGE}`;
  return { name: "Cotalker's log", asked: { url, method: "GET", headers: HEADERS } };
}

export const p14: Row = {
  name: "P14",
  title: "lists and filters at 3 million requests",
  long: true,
  async run(bench) {
    const big = await bigDatabase(bench);
    const platform = await startPlatform(big.url);
    const small = big.small[0];
    if (!small) throw new Error("there is no small tenant");
    const lists = LISTS.map((name) => ({
      name: `list ${name}`,
      asked: query(platform, platform.token, `{ ${name}(first: ${PAGE}) { edges { cursor node { id } } pageInfo { hasNextPage } } }`),
    }));
    const overview = [
      { of: "large", token: platform.token },
      { of: "small", token: small.token },
    ].map(({ of, token }) => ({
      name: `${of}: overview of seven days`,
      asked: query(
        platform,
        token,
        `{ deliveryStatistics(since: "${daysAgo(6.9)}") { delivered rejected retried p50Ms p99Ms buckets { __typename } definitions { __typename } } }`,
      ),
    }));
    const questions = [
      ...logQuestions(platform, platform.token, "large", big.requests, big.definitions[3] as string),
      ...logQuestions(platform, small.token, "small", 1_000, small.definitions[0] as string),
      ...lists,
      ...overview,
      cotalkerQuestion(platform, big.cotalker),
    ];
    const asker = await start("bench/harness/asker.ts");
    // What is compiled and prepared at first is in no figure.
    await timesOf(asker, questions.slice(0, 10));
    const times = await timesOf(asker, questions);
    const count = "query ($filter: WebhookRequestFilter) { webhookRequests(first: 1, filter: $filter) { totalCount } }";
    const totals = await timesOf(
      asker,
      [
        ["large: total", platform.token, {}],
        ["large: total of REJECTED", platform.token, { lifeCycleState: ["REJECTED"] }],
        ["large: total of a definition", platform.token, { webhookDefinitionId: big.definitions[3] }],
        ["small: total", small.token, {}],
      ].map(([name, token, filter]) => ({
        name: name as string,
        asked: query(platform, token as string, count, { filter: filter as object }),
      })),
    );
    await asker.stop();
    await platform.stop();
    const indexes = await logIndexes(big.url);
    const over = [...times].filter(([, ms]) => ms > 50).sort((a, b) => b[1] - a[1]);
    bench.say(`${times.size} questions, p99 over 50 ms: ${over.map(([name, ms]) => `${name} ${Math.round(ms)}`).join(", ") || "none"}`);
    bench.say(`totals: ${[...totals].map(([name, ms]) => `${name} ${Math.round(ms)} ms`).join(", ")}`);
    const worst = (of: Map<string, number>) => [...of].reduce((a, b) => (a[1] >= b[1] ? a : b));
    const check = (name: string, of: Map<string, number>, bar: number, detail: string): Check => {
      const [which, value] = worst(of);
      return { name, value, bar, atLeast: false, spread: 0, unit: "ms", detail: `${which}; ${detail}` };
    };
    return [
      check("p99 of the slowest list", times, 50, `${over.length} of ${times.size} are over 50 ms`),
      check("totalCount", totals, 150, "the slowest of four"),
      { name: "indexes on webhook_request", value: indexes.length, bar: 6, atLeast: false, spread: 0, detail: indexes.join(", ") },
    ];
  },
};
