import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkEventTypePattern,
  compileCatalog,
  isEventType,
  type MatchDefinition,
  type MatchEvent,
  type MatchRule,
} from "../../src/definitions/match.ts";

let made = 0;
function definition(fields: Partial<MatchDefinition> = {}): MatchDefinition {
  made += 1;
  const id = fields.id ?? `d${made}`;
  return {
    id,
    number: made,
    applicationId: null,
    dialect: "STANDARD",
    active: true,
    eventTypes: [],
    filter: null,
    webServices: [],
    ...fields,
  };
}

function rule(fields: Partial<MatchRule> & Pick<MatchRule, "id" | "definitionIds">): MatchRule {
  return { entity: "order", active: true, priority: "MEDIUM", createdAt: new Date(0), condition: null, ...fields };
}

function event(fields: Partial<MatchEvent> = {}): MatchEvent {
  const base = { type: "order.created", entity: "order", entityId: "1", payload: "{}", scope: null, actor: null, changes: [] };
  return { ...base, applicationId: null, ...fields };
}

const idsOf = (definitions: MatchDefinition[], rules: MatchRule[], of: MatchEvent) =>
  compileCatalog(definitions, rules)
    .match(of)
    .map((match) => (match.workflowRuleId ? `${match.workflowRuleId}>${match.definitionId}` : match.definitionId));

const takes = (pattern: string, type: string, fields: Partial<MatchDefinition> = {}) =>
  idsOf([definition({ id: "d", eventTypes: [pattern], ...fields })], [], event({ type })).length === 1;

describe("event types", () => {
  it.each(["order.created", "a", "A_b-c.d", "9.x", "_x", `a${"b".repeat(127)}`, "a..b"])("%s is one", (name) => {
    expect(isEventType(name)).toBe(true);
  });

  it.each(["", ".a", "-a", "a b", "a*", "*", "a.*", "ä", "a\n", `a${"b".repeat(128)}`, "a/b"])("%j is none", (name) => {
    expect(isEventType(name)).toBe(false);
  });

  it.each(["*", "order.*", "order.created", "a.b.*"])("%s is a pattern", (pattern) => {
    expect(checkEventTypePattern(pattern)).toBeUndefined();
  });

  it.each(["", "**", "*.created", "order.*.x", "order*", ".*", "order.**", "or der", "*.*"])("%j is no pattern", (pattern) => {
    expect(checkEventTypePattern(pattern)).toContain("must be an event type");
  });
});

describe("matching by event type", () => {
  it.each([
    ["order.created", "order.created", true],
    ["order.created", "order.Created", false],
    ["order.created", "order.created.now", false],
    ["order.*", "order.created", true],
    ["order.*", "order.line.created", true],
    ["order.*", "order", false],
    ["order.*", "order.", false],
    ["order.*", "orders.created", false],
    ["order.line.*", "order.line.created", true],
    ["order.line.*", "order.created", false],
    ["*", "anything", true],
  ])("%s takes %s: %s", (pattern, type, expected) => {
    expect(takes(pattern, type)).toBe(expected);
  });

  it("B87 reads SuperOffice's events as names, without regard to case: a star is none of a pattern", () => {
    expect(takes("Contact.Created", "contact.created", { dialect: "SUPEROFFICE" })).toBe(true);
    for (const name of ["*", "contact.*", "contact"]) expect(takes(name, "CONTACT.changed", { dialect: "SUPEROFFICE" })).toBe(false);
    expect(takes("Contact.Created", "contact.created")).toBe(false);
  });

  it("makes one match of several patterns, in order of numbers", () => {
    const first = definition({ id: "first", eventTypes: ["*"] });
    const second = definition({ id: "second", eventTypes: ["order.created", "order.*", "*"] });
    const third = definition({ id: "third", eventTypes: ["order.created"] });
    expect(idsOf([third, second, first], [], event())).toEqual(["first", "second", "third"]);
  });

  it("gives a definition that is not active nothing, by its types or by a rule", () => {
    const stopped = definition({ id: "stopped", active: false, eventTypes: ["*"] });
    expect(idsOf([stopped], [rule({ id: "r", definitionIds: ["stopped"] })], event())).toEqual([]);
  });

  it("asks the filter too", () => {
    const rich = definition({ id: "rich", eventTypes: ["order.*"], filter: { payload: { total: { $gt: 100 } } } });
    expect(idsOf([rich], [], event({ payload: '{"total":120}' }))).toEqual(["rich"]);
    expect(idsOf([rich], [], event({ payload: '{"total":100}' }))).toEqual([]);
  });

  it("is a property: the index agrees with a reading of each pattern by itself", () => {
    const segment = fc.constantFrom("a", "b", "A", "ab");
    const type = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("."));
    const pattern = fc.oneof(
      fc.constant("*"),
      type,
      type.map((base) => `${base}.*`),
    );
    const dialect = fc.constantFrom("STANDARD" as const, "SUPEROFFICE" as const);
    const reads = (one: string, name: string) => one === "*" || (one.endsWith(".*") ? name.startsWith(one.slice(0, -1)) : one === name);
    fc.assert(
      fc.property(
        fc.array(fc.record({ dialect, eventTypes: fc.array(pattern, { maxLength: 3 }) }), { maxLength: 8 }),
        type,
        (drafts, name) => {
          const definitions = drafts.map((draft) => definition(draft));
          const expected = definitions.filter(({ eventTypes, dialect }) =>
            eventTypes.some((one) => (dialect === "SUPEROFFICE" ? one.toLowerCase() === name.toLowerCase() : reads(one, name))),
          );
          expect(idsOf(definitions, [], event({ type: name }))).toEqual(expected.map(({ id }) => id));
        },
      ),
    );
  });

  it("does not ask definitions that an event does not concern", () => {
    const filter = { payload: { n: 1 } };
    const others = Array.from({ length: 10_000 }, (_, i) => definition({ eventTypes: [`other.${i}`, `family${i}.*`], filter }));
    const catalog = compileCatalog([...others, definition({ id: "mine", eventTypes: ["order.created"] })], []);
    let read = 0;
    const watched = { ...event(), payload: "" };
    Object.defineProperty(watched, "payload", {
      get: () => {
        read += 1;
        return '{"n":1}';
      },
    });
    expect(catalog.match(watched)).toEqual([{ definitionId: "mine", workflowRuleId: null }]);
    expect(read).toBe(0);
    expect(catalog.match({ ...event({ type: "other.7" }), payload: '{"n":1}' })).toHaveLength(1);
  });
});

describe("workflow rules", () => {
  const a = definition({ id: "a", eventTypes: [] });
  const b = definition({ id: "b", eventTypes: [] });
  const c = definition({ id: "c", eventTypes: ["order.created"] });

  it("run HIGH, MEDIUM, LOW, then oldest first, then what matches by itself", () => {
    const rules = [
      rule({ id: "low", priority: "LOW", definitionIds: ["b"] }),
      rule({ id: "young", createdAt: new Date(2), definitionIds: ["a"] }),
      rule({ id: "old", createdAt: new Date(1), definitionIds: ["b"] }),
      rule({ id: "high", priority: "HIGH", createdAt: new Date(3), condition: { payload: { vip: true } }, definitionIds: ["b"] }),
    ];
    expect(idsOf([a, b, c], rules, event())).toEqual(["old>b", "young>a", "c"]);
    expect(idsOf([a, b, c], rules, event({ payload: '{"vip":true}' }))).toEqual(["high>b", "young>a", "c"]);
  });

  it("trigger in the order in which they name their definitions", () => {
    expect(idsOf([a, b, c], [rule({ id: "r", definitionIds: ["c", "a", "b"] })], event())).toEqual(["r>c", "r>a", "r>b"]);
  });

  it("win over the definition's own event types and filter, which then play no part", () => {
    const picky = definition({ id: "picky", eventTypes: ["order.created"], filter: { payload: { never: true } } });
    expect(idsOf([picky], [rule({ id: "r", definitionIds: ["picky"] })], event())).toEqual(["r>picky"]);
  });

  it("need the same entity, a true condition, and to be active", () => {
    const of = (fields: Partial<MatchRule>) => idsOf([a], [rule({ id: "r", definitionIds: ["a"], ...fields })], event());
    expect(of({})).toEqual(["r>a"]);
    expect(of({ entity: "Order" })).toEqual([]);
    expect(of({ condition: { payload: { amount: { $gt: 1 } } } })).toEqual([]);
    expect(of({ active: false })).toEqual([]);
    expect(idsOf([a], [rule({ id: "r", definitionIds: ["a"] })], event({ entity: null }))).toEqual([]);
  });
});

describe("doForms", () => {
  const service = { form: "f1", project: "p1", events: ["added", "status"] };
  const web = definition({ id: "web", dialect: "DOFORMS", eventTypes: ["record.*"], webServices: [service] });
  const of = (type: string, scope: Record<string, unknown> | null) => idsOf([web], [], event({ type, scope }));

  it("fires for the form and project of the web service, and the events it chose", () => {
    expect(of("record.created", { form: "f1", project: "p1" })).toEqual(["web"]);
    expect(of("record.status_changed", { form: "f1", project: "p1" })).toEqual(["web"]);
    expect(of("record.updated", { form: "f1", project: "p1" })).toEqual([]);
    expect(of("record.created", { form: "f1", project: "p2" })).toEqual([]);
    expect(of("record.created", { form: "f2", project: "p1" })).toEqual([]);
    expect(of("record.created", { form: "f1" })).toEqual([]);
    expect(of("record.created", null)).toEqual([]);
    expect(of("record.constructor", { form: "f1", project: "p1" })).toEqual([]);
  });

  it("matches like any other without a web service", () => {
    const plain = definition({ id: "plain", dialect: "DOFORMS", eventTypes: ["record.*"] });
    expect(idsOf([plain], [], event({ type: "record.updated" }))).toEqual(["plain"]);
  });
});

it("a catalogue's walk pauses before each filter and each condition, and finds what a match finds", () => {
  const definitions = [
    definition({ id: "d1", number: 1, eventTypes: ["*"] }),
    definition({ id: "d2", number: 2, eventTypes: ["*"], filter: { payload: { a: 1 } } }),
    definition({ id: "d3", number: 3, eventTypes: ["*"], filter: { payload: { a: 2 } } }),
  ];
  const matcher = compileCatalog(definitions, [
    rule({ id: "r", entity: "order", condition: { payload: { a: 1 } }, definitionIds: ["d3"] }),
  ]);
  const given = { ...event({ type: "a.b", entity: "order" }), payload: '{"a":1}' };
  const walk = matcher.walk(given);
  let pauses = 0;
  let step = walk.next();
  for (; !step.done; step = walk.next()) pauses += 1;
  expect(pauses).toBe(3);
  expect(step.value).toEqual(matcher.match(given));
  expect(step.value.map(({ definitionId }) => definitionId)).toEqual(["d3", "d1", "d2"]);
});
