/** zod at the edges: what a client sent, as what a route takes. */
import type { z } from "zod";
import { ValidationError } from "../errors.ts";

/** @throws ValidationError naming each place */
export function validate<T>(schema: z.ZodType<T>, given: unknown): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new ValidationError(parsed.error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message })));
}
