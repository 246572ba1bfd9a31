/** P4: the pipeline on tables with 3 million settled requests and a million queued, against empty ones. */
import { type Figure, lineOf } from "../harness/bench.ts";
import { bigDatabase } from "../harness/big.ts";
import { pipelineRun } from "../harness/pipeline.ts";
import { makeDefinitions, type Platform, startPlatform } from "../harness/platform.ts";
import type { Check, Row } from "../harness/row.ts";
import { resetStatements, type Statement, statementsOf } from "../harness/statements.ts";
import { ofRuns } from "../harness/stats.ts";
import { seedQueued } from "../seed.ts";

const [TYPES, COUNT, RUNS, QUEUED, TOP] = [100, 8_000, 5, 1_000_000, 8];

export const p4: Row = {
  name: "P4",
  title: "3 million settled, a million queued",
  long: true,
  async run(bench) {
    const big = await bigDatabase(bench);
    let platform = await startPlatform(big.url);
    for (let i = 0; i < big.idle.length; i += 20) {
      const ids = big.idle.slice(i, i + 20);
      const document = "mutation ($ids: [ID!]!) { stopWebhookDefinitions(input: {ids: $ids}) { __typename ... on Error { message } } }";
      const { stopWebhookDefinitions: answer } = await platform.graphql<{ stopWebhookDefinitions: { message?: string } }>(document, {
        ids,
      });
      if (answer.message !== undefined) throw new Error(answer.message);
    }
    await platform.stop();
    await seedQueued(big.url, bench.scaled(QUEUED));
    bench.say(`${bench.scaled(QUEUED)} requests are queued in ${big.idle.length} lanes`);

    const emptyUrl = await bench.postgres.database();
    const empty = await startPlatform(emptyUrl);
    await makeDefinitions(empty, { count: TYPES, targetUrl: bench.receiver.url });
    platform = await startPlatform(big.url);
    const count = bench.scaled(COUNT);
    const run = (on: Platform, offset: number) => pipelineRun(bench, on, { count, types: TYPES, perCall: 1, offset });
    for (const on of [platform, empty]) await run(on, 0);
    for (const url of [big.url, emptyUrl]) await resetStatements(url);
    const full: Figure[] = [];
    const fresh: Figure[] = [];
    for (let i = 0; i < RUNS; i++) {
      fresh.push(await run(empty, 1_000_000 * (i + 1)));
      full.push(await run(platform, 1_000_000 * (i + 1)));
    }
    for (const on of [platform, empty]) await on.stop();
    bench.say(lineOf("empty tables", fresh));
    bench.say(lineOf("full tables", full));

    const then = new Map((await statementsOf(emptyUrl)).map((statement) => [statement.text, statement]));
    // Ingest, claim and settle: what a session sets at its beginning (some thirty calls in all) reads no table of ours.
    const costly = (await statementsOf(big.url))
      .filter(({ text, calls }) => calls >= RUNS && then.has(text) && !text.includes("pg_settings"))
      .slice(0, TOP);
    const ratioOf = (statement: Statement) => statement.meanMs / (then.get(statement.text) as Statement).meanMs;
    for (const statement of costly) {
      const before = then.get(statement.text) as Statement;
      bench.say(
        `${ratioOf(statement).toFixed(2)} × (${before.meanMs.toFixed(3)} → ${statement.meanMs.toFixed(3)} ms, ${statement.calls} calls)  ${statement.text.slice(0, 100)}`,
      );
    }
    const worst = costly.reduce((a, b) => (ratioOf(a) > ratioOf(b) ? a : b));
    const rate = (figures: Figure[]) => `${Math.round(ofRuns(figures.map((f) => f.perSecond)).value)}/s`;
    const checks: Check[] = [
      {
        name: "rate on full ÷ empty tables",
        ...ofRuns(full.map((f, i) => f.perSecond / (fresh[i] as Figure).perSecond)),
        bar: 0.9,
        atLeast: true,
        detail: `${rate(full)} against ${rate(fresh)}, medians of five`,
      },
      {
        name: `the ${TOP} costliest statements, full ÷ empty`,
        value: ratioOf(worst),
        bar: 1.2,
        atLeast: false,
        spread: 0,
        detail: `the worst: ${worst.text.slice(0, 80)}`,
      },
    ];
    return checks;
  },
};
