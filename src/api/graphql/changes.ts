/** What an update names: absent stays, null clears, except where there is nothing to clear to. */
import { ValidationError } from "../../errors.ts";
import type { builder } from "./builder.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** For the inputs of updates. */
export const unchangedFields = (t: PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">) => ({
  ifUnchangedSince: t.field({
    type: "DateTime",
    description:
      "The `updatedAt` that you have seen: ConflictError (CHANGED_MEANWHILE), and no change, when it is another by now. Absent: the change is made in any case.",
  }),
});

/** @throws ValidationError for a null where the field must have a value */
export function given<Input extends object, Required extends keyof Input & string>(
  changes: Input,
  required: readonly Required[],
): Omit<Input, Required> & { [Name in Required]?: NonNullable<Input[Name]> } {
  const issues = required.filter((name) => changes[name] === null).map((path) => ({ path, message: "must not be null; leave it out" }));
  if (issues.length > 0) throw new ValidationError(issues);
  return changes as never;
}
