import { describe, expect, test } from "vitest";
import { createPace, type Pace } from "../../../src/delivery/fairness/pace.ts";
import { createPlaces } from "../../../src/delivery/fairness/places.ts";

/** A loop that is busy for `busy` of its time; `pass` lets time go by in which others deliver and a backlog takes all that it may. */
function world() {
  let now = 0;
  let busy = 0;
  const loop = (() => ({ idle: 0, active: 0, utilization: busy })) as never;
  const pace = createPace(() => now, loop);
  const pass = (ms: number, { others = 0, most = Number.POSITIVE_INFINITY } = {}) => {
    let begun = 0;
    for (let at = 0; at < ms; at += 10) {
      now += 10;
      for (let i = 0; i < others / 100; i++) pace.other();
      const count = Math.min(pace.left(), most / 100);
      pace.began(count);
      begun += count;
    }
    return Math.round((begun * 1_000) / ms);
  };
  return {
    pace,
    pass,
    load(share: number) {
      busy = share;
    },
  };
}

describe("the pace of backlogs", () => {
  test("nobody else is there: however busy the loop is, there is none", () => {
    const { pass, load, pace } = world();
    load(1);
    expect(pass(3_000, { most: 5_000 })).toBe(5_000);
    expect(pace.left()).toBe(Number.POSITIVE_INFINITY);
  });

  test("somebody is there and the loop is busy: it falls at once, to no less than the others do, and rises when the loop has time", () => {
    const { pass, load } = world();
    load(1);
    pass(1_000, { most: 5_000 });
    pass(200, { others: 100, most: 5_000 });
    expect(pass(100, { others: 100, most: 5_000 })).toBeLessThan(1_000);
    const low = pass(1_000, { others: 100, most: 5_000 });
    expect(low).toBeGreaterThanOrEqual(90);
    expect(low).toBeLessThan(150);
    load(0.2);
    pass(1_000, { others: 100, most: 5_000 });
    expect(pass(500, { others: 100, most: 5_000 })).toBeGreaterThan(low * 2);
  });

  test("never below what the others do: a busy neighbour starves no backlog", () => {
    const { pass, load } = world();
    load(1);
    pass(5_000, { others: 1_000, most: 5_000 });
    const share = pass(1_000, { others: 1_000, most: 5_000 });
    expect(share).toBeGreaterThan(800);
    expect(share).toBeLessThan(1_300);
  });

  test("the others have gone: there is none again", () => {
    const { pass, load, pace } = world();
    load(1);
    pass(3_000, { others: 100, most: 5_000 });
    expect(pace.left()).toBeLessThan(100);
    pass(2_500, { most: 5_000 });
    expect(pace.left()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("places and the pace", () => {
  const slow: Pace & { others: number; began_: number } = {
    others: 0,
    began_: 0,
    left: () => 3 - slow.began_,
    began(count) {
      slow.began_ += count;
    },
    other() {
      slow.others += 1;
    },
  };
  const owner = (name: string) => ({ organizationId: name, definitionId: `${name}-webhook` });

  test("256 waiting lanes are a backlog, and begin at its pace; fewer do not; who has one is nobody's neighbour", () => {
    const places = createPlaces({ places: 4_000, connections: 4_000 }, slow);
    for (const name of ["behind", "light"]) places.learn(`${name}-webhook`, `${name}.test`);
    for (let i = 0; i < 300; i++) places.offer(`behind/${i}`, owner("behind"));
    for (let i = 0; i < 200; i++) places.offer(`light/${i}`, owner("light"));
    places.settled("behind");
    places.settled("light");
    expect(slow.others).toBe(1);
    const taken = places.next(1_000).map(({ ref }) => ref.split("/")[0]);
    expect([taken.filter((name) => name === "light").length, taken.filter((name) => name === "behind").length]).toEqual([200, 3]);
    expect([places.takePaced(), places.takePaced()]).toEqual([true, false]);
    slow.began_ = 0;
    expect(places.next(1_000)).toHaveLength(3);
    expect(places.takePaced()).toBe(true);
    for (let i = 0; i < 60; i++) places.withdraw(`behind/${i}`);
    // 300 - 6 - the rest of the 60: no backlog any more.
    expect(places.stats.waiting).toBeLessThan(256);
    expect(places.next(1_000).length).toBeGreaterThan(200);
    expect(places.takePaced()).toBe(false);
  });
});
