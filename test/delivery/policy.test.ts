/** What a definition that says nothing itself is delivered by. */
import { expect, test } from "vitest";
import { policyOf } from "../../src/delivery/plan.ts";

test("B37 a webhook that is ordered NONE has sixteen requests in flight unless it says otherwise; an order has one", () => {
  expect(policyOf("STANDARD", { ordering: "NONE" }).concurrency).toBe(16);
  expect(policyOf("STANDARD", { ordering: "NONE", concurrency: 3 }).concurrency).toBe(3);
  for (const ordering of ["DEFINITION", "KEY"] as const) expect(policyOf("STANDARD", { ordering, concurrency: 9 }).concurrency).toBe(1);
});

test("a dialect whose product has an order of its own kind keeps what that product does", () => {
  for (const dialect of ["STANDARD", "CRMCOM", "DOFORMS", "COTALKER", "SUPEROFFICE"] as const) {
    const policy = policyOf(dialect, {});
    expect(policy.concurrency).toBeGreaterThanOrEqual(1);
    if (policy.ordering !== "NONE") expect(policy.concurrency).toBe(1);
  }
});
