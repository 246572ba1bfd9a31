/** What is kept in memory is bounded by number and by size, and what was used longest ago goes first. */
import { expect, test } from "vitest";
import { Kept } from "../src/kept.ts";

const keysOf = (kept: Kept<string>) => ["a", "b", "c", "d"].filter((key) => kept.get(key) !== undefined).join("");
const filled = (most: ConstructorParameters<typeof Kept>[0], sizes: number[]) => {
  const kept = new Kept<string>(most);
  for (const [at, size] of sizes.entries()) kept.set("abcd"[at] as string, "value", size);
  return kept;
};

test("the oldest go, by number or by size", () => {
  expect(keysOf(filled({ entries: 2, characters: 100 }, [1, 1, 1]))).toBe("bc");
  expect(keysOf(filled({ characters: 100 }, [40, 40, 20]))).toBe("abc");
  expect(keysOf(filled({ characters: 100 }, [40, 40, 21]))).toBe("bc");
  expect(keysOf(filled({ characters: 100 }, [10, 10, 95]))).toBe("c");
});

test("the newest stays, whatever its size, until another comes", () => {
  const kept = filled({ characters: 100 }, [10, 500]);
  expect(keysOf(kept)).toBe("b");
  kept.set("c", "value", 1);
  expect(keysOf(kept)).toBe("c");
});

test("what is used stays; what is only got does not for that", () => {
  const kept = filled({ entries: 2, characters: 100 }, [1, 1]);
  expect([kept.get("a"), kept.use("a"), kept.use("d")]).toEqual(["value", "value", undefined]);
  kept.set("c", "value", 1);
  expect(keysOf(kept)).toBe("ac");
  kept.get("a");
  kept.set("d", "value", 1);
  expect(keysOf(kept)).toBe("cd");
});

test("a size counts as long as its entry is there", () => {
  const kept = filled({ characters: 100 }, [60, 30]);
  kept.set("a", "value", 10);
  kept.set("c", "value", 60);
  expect(keysOf(kept)).toBe("abc");
  kept.delete("c");
  kept.delete("unknown");
  kept.set("d", "value", 60);
  expect(keysOf(kept)).toBe("abd");
  kept.clear();
  kept.set("a", "value", 100);
  expect(keysOf(kept)).toBe("a");
});
