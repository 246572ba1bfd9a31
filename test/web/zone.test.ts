/** Clocks of zones: what is shown is what is taken, also about a change of summer time. Pure. */
import { expect, test } from "vitest";
import { instantOf, setZone, wallText, zoneName } from "../../src/web/components/zone.ts";
import { fitting, type Hit, isId, isTypePattern, numberIn } from "../../src/web/search/hit.ts";

test("a zone's clock is shown and taken to the second, with its name at that moment", () => {
  const cases: [zone: string, wall: string, instant: string, name: string][] = [
    ["UTC", "2026-11-28T06:53:07", "2026-11-28T06:53:07.000Z", "UTC"],
    ["Europe/Vienna", "2026-11-28T06:53:07", "2026-11-28T05:53:07.000Z", "CET"],
    ["Europe/Vienna", "2026-07-01T00:00:00", "2026-06-30T22:00:00.000Z", "CEST"],
    ["Asia/Kolkata", "2026-01-01T00:00:00", "2025-12-31T18:30:00.000Z", "GMT+5:30"],
    ["America/New_York", "2026-03-08T01:59:59", "2026-03-08T06:59:59.000Z", "GMT-5"],
    ["America/New_York", "2026-03-08T03:00:00", "2026-03-08T07:00:00.000Z", "GMT-4"],
    ["Pacific/Kiritimati", "2026-01-01T12:00:00", "2025-12-31T22:00:00.000Z", "GMT+14"],
  ];
  for (const [zone, wall, instant, name] of cases) {
    setZone(zone);
    expect([zone, instantOf(wall), wallText(instant), zoneName(new Date(instant))]).toEqual([zone, instant, wall, name]);
  }
});

test("an hour that summer time leaves out is the one after; no time is none; an unknown zone changes nothing", () => {
  setZone("Europe/Vienna");
  expect(instantOf("2026-03-29T02:30:00")).toBe("2026-03-29T01:30:00.000Z");
  expect([instantOf(""), instantOf("x"), wallText(""), wallText("x")]).toEqual(["", "", "", ""]);
  setZone("Nowhere/Land");
  expect(wallText("2026-11-28T05:53:07Z")).toBe("2026-11-28T06:53:07");
});

test("what the box makes of a text", () => {
  expect(["14", "#14", "x14", "14.5", ""].map(numberIn)).toEqual([14, 14, undefined, undefined, undefined]);
  expect([isId(`evt_${"0a".repeat(16)}`), isId("evt_1"), isTypePattern("order.*"), isTypePattern("order")]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  const hit = (title: string, note = "", also = ""): Hit => ({ key: title, group: "Pages", title, note, also, run: () => undefined });
  const hits = [hit("Reorder"), hit("Order desk", "order_desk"), hit("Log", "", "orders"), hit("Order")];
  expect(fitting(hits, "order").map(({ title }) => title)).toEqual(["Order", "Order desk", "Log", "Reorder"]);
  expect(fitting(hits, "desk order").map(({ title }) => title)).toEqual(["Order desk"]);
});
