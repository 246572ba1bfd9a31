/** Searching in payloads: what is found, how far a page looks, and the index where it is switched on. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { installExtensions } from "../../src/db/extensions.ts";
import type { Warnings } from "../../src/observe/warnings.ts";
import { countEvents, listEvents, PAGE_BYTES } from "../../src/requests/event-list.ts";
import { indexedPartitions, keepPayloadIndex } from "../../src/requests/payload-index.ts";
import { type TestCore, testCore, testLogins } from "../helpers/database.ts";
import { addPast, idAt } from "../helpers/log.ts";

let t: TestCore;
let core: TestCore["core"];
const HOUR_MS = 3_600_000;
const ago = (hours: number) => new Date(Date.now() - hours * HOUR_MS);

async function add(organizationId: string, payload: string, moment: Date, type = "order.created"): Promise<string> {
  const id = idAt(moment);
  await core.db.pool.query(
    "INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at) VALUES ($1, $2, $3, $4, $5, $5)",
    [id, organizationId, type, payload, moment],
  );
  return id;
}

/** @param payload SQL of the payload, in which `i` counts */
async function addMany(organizationId: string, count: number, payload: string, moment: Date): Promise<void> {
  await core.db.pool.query(
    `INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at)
     SELECT (substr(lowest_id($2::timestamptz + i * interval '1 ms')::text, 1, 24) || lpad(to_hex(i), 12, '0'))::uuid, $1, 'common', ${payload}, $2, $2
     FROM generate_series(1, $3::int4) i`,
    [organizationId, moment, count],
  );
}

interface Found {
  ids: string[];
  /** Rows of each page. */
  pages: number[];
}

/** The whole list, a page at a time. */
async function find(organizationId: string, payloadContains: string, more: object = {}, limit = 20, fromBack = false): Promise<Found> {
  const found: Found = { ids: [], pages: [] };
  let at: string | undefined;
  for (let goesOn = true; goesOn; ) {
    const edge = fromBack ? { after: undefined, before: at } : { after: at, before: undefined };
    const page = await listEvents(core.db, organizationId, { limit, fromBack, ...edge }, { payloadContains, ...more });
    goesOn = fromBack ? page.hasPreviousPage : page.hasNextPage;
    at = page.stoppedAt ?? page.rows.at(fromBack ? 0 : -1)?.id;
    found.ids = fromBack ? [...page.rows.map(({ id }) => id), ...found.ids] : [...found.ids, ...page.rows.map(({ id }) => id)];
    found.pages.push(page.rows.length);
  }
  return found;
}

beforeAll(async () => {
  t = await testCore({ payloadIndex: "trigram" });
  core = t.core;
  await addPast(core, 3);
});
afterAll(() => t?.close());

const off = () => ({ ...core, config: { ...core.config, payloadIndex: "off" as const } });
const used = async () => {
  const { rows } = await core.db.pool.query<{ scans: number }>(
    "SELECT COALESCE(sum(idx_scan), 0)::int8 AS scans FROM pg_stat_user_indexes WHERE indexrelname LIKE '%_payload_idx'",
  );
  return rows[0]?.scans ?? 0;
};

const partitionOf = async (id: string) => (await indexedPartitions(core.db)).find(({ low, high }) => low <= id && high > id)?.name;

const hearing = (told: string[]): Warnings => ({
  warn: (_kind, _subject, _told, message) => void told.push(message),
  flush: async () => undefined,
});

/** The same questions, whatever answers them. */
async function finds(): Promise<void> {
  const { id } = await t.organization();
  const other = (await t.organization()).id;
  const payloads = [
    '{"name":"Ada Lovelace","total":5}',
    '{"total": 5, "note":"100% of a_b"}',
    String.raw`{"path":"C:\\temp\\x","quote":"say \"hi\""}`,
    '{"city":"Zürich"}',
    String.raw`{"city":"Z\u00fcrich","nothing":"\u0000"}`,
    `{"long":"${"a".repeat(2 ** 20 - 20)}"}`,
  ];
  const ids: string[] = [];
  for (const [i, payload] of payloads.entries()) ids.push(await add(id, payload, ago(60 - 8 * i), i === 0 ? "contact.created" : undefined));
  await add(other, '{"secret":"hunter2"}', ago(1));
  const cases: [string, number[], object?][] = [
    ["lovelace", [0]],
    ["ADA LOVE", [0]],
    ['"total":5', [0]],
    ['"total": 5', [1]],
    ["total", [1, 0]],
    ["total", [0], { type: ["contact.*"] }],
    ["total", [1], { since: ago(55) }],
    ["total", [0], { until: ago(55) }],
    ["100%", [1]],
    ["1%0", []],
    ["a_b", [1]],
    ["l_velace", []],
    [String.raw`c:\\temp`, [2]],
    [String.raw`c:\temp`, []],
    [String.raw`say \"hi`, [2]],
    ["hi\\", [2]],
    ["Zürich", [3]],
    [String.raw`Z\u00fcrich`, [4]],
    [String.raw`\u0000`, [4]],
    ["a\0b", []],
    ["abc\ud800", []],
    ["😀😀😀", []],
    ["aaaaaaaa", [5]],
    ["b".repeat(200), []],
    ["hunter2", []],
    ['":"', [5, 4, 3, 2, 1, 0]],
  ];
  for (const [text, wanted, more] of cases) {
    const expected = wanted.map((i) => ids[i]);
    expect((await find(id, text, more)).ids, text).toEqual(expected);
    expect((await find(id, text, more, 1)).ids, `${text}, one a page`).toEqual(expected);
    expect((await find(id, text, more, 1, true)).ids, `${text}, from the back`).toEqual(expected);
    expect((await countEvents(core.db, id, { payloadContains: text, ...more })).count, text).toBe(wanted.length);
  }
}

test("finds a text as it was sent, in any case, and nothing of anybody else", { timeout: 60_000 }, finds);

test("a page looks into so many bytes, says where the next one goes on, and gets to the end", { timeout: 120_000 }, async () => {
  const { id } = await t.organization();
  const oldest = await add(id, '{"needle":1}', ago(30));
  // Short on the disk, 256 KiB each to whoever reads them.
  await addMany(id, 100, `'{"x":"' || repeat('hay', 87381) || '"}'`, ago(20));
  const newest = await add(id, '{"needle":2}', ago(1));
  const found = await find(id, "needle");
  expect(found.ids).toEqual([newest, oldest]);
  // The payload in which the bytes run out is looked into as a whole: a page is a little more.
  const pages = (100 * 256 * 1024) / PAGE_BYTES;
  expect(found.pages.length).toBeGreaterThan(pages - 1);
  expect(found.pages.length).toBeLessThan(pages + 2);
  expect(found.pages.slice(1, -1).every((length) => length === 0)).toBe(true);
  const back = await find(id, "needle", {}, 20, true);
  expect(back.ids).toEqual(found.ids);
  expect(back.pages.length).toBeGreaterThan(pages - 1);
  expect(await countEvents(core.db, id, { payloadContains: "needle" })).toEqual({ count: 1, capped: true });
  // What many hold fills a page at once.
  expect(
    (await listEvents(core.db, id, { limit: 20, fromBack: false, after: undefined, before: undefined }, { payloadContains: "hayhay" }))
      .rows,
  ).toHaveLength(20);
});

test("without its extensions the chore says what to run, and makes nothing", async () => {
  const told: string[] = [];
  const round = await keepPayloadIndex({ ...core, warnings: hearing(told) });
  expect([round.made, round.left > 3]).toEqual([0, true]);
  expect(told.join()).toContain("CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS btree_gin;");
});

test("a login that may not make extensions is told what to grant, or what to run", async () => {
  const role = `search_${process.pid}`;
  await t.asServer(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  try {
    const url = new URL(t.url);
    [url.username, url.password] = [role, "x"];
    const said = await installExtensions(url.href);
    expect(said).toContain("Postgres refuses the extension pg_trgm (permission denied");
    expect(said).toContain("GRANT CREATE ON DATABASE");
    expect(said).toContain("CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS btree_gin;");
  } finally {
    await t.asServer(`DROP ROLE ${role}`);
  }
});

test("with one role only no index is made, the chore says why, and searches read along", async () => {
  const logins = testLogins(t.url);
  const db = openDatabase({ ...logins, engine: logins.owner });
  try {
    const told: string[] = [];
    const round = await keepPayloadIndex({ ...core, db, warnings: hearing(told) });
    expect([round.made, told.join()]).toEqual([0, expect.stringContaining("needs the second wall")]);
    expect(await indexedPartitions(db)).toEqual([]);
    const { id } = await t.organization();
    const needle = await add(id, '{"who":"Margaret"}', ago(3));
    const page = { limit: 20, fromBack: false, after: undefined, before: undefined };
    expect((await listEvents(db, id, page, { payloadContains: "margaret" })).rows.map((row) => row.id)).toEqual([needle]);
  } finally {
    await db.close();
  }
});

test("switched on, each partition is indexed, the index is used, and answers are the same", { timeout: 120_000 }, async () => {
  expect(await installExtensions(t.url)).toBeUndefined();
  expect(await installExtensions(t.url)).toBeUndefined();
  const { id } = await t.organization();
  const needles = [await add(id, '{"who":"Grace Hopper"}', ago(50)), await add(id, '{"who":"Grace Hopper"}', ago(10))];
  await addMany(id, 3_000, `'{"n":"' || md5(i::text) || '"}'`, ago(5));
  const round = await keepPayloadIndex(core);
  expect([round.made > 3, round.left]).toEqual([true, 0]);
  expect(await keepPayloadIndex(core)).toEqual({ made: 0, dropped: 0, left: 0 });
  const partitions = await indexedPartitions(core.db);
  expect(partitions.every(({ ready }) => ready)).toBe(true);

  const before = await used();
  expect((await find(id, "grace hopper")).ids).toEqual(needles.toReversed());
  expect((await find(id, "grace hopper", { since: ago(20) })).ids).toEqual([needles[1]]);
  expect((await find(id, "grace hopper", { type: ["common"] })).ids).toEqual([]);
  expect(await countEvents(core.db, id, { payloadContains: "grace hopper" })).toEqual({ count: 2, capped: false });
  await expect.poll(used, { timeout: 30_000 }).toBeGreaterThan(before);

  const partition = await partitionOf(idAt(ago(5)));
  const { rows } = await core.db.searches.query<{ "QUERY PLAN": string }>(
    `EXPLAIN SELECT e.id FROM "${partition}" e WHERE e.organization_id::text = $1 AND e.id > $2::uuid AND e.id < $3::uuid AND e.payload ILIKE $4`,
    [id, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "%grace%"],
  );
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toMatch(
    new RegExp(`Bitmap Index Scan on ${partition}_payload_idx [^\\n]*\\n *Index Cond: .*organization_id.* AND \\(payload ~~\\*`),
  );
  await finds();
});

test("a partition without its index, or with half of one, is read as before", async () => {
  const { id } = await t.organization();
  const needles = [
    await add(id, '{"who":"Linus"}', ago(60)),
    await add(id, '{"who":"Linus"}', ago(35)),
    await add(id, '{"who":"Linus"}', ago(2)),
  ];
  await addMany(id, 2_500, `'{"n":' || i || '}'`, ago(1));
  const name = await partitionOf(needles[1] as string);
  await t.asServer(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"${name}_payload_idx"'::regclass`);
  expect((await indexedPartitions(core.db)).find((each) => each.name === name)?.ready).toBe(false);
  expect((await find(id, "linus")).ids).toEqual(needles.toReversed());
  expect((await find(id, "linus", {}, 1, true)).ids).toEqual(needles.toReversed());
  expect(await keepPayloadIndex(core)).toEqual({ made: 1, dropped: 0, left: 0 });
  expect((await find(id, "linus")).ids).toEqual(needles.toReversed());
});

test("a new partition is indexed by the next round, and an old one goes with its index", async () => {
  await addPast(core, 5);
  const round = await keepPayloadIndex(core);
  expect([round.made, round.left]).toEqual([2, 0]);
  expect((await core.db.pool.query("SELECT FROM pg_class WHERE relname LIKE '%_payload_idx'")).rowCount).toBe(
    (await indexedPartitions(core.db)).length,
  );
});

test("one that is called off leaves what the next round goes on with", async () => {
  await addPast(core, 7);
  const ended = new AbortController();
  ended.abort();
  await expect(keepPayloadIndex(core, ended.signal)).rejects.toThrow();
  expect((await keepPayloadIndex(core)).made).toBe(2);
});

test("switched off, the next round drops it, and searches go on", { timeout: 60_000 }, async () => {
  const { id } = await t.organization();
  const needle = await add(id, '{"who":"Barbara"}', ago(40));
  const round = await keepPayloadIndex(off());
  expect([round.dropped > 3, round.made, round.left]).toEqual([true, 0, 0]);
  expect((await core.db.pool.query("SELECT FROM pg_class WHERE relname LIKE '%_payload_idx'")).rowCount).toBe(0);
  expect(await indexedPartitions(core.db)).toEqual([]);
  expect((await find(id, "barbara")).ids).toEqual([needle]);
});
