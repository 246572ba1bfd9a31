/**
 * `multipleOf`, judged by decimals: of the doubles 1234567.89 and 0.01 the quotient is no whole number, and that of 1.000000001 and 1 is
 * nearly one. A double stands for the shortest decimal that reads as it, which is what was written unless that has more digits than a
 * double keeps: JSON.parse has rounded 9007199254740993, and 0.1000000000000000000001, before they come here.
 */
import { type Ajv, _ as code, type FuncKeywordDefinition, str } from "ajv";
import { isMultipleOf } from "../../wire/decimal.ts";

/** Of the multiple: what is left over where 0.1 + 0.2 was computed, and nothing that somebody wrote. */
const ROUNDING = 1e-9;

/** A sum that its publisher computed in floating point and wrote unrounded, 0.30000000000000004, has always been taken for 0.3. */
function isRounded(value: number, multiple: number): boolean {
  const most = 4 * Number.EPSILON * Math.abs(value);
  return most <= ROUNDING * multiple && Math.abs(value - Math.round(value / multiple) * multiple) <= most;
}

function judgeBy(multiple: number): (value: number) => boolean {
  const isExact = isMultipleOf(multiple);
  return (value) => isExact(value) || isRounded(value, multiple);
}

/** In Ajv's words: mistakes that are stored or shown stay as they are. */
const KEYWORD: FuncKeywordDefinition = {
  keyword: "multipleOf",
  type: "number",
  schemaType: "number",
  errors: false,
  error: {
    message: ({ schemaCode }) => str`must be multiple of ${schemaCode}`,
    params: ({ schemaCode }) => code`{multipleOf: ${schemaCode}}`,
  },
  compile: judgeBy,
};

export function judgeMultiplesByDecimals(ajv: Ajv): Ajv {
  return ajv.removeKeyword("multipleOf").addKeyword(KEYWORD);
}
