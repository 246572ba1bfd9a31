import { expect, test } from "vitest";
import { passwordProblem } from "../../src/passwords/floor.ts";

const names = ["ada@example.com", "lovelace", "Ada Lovelace"];

test.each([
  ["", /at least 12 characters/],
  ["elevenchars", /at least 12 characters/],
  // Twelve code units, six characters.
  ["🐎🔋🧷🎩🚂🌂", /at least 12 characters/],
  ["x".repeat(1_001), /at most 1000/],
  ["aaaaaaaaaaaaaaab", /different characters/],
  ["passwordpassword", /commonest/],
  ["xy7-xy7-xy7-xy", /different characters/],
  ["abcdefghijklmn", /run along/],
  ["9876543210987654", /run along/],
  ["qwertyuiopasdfgh", /run along/],
  ["lovelace2026", /more than the e-mail/],
  ["ada@example.com", /more than the e-mail/],
  ["ADA@EXAMPLE.COM1", /more than the e-mail/],
  ["password1234", /commonest/],
  ["Password1234!", /commonest/],
  ["iloveyou1234", /commonest/],
  ["1q2w3e4r5t6y", /commonest/],
  ["administrator", /commonest/],
  ["with\0a NUL in it", /NUL/],
])("B62 %j is refused", (password, words) => {
  expect(passwordProblem(password, names)).toMatch(words);
});

test.each([
  "analytical-engine",
  "correct horse battery",
  "difference-engine",
  "Wh4t-a-l0vely-day",
  "пароль из нескольких слов",
  "lovelace wrote the first program",
  "x7Kq2m9Zr4Tb",
  "StaticStaticStatic",
])("B62 %j is good", (password) => {
  expect(passwordProblem(password, names)).toBeUndefined();
});
