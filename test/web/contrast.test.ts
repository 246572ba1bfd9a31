/** Which text stands on the portal's colour. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { contrast, textOn } from "../../src/web/portal/contrast.ts";

test("contrast is WCAG's", () => {
  expect(contrast("#000000", "#ffffff")).toBe(21);
  expect(contrast("#ffffff", "#ffffff")).toBe(1);
  // The grey that is named as the lightest one on white, and one step lighter.
  expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
  expect(contrast("#ffffff", "#777777")).toBeCloseTo(4.48, 2);
});

test("the text is black on light colours and white on dark ones", () => {
  const lightOnes = ["#ffe600", "#ffffff", "#808080", "#ff6600"];
  const darkOnes = ["#1a1a2e", "#000000", "#385ec9", "#c0342b"];
  expect(lightOnes.map(textOn)).toEqual(lightOnes.map(() => "#000000"));
  expect(darkOnes.map(textOn)).toEqual(darkOnes.map(() => "#ffffff"));
});

test("whatever the colour, the text on it has more than AA asks for", () => {
  const color = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, "0")}`);
  fc.assert(fc.property(color, (given) => contrast(given, textOn(given)) > 4.5));
});
