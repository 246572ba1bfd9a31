/** The rule by which everything that runs out is shared. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Owner, Shares } from "../../../src/delivery/fairness/shares.ts";

const CAPACITY = 120;
const FLOOR = 8;
const owner = (organizationId: string, definitionId = "d"): Owner => ({ organizationId, definitionId });
const fill = (shares: Shares, who: Owner): number => {
  let taken = 0;
  for (; shares.may(who); taken++) shares.take(who);
  return taken;
};

test("one alone gets a third as one definition, and something is free for the next", () => {
  const shares = new Shares(CAPACITY, FLOOR);
  expect(fill(shares, owner("a"))).toBe(CAPACITY / 3);
  expect(fill(shares, owner("a", "other"))).toBeGreaterThan(FLOOR);
  expect(fill(shares, owner("b"))).toBeGreaterThan(FLOOR);
});

test("B20 whoever holds nothing gets something, however many hold whatever they could get", () => {
  const grab = fc.record({ organization: fc.nat({ max: 30 }), definition: fc.nat({ max: 20 }), times: fc.integer({ min: 1, max: 200 }) });
  fc.assert(
    fc.property(fc.array(grab, { maxLength: 60 }), (grabs) => {
      const shares = new Shares(CAPACITY, FLOOR);
      for (const { organization, definition, times } of grabs) {
        const who = owner(`o${organization}`, `d${definition}`);
        for (let i = 0; i < times && shares.may(who); i++) shares.take(who);
      }
      expect(shares.may(owner("new"))).toBe(true);
      expect(shares.used).toBeLessThanOrEqual(CAPACITY * 2);
      for (const { organization } of grabs) expect(shares.ofOrganization(`o${organization}`)).toBeLessThanOrEqual(CAPACITY * 0.75);
    }),
  );
});

test("a second definition of a tenant whose first took all it could gets its own", () => {
  const shares = new Shares(CAPACITY, FLOOR);
  fill(shares, owner("a", "hung"));
  expect(shares.may(owner("a", "well"))).toBe(true);
  expect(fill(shares, owner("a", "well"))).toBeGreaterThanOrEqual(FLOOR);
});

test("what is given back is free again, and nobody is remembered who holds nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 }), fc.integer({ min: 1, max: 50 })), { maxLength: 40 }), (taken) => {
      const shares = new Shares(CAPACITY, FLOOR);
      for (const [o, d, amount] of taken) shares.take(owner(`o${o}`, `d${d}`), amount);
      expect(shares.used).toBe(taken.reduce((sum, [, , amount]) => sum + amount, 0));
      for (const [o, d, amount] of taken) shares.give(owner(`o${o}`, `d${d}`), amount);
      expect(shares.used).toBe(0);
      expect(fill(shares, owner("a"))).toBe(CAPACITY / 3);
    }),
  );
});

test("an amount larger than all is given to whoever holds nothing, one at a time", () => {
  const shares = new Shares(CAPACITY, FLOOR);
  expect(shares.may(owner("a"), CAPACITY * 3)).toBe(true);
  shares.take(owner("a"), CAPACITY * 3);
  expect(shares.may(owner("a"), 1)).toBe(false);
  shares.give(owner("a"), CAPACITY * 3);
  expect(shares.may(owner("a"), CAPACITY * 3)).toBe(true);
});
