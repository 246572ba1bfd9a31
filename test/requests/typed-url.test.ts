/** The log's URL filter: found as typed. Each form is asked of memory (live updates) and of SQL (the log). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { matcher } from "../../src/requests/filter.ts";
import { listRequests } from "../../src/requests/list.ts";
import type { RequestRow } from "../../src/requests/row.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";

const STORED = {
  plain: "https://shop.example/hooks/orders",
  slash: "https://shop.example/hooks/invoices/",
  query: "https://shop.example/hooks/orders?tenant=7&x=a%2Fb",
  root: "https://root.example/",
  port: "https://shop.example:8443/hooks/orders",
  http: "http://shop.example/hooks/orders",
  idn: "https://xn--bcher-kva.example/h%C3%B6k",
  small: "https://small.example/h%c3%b6k",
  old: "https://old.example/hooks#part",
  dots: "https://dots.example/a.b+c(d)[e]",
  ip6: "http://[::1]:9000/in",
  key: "https://keys.example/services/T012/aB3dE6gH9jK2mN5pQ8sT1v/in?apikey=s3cr3t-Zq9&bare&a=b=c",
  inbound: "https://keys.example/inbound/events/0198/k3y-of-it/more",
} as const;
type Name = keyof typeof STORED;

let t: TestCore;
const ids = new Map<string, Name>();
beforeAll(async () => {
  t = await testCore();
  const definition = await addDefinition(t.core, t.organizationId);
  for (const [name, url] of Object.entries(STORED)) {
    const { id } = await addRequest(t.core, t.organizationId, definition, { url });
    ids.set(id, name as Name);
  }
});
afterAll(() => t.close());

const PAGE = { limit: 50, fromBack: false, after: undefined, before: undefined };

async function found(url: string, urlsMasked = false): Promise<Name[]> {
  const { rows } = await listRequests(t.core.db, t.organizationId, { url, urlsMasked }, PAGE);
  const bySql = rows.map((row) => ids.get(row.id) as Name).sort();
  const inMemory = (Object.keys(STORED) as Name[])
    .filter((name) => matcher({ url, urlsMasked })({ url: STORED[name] } as RequestRow))
    .sort();
  expect(bySql).toEqual(inMemory);
  return bySql;
}

describe("B77 the log's URL filter finds as typed", () => {
  test.each<[typed: string, names: Name[]]>([
    [STORED.plain, ["plain"]],
    ["https://shop.example/hooks/orders/", ["plain"]],
    ["https://SHOP.Example/hooks/orders", ["plain"]],
    ["HTTPS://shop.example:443/hooks/orders", ["plain"]],
    ["  https://shop.example/hooks/orders  ", ["plain"]],
    ["https://user:secret@shop.example/hooks/orders", ["plain"]],
    ["https://shop.example/hooks/orders#frag", ["plain"]],
    ["http://shop.example:80/hooks/orders", ["http"]],
    ["https://shop.example/hooks/invoices", ["slash"]],
    [STORED.slash, ["slash"]],
    [STORED.query, ["query"]],
    ["https://shop.example/hooks/orders/?tenant=7&x=a%2fb", ["query"]],
    ["https://root.example", ["root"]],
    ["https://root.example/", ["root"]],
    [STORED.port, ["port"]],
    ["https://bücher.example/hök", ["idn"]],
    ["https://BÜCHER.example/h%c3%b6k", ["idn"]],
    ["https://xn--bcher-kva.example/h%C3%B6k/", ["idn"]],
    ["https://small.example/hök", ["small"]],
    ["https://old.example/hooks", ["old"]],
    ["https://old.example/hooks#other", ["old"]],
    [STORED.dots, ["dots"]],
    [STORED.ip6, ["ip6"]],
    ["https://shop.example/hooks", []],
    ["https://shop.example", []],
    ["https://shop.example/HOOKS/orders", []],
    ["ftp://shop.example/hooks/orders", []],
    ["", []],
  ])("whole: %s", async (typed, names) => {
    expect(await found(typed)).toEqual([...names].sort());
  });

  test.each<[typed: string, names: Name[]]>([
    ["shop.example", ["http", "plain", "query", "slash"]],
    ["SHOP.example", ["http", "plain", "query", "slash"]],
    ["shop.example/", ["http", "plain", "query", "slash"]],
    ["shop.example:443", ["http", "plain", "query", "slash"]],
    ["shop.example:8443", ["port"]],
    ["shop.example/hooks/orders", ["http", "plain"]],
    ["bücher.example", ["idn"]],
    ["[::1]:9000", ["ip6"]],
    ["nobody.example", []],
    ["op.example", []],
  ])("a host: %s", async (typed, names) => {
    expect(await found(typed)).toEqual([...names].sort());
  });

  test.each<[typed: string, names: Name[]]>([
    ["/hooks/orders", ["http", "plain", "port", "query"]],
    ["hooks/orders", ["http", "plain", "port", "query"]],
    ["/hooks/inv", ["slash"]],
    ["orders", ["http", "plain", "port", "query"]],
    ["?tenant=7", ["query"]],
    ["tenant=7", ["query"]],
    ["x=a%2fb", ["query"]],
    ["/hök", ["idn", "small"]],
    ["/h%c3%b6k", ["idn", "small"]],
    ["a.b+c(d)", ["dots"]],
    ["/a.b", ["dots"]],
    ["/aXb", []],
    ["#part", []],
    ["100%", []],
    [".*", []],
  ])("a part: %s", async (typed, names) => {
    expect(await found(typed)).toEqual([...names].sort());
  });
});

describe("who may not read secrets finds a part of a URL in what they see of it, and spells out no secret", () => {
  test.each<[typed: string, clear: Name[], masked: Name[]]>([
    ["/hooks/orders", ["http", "plain", "port", "query"], ["http", "plain", "port", "query"]],
    ["/services/T012/", ["key"], ["key"]],
    ["aB3dE6", ["key"], []],
    ["/T012/aB3", ["key"], []],
    ["?apikey=s3", ["key"], []],
    ["s3cr3t", ["key"], []],
    ["bare", ["key"], []],
    ["b=c", ["key"], []],
    ["/in?apikey=", ["key"], ["key"]],
    ["/***/in?apikey=***&***&a=***", [], ["key"]],
    ["/inbound/events/0198/", ["inbound"], ["inbound"]],
    ["k3y-of", ["inbound"], []],
    ["/more", ["inbound"], []],
    ["tenant=", ["query"], ["query"]],
    ["tenant=7", ["query"], []],
    ["x=a%2f", ["query"], []],
    ["keys.example", ["inbound", "key"], ["inbound", "key"]],
    // The whole of it is no riddle.
    [STORED.query, ["query"], ["query"]],
  ])("%s", async (typed, clear, masked) => {
    expect(await found(typed)).toEqual(clear);
    expect(await found(typed, true)).toEqual(masked);
  });
});

describe("B77 the log's event types", () => {
  test.each([
    ["order.*", ["order.created", "order.item.added"]],
    ["*.created", ["load.created", "order.created"]],
    ["*", ["load.created", "order.", "order.created", "order.item.added", "order_x.created2"]],
    ["order.created", ["order.created"]],
    ["order", []],
    ["*.item.added", ["order.item.added"]],
    ["ord*", []],
  ])("%s", async (eventType, expected) => {
    const other = await t.organization();
    const definition = await addDefinition(t.core, other.id);
    const types = ["order.created", "order.item.added", "load.created", "order_x.created2", "order."];
    for (const type of types) await addRequest(t.core, other.id, definition, { eventType: type });
    const { rows } = await listRequests(t.core.db, other.id, { eventType }, PAGE);
    expect(rows.map((row) => row.eventType).sort()).toEqual(expected);
    expect(types.filter((type) => matcher({ eventType })({ eventType: type } as RequestRow)).sort()).toEqual(expected);
  });
});
