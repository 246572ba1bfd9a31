/** What an update names: absent stays, null clears, except where there is nothing to clear to. */
import { ValidationError } from "../../errors.ts";

/** @throws ValidationError for a null where the field must have a value */
export function given<Input extends object, Required extends keyof Input & string>(
  changes: Input,
  required: readonly Required[],
): Omit<Input, Required> & { [Name in Required]?: NonNullable<Input[Name]> } {
  const issues = required.filter((name) => changes[name] === null).map((path) => ({ path, message: "must not be null; leave it out" }));
  if (issues.length > 0) throw new ValidationError(issues);
  return changes as never;
}
