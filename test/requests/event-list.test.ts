/** The list of events: every clause, pages that stop on the way, and what the looking up costs. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import { type EventFilter, eventClauses } from "../../src/requests/event-filter.ts";
import { countEvents, listEvents } from "../../src/requests/event-list.ts";
import { matchingEvents } from "../../src/requests/event-walk.ts";
import { HIGHEST, LOWEST } from "../../src/requests/id-range.ts";
import { pageOf, uuidKey } from "../../src/requests/page.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, idAt } from "../helpers/log.ts";

let t: TestCore;
let applicationId: string;
const HOUR_MS = 3_600_000;
const start = new Date(Date.now() - 10 * HOUR_MS);
const at = (hours: number) => new Date(start.getTime() + hours * HOUR_MS);

const TAKEN: [string, string, string][] = [
  ["order.created", "order", "1"],
  ["order.line.added", "order", "2"],
  ["contact.created", "contact", "1"],
];

async function addEvent(organizationId: string, moment: Date, type: string, application: string | null = null): Promise<string> {
  const id = idAt(moment);
  await t.core.db.pool.query(
    `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, application_id, occurred_at, created_at)
     VALUES ($1, $2, $3, 'thing', '9', '{}', $4, $5, $5)`,
    [id, organizationId, type, application, moment],
  );
  return id;
}

beforeAll(async () => {
  t = await testCore();
  await addPast(t.core, 2);
  applicationId = newId();
  await t.core.db.pool.query("INSERT INTO application (id, organization_id, uid, name) VALUES ($1, $2, 'acme', 'Acme')", [
    applicationId,
    t.organizationId,
  ]);
  const definition = await addDefinition(t.core, t.organizationId);
  for (const [i, [eventType, entity, entityId]] of TAKEN.entries())
    await addRequest(t.core, t.organizationId, definition, { eventType, entity, entityId, createdAt: at(i) });
  await addEvent(t.organizationId, at(3), "orderly");
  await addEvent(t.organizationId, at(4), "order.paid", applicationId);
  // A replay gave it a request long after it was accepted; only the mark says so.
  const recovered = await addEvent(t.organizationId, at(5), "order.missed");
  await t.core.db.pool.query("INSERT INTO recovered_event (organization_id, event_id, definition_id, request_id) VALUES ($1, $2, $3, $4)", [
    ...[t.organizationId, recovered, definition.id, newId()],
  ]);
});
afterAll(() => t?.close());

const typesOf = async (filter: EventFilter, organizationId = t.organizationId) => {
  const page = await listEvents(t.core.db, organizationId, pageOf({ first: 50 }, "events:test", uuidKey), filter);
  expect(page.hasNextPage).toBe(false);
  expect(await countEvents(t.core.db, organizationId, filter)).toEqual({ count: page.rows.length, capped: false });
  return page.rows.map((row) => row.type);
};

const [LINE, CREATED, CONTACT, ORDERLY, PAID, MISSED] = [
  "order.line.added",
  "order.created",
  "contact.created",
  "orderly",
  "order.paid",
  "order.missed",
];

test("each clause, alone and together", async () => {
  const cases: [EventFilter, string[]][] = [
    [{}, [MISSED, PAID, ORDERLY, CONTACT, LINE, CREATED]],
    [{ type: ["order.created"] }, [CREATED]],
    [{ type: ["order.*"] }, [MISSED, PAID, LINE, CREATED]],
    [{ type: ["*.created", "orderly"] }, [ORDERLY, CONTACT, CREATED]],
    [{ type: ["order.paid", "*"] }, [MISSED, PAID, ORDERLY, CONTACT, LINE, CREATED]],
    [{ type: ["Order.created"] }, []],
    [{ type: [] }, []],
    [{ type: ["order_created"] }, []],
    [{ type: ["order.created\0"] }, []],
    [{ entity: "order" }, [LINE, CREATED]],
    [{ entityId: "1" }, [CONTACT, CREATED]],
    [{ entity: "contact", entityId: "1" }, [CONTACT]],
    [{ entity: "o\0" }, []],
    [{ since: at(3) }, [MISSED, PAID, ORDERLY]],
    [{ until: at(3) }, [CONTACT, LINE, CREATED]],
    [{ since: at(1), until: at(2) }, [LINE]],
    [{ since: at(2), until: at(1) }, []],
    [{ matched: true }, [MISSED, CONTACT, LINE, CREATED]],
    [{ matched: false }, [PAID, ORDERLY]],
    [{ matched: false, type: ["order.*"] }, [PAID]],
    [{ applicationId }, [PAID]],
    [{ applicationId: newId() }, []],
  ];
  for (const [filter, wanted] of cases) expect(await typesOf(filter), JSON.stringify(filter)).toEqual(wanted);
  expect(await typesOf({ matched: false }, (await t.organization()).id)).toEqual([]);
});

test("pages go both ways under a filter", async () => {
  const page = async (args: object) => listEvents(t.core.db, t.organizationId, pageOf(args, "events:test", uuidKey), { type: ["order.*"] });
  const first = await page({ first: 3 });
  expect([first.rows.map((row) => row.type), first.hasNextPage]).toEqual([[MISSED, PAID, LINE], true]);
  const back = await page({ last: 2 });
  expect([back.rows.map((row) => row.type), back.hasPreviousPage]).toEqual([[LINE, CREATED], true]);
});

test("a filter that hardly anything matches reads a bounded stretch a page, says where it goes on, and gets to the end", {
  timeout: 120_000,
}, async () => {
  const { id } = await t.organization();
  const oldest = await addEvent(id, at(0), "rare");
  await t.core.db.pool.query(
    `INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at)
     SELECT (substr(lowest_id($2::timestamptz + i * interval '100 ms')::text, 1, 24) || lpad(to_hex(i), 12, '0'))::uuid, $1, 'common', '{}', now(), $2::timestamptz + i * interval '100 ms'
     FROM generate_series(1, 60000) i`,
    [id, at(1)],
  );
  await t.core.db.asOwner((client) => client.query("ANALYZE event, webhook_request"));
  for (const [filter, pages] of [
    [{ type: ["rare"] }, 2],
    [{ matched: true }, 7],
  ] as [EventFilter, number][]) {
    let after: string | undefined;
    const lengths: number[] = [];
    for (let more = true; more; ) {
      const page = await listEvents(t.core.db, id, { limit: 20, fromBack: false, after, before: undefined }, filter);
      after = page.stoppedAt;
      more = page.hasNextPage;
      lengths.push(page.rows.length);
      if (page.rows.length > 0) expect(page.rows.map((row) => row.id)).toEqual([oldest]);
    }
    expect(lengths).toHaveLength(pages);
    expect(lengths.slice(0, -1).every((length) => length === 0)).toBe(true);
    expect((await countEvents(t.core.db, id, filter)).capped).toBe("matched" in filter);
  }
});

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  Plans?: Node[];
}

test("where each event is looked up in the log, an index finds it, among the requests of its hour", async () => {
  const clauses = eventClauses(t.organizationId, { matched: false }, { above: LOWEST, below: HIGHEST });
  const query = matchingEvents(clauses, "desc", 10_000).selectAll().compile();
  const { rows } = await t.core.db.pool.query<{ "QUERY PLAN": [{ Plan: Node }] }>(
    `EXPLAIN (ANALYZE, TIMING off, SUMMARY off, FORMAT JSON) ${query.sql}`,
    query.parameters as unknown[],
  );
  const faults: string[] = [];
  let looked = 0;
  const visit = (node: Node) => {
    const table = node["Relation Name"] ?? "";
    if (/Hash Join|Merge Join/.test(node["Node Type"])) faults.push(node["Node Type"]);
    if (/^webhook_request/.test(table)) looked += node["Actual Loops"];
    for (const child of node.Plans ?? []) visit(child);
  };
  visit(rows[0]?.["QUERY PLAN"][0].Plan as Node);
  expect(faults).toEqual([]);
  // Six events; an hour about one of them may reach into a second partition.
  expect(looked).toBeGreaterThanOrEqual(6);
  expect(looked).toBeLessThanOrEqual(12);
});
