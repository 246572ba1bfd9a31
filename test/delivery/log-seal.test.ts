import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resendable, sealPiece, shownText, shownValues } from "../../src/delivery/log-seal.ts";
import { createVault } from "../../src/vault.ts";

const vault = createVault([{ id: "1", key: Buffer.alloc(32, 1) }]);
const sealer = { vault, organizationId: "o" };
const ORIGIN = "https://a.example";

describe("a sealed piece", () => {
  test("is in clear for whoever may see it, and masked for all others", () => {
    const text = `{"k":${sealPiece(sealer, ORIGIN, '"v\\n"', "JSON")},"t":"x ${sealPiece(sealer, ORIGIN, "y", "TEXT")} z"}`;
    expect(shownText(sealer, text, true)).toBe('{"k":"v\\n","t":"x y z"}');
    expect(shownText(sealer, text, false)).toBe('{"k":"***","t":"x *** z"}');
    expect(JSON.stringify(shownValues(sealer, { a: text, b: ["c", text] }, false))).not.toContain("v1.");
    expect(text).not.toMatch(/"v\\n"/);
  });

  test("goes to its own origin again, and to no other", () => {
    const text = `a${sealPiece(sealer, ORIGIN, "b", "TEXT")}c`;
    expect(resendable(sealer, text, ORIGIN)).toBe("abc");
    for (const origin of ["http://a.example", "https://a.example:8443", "https://b.example", ""])
      expect(resendable(sealer, text, origin), origin).toBeUndefined();
    expect(resendable({ vault, organizationId: "p" }, text, ORIGIN)).toBeUndefined();
  });

  test("of a key that is gone is masked, and goes nowhere", () => {
    const other = createVault([{ id: "2", key: Buffer.alloc(32, 2) }]);
    const text = sealPiece(sealer, ORIGIN, "b", "TEXT");
    expect(shownText({ vault: other, organizationId: "o" }, text, true)).toBe("***");
    expect(resendable({ vault: other, organizationId: "o" }, text, ORIGIN)).toBeUndefined();
  });

  test("text that only looks like one, or has lone signs, comes through; whatever is sealed comes back", () => {
    const odd = fc.string({ unit: fc.constantFrom("\u0004", "\u0005", "a", ".", "v", "1", '"') });
    fc.assert(
      fc.property(odd, odd, fc.string(), (before, after, value) => {
        if (`${before}${after}`.includes("v1.")) return;
        if (["\u0004", "\u0005"].some((sign) => `${before}${after}`.includes(sign))) {
          expect(shownText(sealer, before + after, true)).toBe(before + after);
          return;
        }
        expect(shownText(sealer, before + sealPiece(sealer, ORIGIN, value, "TEXT") + after, true)).toBe(before + value + after);
      }),
    );
  });
});
