/** The rows of a portal's log, without a browser: what is not loaded stays away until its page comes. */
import { expect, test } from "vitest";
import type { PortalRow } from "../../src/web/portal/documents.ts";
import { withPage, withRow } from "../../src/web/portal/rows.ts";

const row = (number: number, state: PortalRow["state"] = "DELIVERED") =>
  ({ id: `req_${String(number).padStart(4, "0")}`, number, state }) as PortalRow;
const span = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, n) => row(from - n));
const numbers = ({ rows }: { rows: readonly PortalRow[] }) => rows.map((each) => each.number);

test("an update of a row below the last is left out while there are older ones to load", () => {
  const loaded = { rows: span(60, 51), older: "after 51" };
  expect(numbers(withRow(loaded, row(5)))).toEqual(numbers(loaded));
  expect(numbers(withRow(loaded, row(61)))).toEqual([61, ...numbers(loaded)]);
  expect(withRow(loaded, row(51, "REJECTED")).rows.at(-1)).toMatchObject({ number: 51, state: "REJECTED" });
  expect(numbers(withRow({ ...loaded, older: null }, row(5)))).toEqual([...numbers(loaded), 5]);
  expect(numbers(withRow({ rows: [], older: null }, row(1)))).toEqual([1]);
});

test("a page of older ones writes over nothing that came live, before or while it was on its way", () => {
  const loaded = withRow({ rows: span(60, 51), older: "after 51" }, row(51, "REJECTED"));
  const after = withPage(loaded, { rows: span(51, 41), older: "after 41" }, [row(45, "SENDING"), row(7)]);
  expect(numbers(after)).toEqual(numbers({ rows: span(60, 41) }));
  expect(after.rows.find((each) => each.number === 51)?.state).toBe("REJECTED");
  expect(after.rows.find((each) => each.number === 45)?.state).toBe("SENDING");
  expect(after.older).toBe("after 41");
});
