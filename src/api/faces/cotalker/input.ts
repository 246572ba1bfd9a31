/** What Cotalker's clients send, as zod reads it. */
import { z } from "zod";
import { TRIGGER_NAMES } from "./webhook.ts";

const MAX_LOGS = 1_000;

const text = z.string({ error: (issue) => (issue.input === undefined ? "is required" : "must be text") });
const trigger = z.enum(TRIGGER_NAMES, {
  error: (issue) => (issue.input === undefined ? "is required" : `must be one of ${TRIGGER_NAMES.join(", ")}`),
});
const context = z.object({ survey: text, group: text, taskGroup: text }).partial();
/** Digits, and nothing else that JavaScript would read as a number. */
const count = (max: number) =>
  z
    .string({ error: "must be a number" })
    .transform((sent) => (/^-?\d+(\.\d+)?$/.test(sent.trim()) ? Number(sent) : sent))
    .pipe(
      z
        .number({ error: "must be a number" })
        .int("must be a whole number")
        .min(0, "must not be negative")
        .max(max, `must be at most ${max}`),
    );

/** The organization, by name or id, only where several have this e-mail with this password. */
export const credentials = z.object({ email: text, password: text, organization: text.optional() });
export const creation = z.object({
  name: text,
  code: text.optional(),
  url: text,
  trigger,
  description: text.optional(),
  context: context.optional(),
  isActive: z.boolean().optional(),
});
export const change = z.object({
  name: text.optional(),
  code: text.optional(),
  url: text.optional(),
  trigger: trigger.optional(),
  description: text.optional(),
  context: context.optional(),
  isActive: z.boolean({ error: "must be true or false" }).optional(),
});
export const selection = z.object({
  isActive: z.enum(["true", "false", "all"], { error: "must be true, false or all" }).default("all"),
});
export const logPage = z.object({ limit: count(MAX_LOGS).default(100), skip: count(2 ** 31 - 1).default(0) });
