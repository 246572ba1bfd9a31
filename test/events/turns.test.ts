/** Work that keeps the event loop is done in turns. */
import { setImmediate as others } from "node:timers/promises";
import { expect, test } from "vitest";
import { compileCatalog, type MatchDefinition } from "../../src/definitions/match.ts";
import { Turns, withinTurn } from "../../src/events/turns.ts";

const now = () => performance.now();

/** Each step keeps the loop for a millisecond. */
function* steps(count: number): Generator<void, string, void> {
  for (let i = 0; i < count; i++) {
    for (const until = performance.now() + 1; performance.now() < until; );
    yield;
  }
  return "whole";
}

test("a walk that takes longer than a turn is not gone on with at once, and gives way where it is driven whole", async () => {
  expect(withinTurn(steps(2), now(), now)).toBe("whole");
  expect(withinTurn(steps(60), now(), now)).toBeUndefined();
  let turnsOfOthers = 0;
  let over = false;
  const counting = (async () => {
    for (; !over; turnsOfOthers++) await others();
  })();
  expect(await new Turns(now).whole(steps(60))).toBe("whole");
  over = true;
  await counting;
  expect(turnsOfOthers).toBeGreaterThanOrEqual(3);
});

test("a catalogue's walk pauses before each filter and each condition, and finds what a match finds", () => {
  const definition = (number: number, filter: unknown): MatchDefinition => ({
    ...{ id: `d${number}`, number, applicationId: null, dialect: "STANDARD", active: true, eventTypes: ["*"], filter, webServices: [] },
  });
  const rule = {
    id: "r",
    entity: "order",
    active: true,
    priority: "LOW",
    createdAt: new Date(0),
    condition: { payload: { a: 1 } },
    definitionIds: ["d3"],
  } as const;
  const matcher = compileCatalog([definition(1, null), definition(2, { payload: { a: 1 } }), definition(3, { payload: { a: 2 } })], [rule]);
  const event = {
    type: "a.b",
    entity: "order",
    entityId: null,
    payload: '{"a":1}',
    scope: null,
    actor: null,
    changes: [],
    applicationId: null,
  };
  const walk = matcher.walk(event);
  let pauses = 0;
  let step = walk.next();
  for (; !step.done; step = walk.next()) pauses += 1;
  expect(pauses).toBe(3);
  expect(step.value).toEqual(matcher.match(event));
  expect(step.value.map(({ definitionId }) => definitionId)).toEqual(["d3", "d1", "d2"]);
});
