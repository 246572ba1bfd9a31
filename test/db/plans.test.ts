/**
 * Plans of the hot statements while nobody knows anything of the tables, as in a new installation: sessions keep them, so that a
 * plan which reads a whole queue would do so for ever after.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PoolClient } from "../../src/db/client.ts";
import { readDefinitionMinutes } from "../../src/requests/sql/statistics.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { allStatements } from "./all-statements.ts";

let t: TestCore;
let client: PoolClient;
beforeAll(async () => {
  t = await testCore();
  client = await t.core.db.pool.connect();
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `SELECT i.indexrelid::regclass::text AS name, array_agg(a.attname::text ORDER BY k.nth) AS columns
     FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(column_number, nth) JOIN pg_attribute a ON a.attnum = k.column_number
     WHERE a.attrelid = i.indrelid GROUP BY i.indexrelid`,
  );
  for (const { name, columns } of rows) columnsOf.set(name, columns);
});
afterAll(async () => {
  client?.release(true);
  await t?.close();
});

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  Plans?: Node[];
}

/** Rooms whose statements look rows up by keys. */
const HOT = /^(delivery|events|live)\/sql\/|^requests\/sql\/read-/;
const LARGE =
  /^(event|webhook_request|attempt|lane|lane_entry|lane_due|delivery_minute|feed_entry|idempotency_key|webhook_definition|definition_counter|organization|organization_catalog|number_block)(_|$)/;

/** They look no rows up: two ask of every definition that is there, one is a page of a list. */
const WALKS = ["read-alert-rates", "find-blocked-lanes", "list-notifications"];

/** Columns of each index, by its name. */
const columnsOf = new Map<string, string[]>();

/** From a key to the same key, so that it is read backward (newest-lane.ts): as good as equality. */
const ONE_KEY = /^\(\(ROW\(([a-z_, ]+)\) >= ROW\(((?:[^()]|\(unnest\(\$\d+\)\))+)\)\) AND \(ROW\(\1\) <= ROW\(\2\)\)\)$/;

/** From behind a key, to another one or as far as a limit says (find-alerts.ts): it reads what it was asked for. */
const AFTER_KEY = /^\(\(?ROW\(([a-z_, ]+)\) > ROW\([^()]+\)\)?(?: AND \(ROW\(\1\) <= ROW\([^()]+\)\)\))?$/;

/** Whether the condition names the index' first columns and no others: else it reads more of it than it was asked for. */
function misses(index: string, condition: string): boolean {
  const key = (ONE_KEY.exec(condition) ?? AFTER_KEY.exec(condition))?.[1]?.split(", ");
  if (key) return key.some((column, i) => columnsOf.get(index)?.[i] !== column);
  const named = new Set([...condition.matchAll(/\(\(?"?([a-z_]+)"? (?:=|<|>|<=|>=) /g)].map(([, column]) => column as string));
  const first = (columnsOf.get(index) ?? []).slice(0, named.size);
  const all = columnsOf.get(index)?.length === named.size;
  return named.size === 0 || first.some((column) => !named.has(column)) || (!all && named.size === 1 && named.has("organization_id"));
}

async function faultsOf(text: string): Promise<string[]> {
  const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Node }] }>(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`);
  const found: string[] = [];
  const visit = (node: Node) => {
    const [type, table] = [node["Node Type"], node["Relation Name"] ?? ""];
    if (type === "Seq Scan" && LARGE.test(table)) found.push(`reads all of ${table}`);
    if (type === "Bitmap Heap Scan" && LARGE.test(table)) found.push(`finds all it may need of ${table} before it gives the first`);
    if (type === "Hash Join" || type === "Merge Join") found.push(`joins whole tables by a ${type}`);
    const [index, condition] = [node["Index Name"], node["Index Cond"] ?? ""];
    if (index !== undefined && LARGE.test(table) && misses(index, condition)) found.push(`walks ${index} by ${condition || "nothing"}`);
    for (const child of node.Plans ?? []) visit(child);
  };
  visit(rows[0]?.["QUERY PLAN"][0].Plan as Node);
  return found;
}

test("on empty tables without statistics each statement of the hot path looks its rows up", async () => {
  const wrong: string[] = [];
  const all = (await allStatements()).filter(({ file, statement }) => HOT.test(file) && !WALKS.includes(statement.name));
  expect(all.length).toBeGreaterThan(30);
  for (const { statement } of all) wrong.push(...(await faultsOf(statement.text)).map((fault) => `${statement.name} ${fault}`));
  expect(wrong).toEqual([]);
});

test("B97 the figures of one definition are read from its own roll-ups, not from those of its whole organization", async () => {
  const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN (GENERIC_PLAN) ${readDefinitionMinutes.text}`);
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toMatch(/using delivery_minute_pkey/);
  expect(plan).toContain("Index Cond: ((organization_id = $1) AND (ROW(definition_id, minute) >= ROW($3, $2)) AND (definition_id = $3))");
});

test("the check can fail: with the planner's own choice a settlement reads the whole queue", async () => {
  const settle = (await allStatements()).find(({ statement }) => statement.name === "settle-requests")?.statement.text as string;
  await client.query("RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin");
  expect((await faultsOf(settle)).join()).toMatch(/reads all of lane_entry|joins whole tables/);
});
