/**
 * `multipleOf`, judged by decimals: of the doubles 1234567.89 and 0.01 the quotient is no whole number, and that of 1.000000001 and 1 is
 * nearly one. A double stands for the shortest decimal that reads as it, which is what was written unless that has more digits than a
 * double keeps: JSON.parse has rounded 9007199254740993, and 0.1000000000000000000001, before they come here.
 */
import { type Ajv, _ as code, type FuncKeywordDefinition, str } from "ajv";
import { isMultipleOf } from "../../wire/decimal.ts";

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
  compile: isMultipleOf,
};

export function judgeMultiplesByDecimals(ajv: Ajv): Ajv {
  return ajv.removeKeyword("multipleOf").addKeyword(KEYWORD);
}
