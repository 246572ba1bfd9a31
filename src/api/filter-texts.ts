/** Texts that lists are filtered by, bounded at every door: a long one costs Postgres seconds, row by row. Pure. */
import { ValidationError } from "../errors.ts";

/** As long as the longest URL: nothing longer is compared as a whole. */
export const FILTER_CHARACTERS = 2_048;
export const TOO_LONG_FILTER = `must have at most ${FILTER_CHARACTERS} characters`;

/** @throws ValidationError that names each text which is too long */
export function checkFilterTexts(filter: object): void {
  const issues = Object.entries(filter).flatMap(([name, value]) =>
    typeof value === "string" && value.length > FILTER_CHARACTERS ? [{ path: `filter.${name}`, message: TOO_LONG_FILTER }] : [],
  );
  if (issues.length > 0) throw new ValidationError(issues);
}
