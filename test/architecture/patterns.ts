/**
 * Regular expressions that take more than linear time on some input: nested quantifiers, quantifiers that stand beside each
 * other and take the same characters, and unanchored ones that are tried anew from every place (found by scslre); and
 * repeated groups whose alternatives begin alike, so that a text can be taken apart in more than one way.
 */
import { type AST, RegExpParser, visitRegExpAST } from "@eslint-community/regexpp";
import { getFirstConsumedChar, type ReadonlyFlags } from "regexp-ast-analysis";
import { analyse } from "scslre";
import type { Rule } from "./rules.ts";

/** A repeated group of which two alternatives may begin with the same character. */
function ambiguous(source: string, flags: string): boolean {
  const parser = new RegExpParser();
  const mode = { unicode: flags.includes("u"), unicodeSets: flags.includes("v") };
  const pattern = parser.parsePattern(source, 0, source.length, mode);
  const read = parser.parseFlags(flags) as ReadonlyFlags;
  let repeated = 0;
  let found = false;
  const judge = ({ alternatives }: AST.Group | AST.CapturingGroup) => {
    const first = alternatives.map((alternative) => getFirstConsumedChar(alternative, "ltr", read));
    if (repeated > 0) found ||= first.some(({ char }, i) => first.slice(i + 1).some((other) => !char.isDisjointWith(other.char)));
  };
  const step = (by: number) => (quantifier: AST.Quantifier) => {
    if (quantifier.max === Number.POSITIVE_INFINITY) repeated += by;
  };
  visitRegExpAST(pattern, {
    onQuantifierEnter: step(1),
    onQuantifierLeave: step(-1),
    onGroupEnter: judge,
    onCapturingGroupEnter: judge,
  });
  return found;
}

/** @returns why a pattern may take more than linear time; undefined when it never does */
export function superLinear(source: string, flags: string): string | undefined {
  const { reports } = analyse({ source, flags }, { reportTypes: { Move: true, Self: true, Trade: true } });
  if (ambiguous(source, flags)) return `/${source}/${flags} repeats alternatives that begin alike`;
  const [worst] = reports.sort((a, b) => Number(b.exponential) - Number(a.exponential));
  return worst && `/${source}/${flags} takes ${worst.exponential ? "exponential" : "quadratic"} time (${worst.type})`;
}

export const patternsAreLinear: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith("src/"))
    .flatMap((file) => [
      ...file.patterns.flatMap(({ source, flags }) => superLinear(source, flags) ?? []).map((why) => `${file.path}: ${why}`),
      // What is put together while the program runs cannot be read here.
      ...file.globals.filter((name) => /^(new )?RegExp\(/.test(name)).map(() => `${file.path}: makes a pattern while it runs`),
    ]);
