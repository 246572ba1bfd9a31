/** Turns of lanes that wait for a place. */
import { expect, test } from "vitest";
import { createPlaces, type Place, type Places } from "../../../src/delivery/fairness/places.ts";

const LIMITS = { places: 64, connections: 24 };
const owner = (organizationId: string, definitionId: string) => ({ organizationId, definitionId });

function offerMany(places: Places, organizationId: string, definitionId: string, count: number): void {
  for (let i = 0; i < count; i++) places.offer(`${organizationId}/${definitionId}/${i}`, owner(organizationId, definitionId));
}

/** All that get a place now; each is a call to its definition's host. */
function go(places: Places, host: (definitionId: string) => string): { ref: string; place: Place }[] {
  const gone: { ref: string; place: Place }[] = [];
  for (;;) {
    const turns = places.next(1_000);
    const unknown = places.takeUnknown();
    for (const definitionId of unknown) places.learn(definitionId, host(definitionId));
    gone.push(...turns);
    if (turns.length === 0 && unknown.length === 0) return gone;
  }
}

const own = (definitionId: string) => definitionId;
const one = () => "one-host";

test("B20 3 000 lanes of a receiver that hangs: another tenant's new lane has its place at once, on the same host too", () => {
  for (const host of [own, one]) {
    const places = createPlaces(LIMITS);
    offerMany(places, "hung", "h", 3_000);
    const hung = go(places, host);
    expect(hung.length).toBeGreaterThan(4);
    expect(hung.length).toBeLessThanOrEqual(LIMITS.connections);
    expect(places.stats.waiting).toBe(3_000 - hung.length);
    offerMany(places, "new", "n", 1);
    expect(go(places, host).map(({ ref }) => ref)).toEqual(["new/n/0"]);
  }
});

test("B20 another definition of the same tenant as well", () => {
  const places = createPlaces(LIMITS);
  offerMany(places, "a", "hung", 3_000);
  go(places, one);
  offerMany(places, "a", "well", 3);
  expect(go(places, one)[0]?.ref).toBe("a/well/0");
});

test("B20 many organizations that all hang", () => {
  const places = createPlaces(LIMITS);
  for (let o = 0; o < 40; o++) offerMany(places, `o${o}`, `d${o}`, 100);
  go(places, own);
  offerMany(places, "new", "n", 1);
  expect(go(places, own).map(({ ref }) => ref)).toEqual(["new/n/0"]);
});

test("B20 a tenant with many definitions on one host leaves its other hosts alone", () => {
  const places = createPlaces(LIMITS);
  for (let d = 0; d < 200; d++) offerMany(places, "a", `hung${d}`, 10);
  go(places, one);
  offerMany(places, "a", "well", 1);
  expect(go(places, own).map(({ ref }) => ref)).toEqual(["a/well/0"]);
});

test("tenants take turns, and the lanes of one go out in the order in which they came", () => {
  const places = createPlaces(LIMITS);
  offerMany(places, "a", "a", 4);
  offerMany(places, "b", "b", 4);
  offerMany(places, "b", "c", 4);
  const refs = go(places, own).map(({ ref }) => ref);
  expect(refs.slice(0, 12).filter((ref) => ref.startsWith("b/b"))).toEqual([0, 1, 2, 3].map((i) => `b/b/${i}`));
  expect(refs.findIndex((ref) => ref.startsWith("b/c"))).toBeLessThan(refs.lastIndexOf("b/b/3"));
});

test("a place that is given back goes to whoever waits", () => {
  const places = createPlaces(LIMITS);
  offerMany(places, "a", "hung", 100);
  const [first] = go(places, own);
  expect(places.next(10)).toEqual([]);
  places.give((first as { place: Place }).place);
  expect(places.next(10)).toHaveLength(1);
});

test("a lane waits once, and not any more when it is withdrawn", () => {
  const places = createPlaces(LIMITS);
  places.offer("a/1", owner("a", "d"));
  places.offer("a/1", owner("a", "d"));
  expect(places.stats.waiting).toBe(1);
  places.withdraw("a/1");
  expect(go(places, own)).toEqual([]);
});

test("of more lanes than are kept by name it is known that there are more", () => {
  const places = createPlaces({ places: 100_000, connections: 100_000 });
  offerMany(places, "a", "d", 12_000);
  expect(places.stats.waiting).toBe(10_000);
  expect(places.takeMore()).toBe(false);
  expect(go(places, own)).toHaveLength(10_000);
  expect(places.takeMore()).toBe(true);
  expect(places.takeMore()).toBe(false);
});

test("of a definition with enough lanes no more are looked for until they run out, whether they went or were withdrawn", () => {
  const places = createPlaces({ places: 100_000, connections: 100_000 });
  offerMany(places, "a", "few", 9_999);
  expect(places.takeFull()).toEqual([]);
  offerMany(places, "a", "many", 10_000);
  expect(places.takeFull()).toEqual(["many"]);
  // Whoever asked leaves out what there is beyond them.
  for (let i = 0; i < 9_000; i++) places.withdraw(`a/many/${i}`);
  expect(places.takeMore()).toBe(false);
  places.withdraw("a/many/9000");
  expect(places.takeMore()).toBe(true);
  offerMany(places, "b", "more", 10_000);
  expect(places.offer("b/more/beyond", owner("b", "more"))).toBe(false);
  for (let i = 0; i < 10_000; i++) places.withdraw(`b/more/${i}`);
  expect(places.takeMore()).toBe(true);
});

test("names of all definitions are bounded: of those that come beyond them it is known that there are more, and none starves", () => {
  const places = createPlaces({ places: 1_000_000, connections: 1_000_000 });
  for (let d = 0; d < 30; d++) offerMany(places, `o${d}`, `d${d}`, 10_000);
  expect(places.stats.waiting).toBeLessThanOrEqual(110_000);
  expect(places.takeFull()).toContain("d29");
  // Whoever comes now is heard of all the same.
  expect(places.offer("new/n/0", owner("new", "n"))).toBe(true);
  offerMany(places, "new", "n", 2_000);
  expect(places.takeFull()).toContain("n");
  expect(places.takeMore()).toBe(false);
  go(places, own);
  expect(places.takeMore()).toBe(true);
  expect(places.takeFull()).toEqual([]);
});

test("a lane ordered NONE takes further places, and gives back those it does not need", () => {
  const places = createPlaces(LIMITS);
  places.offer("a/1", owner("a", "d"));
  const [turn] = go(places, own);
  const place = (turn as { place: Place }).place;
  let calls = 1;
  while (places.more(place)) calls += 1;
  expect(calls).toBe(LIMITS.connections / 3);
  places.give(place, calls - 1);
  expect(places.stats.used).toBe(1);
  places.give(place);
  expect(places.stats.used).toBe(0);
});
