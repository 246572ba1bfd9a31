/** Secrets at rest: what is bound to what, and what a wrong key, place or byte does. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createVault, hashToken, looksWhole, newToken, VaultError } from "../src/vault.ts";

const key = (id: string, byte: number) => ({ id, key: Buffer.alloc(32, byte) });
const PLACE = "organization/definition/signing/1";
const bytesOf = (sealed: string) => Buffer.from(sealed.split(".")[2] as string, "base64url");

describe("a sealed secret", () => {
  const vault = createVault([key("a", 1)]);

  it("opens where it was sealed, whatever it holds", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 500 }), (text) => vault.open(vault.seal(text, PLACE), PLACE) === text));
  });

  it("names its key, and never looks the same twice", () => {
    const [one, other] = [vault.seal("secret", PLACE), vault.seal("secret", PLACE)];
    expect(one).toMatch(/^v1\.a\.[A-Za-z0-9_-]+$/);
    expect(bytesOf(one).subarray(0, 12)).not.toEqual(bytesOf(other).subarray(0, 12));
  });

  it("opens nowhere else: it is bound to organization, definition and version", () => {
    const sealed = vault.seal("secret", PLACE);
    for (const place of ["other/definition/signing/1", "organization/other/signing/1", "organization/definition/signing/2", ""]) {
      expect(() => vault.open(sealed, place)).toThrow(VaultError);
    }
  });

  it("does not open when a bit was changed or bytes are missing, a shorter tag included", () => {
    const sealed = vault.seal("a secret", PLACE);
    const bytes = bytesOf(sealed);
    const withBytes = (changed: Buffer) => `v1.a.${changed.toString("base64url")}`;
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] as number) ^ 1;
      expect(() => vault.open(withBytes(changed), PLACE)).toThrow(VaultError);
      expect(() => vault.open(withBytes(bytes.subarray(0, i)), PLACE)).toThrow(VaultError);
    }
  });

  it("says nothing of the secret or the key when it does not open", () => {
    const other = createVault([key("a", 2)]);
    const error = (() => {
      try {
        return other.open(vault.seal("CANARY", PLACE), PLACE);
      } catch (thrown) {
        return String(thrown);
      }
    })();
    expect(error).toContain("HOOKLINE_MASTER_KEY");
    expect(error).not.toContain("CANARY");
  });
});

describe("several master keys", () => {
  it("the first seals, all open; what another sealed is due for rekey", () => {
    const old = createVault([key("old", 1)]).seal("secret", PLACE);
    const both = createVault([key("new", 2), key("old", 1)]);
    expect(both.open(old, PLACE)).toBe("secret");
    expect([both.isCurrent(old, PLACE), both.isCurrent(both.seal("secret", PLACE), PLACE)]).toEqual([false, true]);
    expect(() => createVault([key("new", 2)]).open(old, PLACE)).toThrow(/no master key "old"/);
  });

  it("what a key sealed opens under whatever id the key has now, and is due for rekey where another one has its id", () => {
    const sealed = createVault([key("1", 1)]).seal("secret", PLACE);
    for (const keys of [[key("1", 2), key("2", 1)], [key("new", 1)], [key("a", 3), key("b", 1)]]) {
      const vault = createVault(keys);
      expect([vault.open(sealed, PLACE), vault.isCurrent(sealed, PLACE)]).toEqual(["secret", false]);
      const anew = vault.seal(vault.open(sealed, PLACE), PLACE);
      expect(createVault(keys.slice(0, 1)).open(anew, PLACE)).toBe("secret");
    }
    expect(() => createVault([key("1", 2), key("2", 3)]).open(sealed, PLACE)).toThrow(VaultError);
  });
});

describe("tokens", () => {
  it("hold 32 random bytes behind their prefix, and tell a typo by themselves", () => {
    const token = newToken("hkt");
    expect(token).toMatch(/^hkt_[A-Za-z0-9_-]{43}[A-Za-z0-9_-]{6}$/);
    expect(newToken("hkt")).not.toBe(token);
    expect([looksWhole(token, "hkt"), looksWhole(token, "hks"), looksWhole(token.slice(0, -1), "hkt")]).toEqual([true, false, false]);
    expect(
      looksWhole(
        token.replace(/.$/, (last) => (last === "a" ? "b" : "a")),
        "hkt",
      ),
    ).toBe(false);
    expect(hashToken(token)).toHaveLength(32);
  });
});
