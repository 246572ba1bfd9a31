import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanOperation } from "../../../src/api/graphql/scan-operation.ts";
import { WrittenJson } from "../../../src/api/graphql/written-json.ts";
import { isRawNumber, parseJson } from "../../../src/wire/json-exact.ts";
import { compact } from "../../../src/wire/json-text.ts";
import { event } from "../../helpers/arbitrary-event.ts";

const scan = (text: string) => scanOperation(Buffer.from(text));

const ANSWER = "{ __typename }";
const MANY = `mutation ($input: EmitEventsInput!) { emitEvents(input: $input) ${ANSWER} }`;
const ONE = `mutation Emit($input: EmitEventInput!) { emitEvent(input: $input) ${ANSWER} }`;
const LIST = `mutation ($events: [EmitEventInput!]!) { emitEvents(input: {events: $events}) ${ANSWER} }`;

/** Each puts an event's variable into a value of JSON, where it would pass for one that was checked. */
const WITHIN_JSON = [
  'createWebhookDefinition(input: {name: "a", targetUrl: "https://a.example", eventTypes: ["*"], filter: {payload: {a: $event}}})',
  "createWorkflowRule(input: {condition: [$event]})",
  'emitEvent(input: {type: "a", scope: {s: [{t: $event}]}})',
  'emitEvent(input: {type: "a", payload: {p: $event}})',
  'emitEvents(input: {events: [$event, {type: "a", previous: [$event]}]})',
].map((field) => `mutation ($event: EmitEventInput!) { ${field} ${ANSWER} } # emitEvent`);

const body = (query: string, variables: string, more = "") => `{"query":${JSON.stringify(query)},"variables":${variables}${more}}`;

/** What was kept as it is written, parsed; raw numbers as their tokens, which no two of are equal otherwise. */
function plain(value: unknown): unknown {
  if (value instanceof WrittenJson) return plain(parseJson(value.text));
  if (isRawNumber(value)) return `raw ${value.rawJSON}`;
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? value.map(plain) : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** The texts that were kept, in their order. */
function kept(value: unknown): string[] {
  if (value instanceof WrittenJson) return [value.text];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(kept) : [];
}

describe("scanOperation", () => {
  it("gives what parsing the body gives, with payload and previous as they are written", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 4 }), fc.constantFrom(undefined, 2, "\t"), (events, indent) => {
        const bodies = [
          body(MANY, JSON.stringify({ input: { events } }, null, indent), ',"operationName":null'),
          body(LIST, JSON.stringify({ events }, null, indent)),
          body(ONE, JSON.stringify({ input: events[0] ?? { type: "a" } }, null, indent), ',"extensions":{"a":1.0}'),
        ];
        for (const text of bodies) {
          const found = scan(text);
          // Halves of pairs, and names that stand twice once they are written, are left to the general reader.
          fc.pre(found !== undefined);
          expect(plain(found)).toEqual(plain(parseJson(text)));
        }
        const texts = events.flatMap((each) => ("payload" in each ? [each.payload] : [])).filter((payload) => payload !== null);
        const found = kept(scan(bodies[1] as string)?.variables);
        for (const payload of texts) expect(found).toContain(JSON.stringify(payload));
      }),
    );
  });

  it("keeps number tokens, escapes, the order of keys and names that stand twice, and takes white space out", () => {
    const payload = '{ "b": 1.50, "a": [12345678901234567890, "\\u00e9"],\n "2": 1, "1": 2, "1": 1e400 }';
    const found = scan(body(ONE, `{"input": {"type": "a.b", "payload": ${payload}, "previous": null, "entityId": "7"}}`));
    const input = found?.variables?.["input"] as Record<string, unknown>;
    expect(input).toEqual({ type: "a.b", payload: new WrittenJson(compact(payload)), previous: null, entityId: "7" });
    // Whoever shows it shows the value.
    expect(JSON.stringify(input["payload"])).toBe('{"1":1e400,"2":1,"b":1.50,"a":[12345678901234567890,"é"]}');
  });

  it("reads an event's variable within the list, and in a fragment", () => {
    const listed = `mutation ($event: EmitEventInput!) { emitEvents(input: {events: [$event, $event]}) ${ANSWER} }`;
    const inFragment = `mutation ($event: EmitEventInput!) { ...F } fragment F on Mutation { emitEvent(input: $event) ${ANSWER} }`;
    for (const query of [listed, inFragment])
      expect(kept(scan(body(query, '{"event":{"type":"a","payload":{"b":1.0}}}'))?.variables)).toEqual(['{"b":1.0}']);
  });

  it("takes one event where a list is asked for, null, and what does not fit: execution says so", () => {
    expect(scan(body(LIST, '{"events":{"type":"a"}}'))?.variables).toEqual({ events: { type: "a" } });
    expect(scan(body(LIST, '{"events":null}'))?.variables).toEqual({ events: null });
    expect(scan(body(LIST, '{"events":[1,{"type":2}]}'))?.variables).toEqual({ events: [1, { type: 2 }] });
    expect(scan(body(LIST, "null"))).toBeUndefined();
  });

  it.each([
    ["another operation", body("query { viewer { role } }", "{}")],
    ["one that speaks of it only", body("query { a: viewer { role } # emitEvent\n }", "{}")],
    ["no variables of events", body('mutation { emitEvent(input: {type: "a"}) { __typename } }', "{}")],
    ["two operations", body(`${ONE} query Other { viewer { role } }`, '{"input":{"type":"a"}}')],
    ["a syntax error", body(`${ONE} }`, '{"input":{"type":"a"}}')],
    ["a type that is not there", body(ONE.replace("EmitEventInput", "EmitEventInputs"), '{"input":{"type":"a"}}')],
    ["variables before the query", `{"variables":{"input":{"type":"a"}},"query":${JSON.stringify(ONE)}}`],
    ["a variable that is not declared", body(ONE, '{"input":{"type":"a"},"other":1}')],
    ["a variable twice", body(ONE, '{"input":{"type":"a"},"input":{"type":"a"}}')],
    ["a field that events have not", body(ONE, '{"input":{"type":"a","colour":1}}')],
    ["a field twice", body(ONE, '{"input":{"type":"a","type":"b"}}')],
    ["__proto__ in an event", body(ONE, '{"input":{"type":"a","__proto__":{}}}')],
    ["__proto__ beside the variables", body(ONE, '{"input":{"type":"a"}}', ',"__proto__":{}')],
    ["a key of its own", body(ONE, '{"input":{"type":"a"}}', ',"status":200')],
    ["a list", `[${body(ONE, '{"input":{"type":"a"}}')}]`],
    ["something behind it", `${body(ONE, '{"input":{"type":"a"}}')} 1`],
    ["no JSON", body(ONE, '{"input":{"type":"a","payload":01}}')],
    ["a byte order mark", `\ufeff${body(ONE, '{"input":{"type":"a"}}')}`],
    ["nothing", ""],
    ["half a pair", body(ONE, '{"input":{"type":"a","payload":"\\ud800"}}')],
    ["NUL", body(ONE, '{"input":{"type":"a","payload":"\\u0000"}}')],
    ["a payload deeper than 64", body(ONE, `{"input":{"type":"a","payload":${"[".repeat(65)}${"]".repeat(65)}}}`)],
    [
      "10 000 members in one payload",
      body(ONE, `{"input":{"type":"a","payload":{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":1`)}}}}`),
    ],
    ["more values than a body may have", body(LIST, `{"events":[${'{"type":"a","payload":[1,2,3,4,5]},'.repeat(20_000)}{"type":"a"}]}`)],
    ["more raw numbers than a body may have", body(ONE, `{"input":{"type":"a","scope":[${"1.0,".repeat(50_001)}1]}}`)],
    [
      "the same in two events",
      body(LIST, `{"events":[${Array.from({ length: 2 }, () => `{"type":"a","scope":{"s":[${"-0,".repeat(25_001)}1]}}`)}]}`),
    ],
    ...WITHIN_JSON.map((query): [string, string] => [query, body(query, '{"event":{"type":"a","payload":{"$in":1}}}')]),
    [
      "an event within JSON in a fragment",
      body(
        'mutation ($event: EmitEventInput!) { ...F } fragment F on Mutation { emitEvent(input: {type: "a", scope: {s: $event}}) { __typename } }',
        '{"event":{"type":"a"}}',
      ),
    ],
    ["an event in a directive", body(ONE.replace("{ __typename }", "{ __typename @include(if: $input) }"), '{"input":{"type":"a"}}')],
  ])("leaves to the general reader: %s", (_what, text) => {
    expect(scan(text)).toBeUndefined();
  });

  it("leaves to the general reader: no UTF-8", () => {
    const bytes = Buffer.from(body(ONE, '{"input":{"type":"aé"}}'));
    bytes[bytes.indexOf(0xc3)] = 0xff;
    expect(scanOperation(bytes)).toBeUndefined();
  });
});
