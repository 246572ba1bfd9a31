import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanEvents } from "../../../src/api/rest/scan-events.ts";
import { compact, elements, members } from "../../../src/wire/json-text.ts";
import { event } from "../../helpers/arbitrary-event.ts";

const scan = (text: string, most = 1_000) => scanEvents(Buffer.from(text), most);

const indents = fc.constantFrom(undefined, 2, "\t");
/** As the general reader has it. */
function read(text: string) {
  const parts = members(text);
  const parsed = JSON.parse(text) as Record<string, unknown>;
  const { payload: _payload, previous: _previous, ...value } = parsed;
  const named = (name: "payload" | "previous" | "scope", of: (source: string) => string) => {
    const source = parts?.get(name);
    return source === undefined ? {} : { [name]: of(source) };
  };
  return { value, sources: { ...named("payload", compact), ...named("previous", compact), ...named("scope", (source) => source) } };
}

describe("scanEvents", () => {
  it("gives what the general reader gives, of one event and of many", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 4 }), indents, (events, indent) => {
        const [text, first] = [JSON.stringify(events, null, indent), JSON.stringify(events[0] ?? { type: "a" }, null, indent)];
        const one = scan(first);
        const many = scan(text);
        // Halves of pairs are left to the general reader, which refuses them.
        fc.pre(one !== undefined && many !== undefined);
        expect(one).toEqual({ many: false, events: [read(first)] });
        expect(many).toEqual({ many: true, events: (elements(text) as string[]).map(read) });
      }),
    );
  });

  it.each([
    ["a field that events have not", '{"type":"a","colour":1}'],
    ["a field twice", '{"type":"a","type":"b"}'],
    ["__proto__", '{"type":"a","__proto__":{}}'],
    ["no object", "[1]"],
    ["something behind it", '{"type":"a"} {}'],
    ["no JSON", '{"type":"a","payload":{"a":01}}'],
    ["no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["a byte order mark", '\ufeff{"type":"a"}'],
    ["nothing", ""],
    ["half a pair", '{"type":"a","payload":"\\ud800"}'],
    ["10 000 members in one object", `{"type":"a","payload":{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":1`).join(",")}}}`],
    ["more values than a body may have", `[{"type":"a","payload":[${"1,".repeat(300_000)}1]}]`],
    ["more events than a call may have", `[${'{"type":"a"},'.repeat(3)}{"type":"a"}]`, 3],
  ])("leaves to the general reader: %s", (_what, body, most = 1_000) => {
    expect(scanEvents(Buffer.from(body), most)).toBeUndefined();
  });

  it("takes an empty list, and as many events as a call may have", () => {
    expect(scan("[]")).toEqual({ many: true, events: [] });
    expect(scan(`[${'{"type":"a"},'.repeat(2)}{"type":"a"}]`, 3)?.events).toHaveLength(3);
  });
});
