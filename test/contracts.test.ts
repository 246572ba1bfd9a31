/**
 * Every number of the five products' contracts has a test that is named after it. The contracts are no part of this
 * repository, so their ranges stand here; what each number says is told by the tests and src/api/faces/README.md.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseAst } from "vite";
import { expect, test } from "vitest";

/** The product, the letter of its numbers, and the last of them. */
const CONTRACTS = [
  ["RESULTS.com", "R", 31],
  ["doForms", "D", 20],
  ["Cotalker", "T", 27],
  ["CRM.COM", "C", 35],
  ["SuperOffice", "S", 31],
] as const;

type Node = { type: string; [key: string]: unknown };

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === "string";

const below = (node: Node): Node[] => Object.values(node).flat().filter(isNode);

/** The name at the root of `test`, `test.each(rows)`, `describe.skipIf(x)`. */
function rootOf(callee: Node): string | undefined {
  if (callee.type === "Identifier") return callee["name"] as string;
  const inner = callee["object"] ?? callee["callee"];
  return isNode(inner) ? rootOf(inner) : undefined;
}

function textOf(node: Node | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node["value"] === "string") return node["value"];
  if (node?.type !== "TemplateLiteral") return undefined;
  return (node["quasis"] as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join(" ");
}

/** The texts of `each`'s rows, of which a title with `%s` takes some. */
function rowTexts(callee: Node): string[] {
  const rows = callee.type === "CallExpression" ? ((callee["arguments"] as Node[])[0] ?? callee) : callee;
  const texts = (node: Node): string[] => (node.type === "ArrayExpression" ? below(node).flatMap(texts) : [textOf(node) ?? ""]);
  return rows.type === "ArrayExpression" ? texts(rows) : [];
}

/** The whole titles of the tests below a node: their groups' and their own. A group without a test proves nothing. */
function titlesBelow(node: Node, groups: string): string[] {
  const [first] = node.type === "CallExpression" ? (node["arguments"] as Node[]) : [];
  const text = textOf(first);
  const kind = node.type === "CallExpression" && text !== undefined ? rootOf(node["callee"] as Node) : undefined;
  if (kind !== "describe" && kind !== "test" && kind !== "it") return below(node).flatMap((each) => titlesBelow(each, groups));
  const title = `${groups} ${text?.includes("%s") ? `${text} ${rowTexts(node["callee"] as Node).join(" ")}` : text}`;
  return kind === "describe" ? below(node).flatMap((each) => titlesBelow(each, title)) : [title];
}

const titlesIn = (source: string): string[] => titlesBelow(parseAst(source, { lang: "ts" }) as unknown as Node, "");

/** The numbers behind a letter in a title: `C3 C4 …` names two of them. */
function numbersIn(title: string, letter: string): number[] {
  return [...title.matchAll(new RegExp(`\\b${letter}([1-9]\\d?)\\b`, "g"))].map((match) => Number(match[1]));
}

const titles = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .flatMap((name) => titlesIn(readFileSync(path.join(import.meta.dirname, name), "utf8")));

test.each(CONTRACTS)("every number of %s has a test: %s1 to %i", (_product, letter, last) => {
  const named = new Set(titles.flatMap((title) => numbersIn(title, letter)));
  const missing = Array.from({ length: last }, (_, i) => i + 1).filter((number) => !named.has(number));
  expect(missing).toEqual([]);
  const unknown = [...named].filter((number) => number > last);
  expect(unknown, "numbers beyond the contract").toEqual([]);
});

test("only whole titles of tests count, and whole numbers", () => {
  const source = `
    // test("C1 in a comment")
    describe("C2 a group", () => { test("C3 C4 two", () => { const text = "C5 a text"; call("C6 another"); }); });
    describe("C7 a group without a test", () => { call("C8"); });
    test.each([["C9 a row", { text: "C10" }]])("%s", (row) => {}); test.each(["C11"])("%i", () => {});
    it(\`C12 \${"C13"} of a template\`, () => {}); test("C111 and XC14 and c15", () => {});`;
  expect(titlesIn(source).flatMap((title) => numbersIn(title, "C"))).toEqual([2, 3, 4, 9, 12]);
});
