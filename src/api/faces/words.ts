/**
 * Each product's API speaks its own words. A domain function names fields and deeds as GraphQL does; here they become the
 * product's, and what still holds a word of another door is not said at all, but in general.
 */
import type { Issue } from "../../errors.ts";
import { told } from "../../text.ts";
import type { BodyFault } from "../body.ts";
import type { Problem } from "../problem.ts";

export interface Words {
  /** Our fields by the product's names: `targetUrl` → `url`. A dotted name stands for itself alone, before its first part. */
  fields?: Readonly<Record<string, string>>;
  /** A name that the table lacks. */
  field?(name: string): string;
  /** Whole sentences. */
  sentences?: Readonly<Record<string, string>>;
  /** Unreadable bodies, where the product has a wording of its own. @param message ours */
  bodies?: Readonly<Partial<Record<BodyFault, (message: string) => string>>>;
}

/** GraphQL's fields and values, and the words of its screens. No product of ours has any of them. */
const PHRASES =
  /\b(?:force: true|rerender|cancel it first|skip it first|lanes?|dialects?|mutations?|GraphQL|STANDARD|CRMCOM|DOFORMS|COTALKER|SUPEROFFICE|REQUEUE)\b/;
const SCOPES = /\b(?:events|webhooks|secrets|users|goals):(?:read|write)\b/;
const FIELDS =
  /\b(?:targetUrl|eventTypes|fieldsSet|secretKeyId|scriptId|webhookDefinitionIds?|onExhausted|retrySchedule|maxConsecutiveErrors|timeoutMs|signatureVersions|signingSecret|payloadQuery|errorsEmail|overlapSeconds|rotateSigningSecret)\b/;

const IN_GENERAL: Readonly<Record<number, string>> = {
  400: "this input is not allowed",
  403: "your role or token does not allow this",
  404: "it was not found",
  409: "its present state does not allow this",
};

export function speaksForeign(text: string): boolean {
  return PHRASES.test(text) || SCOPES.test(text) || FIELDS.test(text);
}

function sentence(text: string, words: Words, general: string): string {
  const known = words.sentences?.[text];
  if (known !== undefined) return known;
  const renamed = text.replace(/\b[A-Za-z]+\b/g, (word) => (speaksForeign(word) ? (words.fields?.[word] ?? word) : word));
  return speaksForeign(renamed) ? general : renamed;
}

function place(path: string, { fields = {}, field = (name) => name }: Words): string {
  const whole = Object.hasOwn(fields, path) ? fields[path] : undefined;
  if (whole !== undefined || path === "") return whole ?? "";
  const [first = "", ...rest] = path.split(".");
  const said = [Object.hasOwn(fields, first) ? fields[first] : field(first), ...rest].join(".");
  return speaksForeign(said) ? "" : said;
}

/** What went wrong, as this product says it. */
export function inWords(problem: Problem, words: Words = {}): Problem {
  const general = IN_GENERAL[problem.status] ?? (problem.code === "NOT_FOUND" ? IN_GENERAL[404] : undefined) ?? "this cannot be done";
  if (!problem.issues) return { ...problem, message: sentence(problem.message, words, general) };
  const issues = problem.issues.map(
    ({ path, message }): Issue => ({ path: place(path, words), message: sentence(message, words, IN_GENERAL[400] as string) }),
  );
  const message = issues.map((issue) => (issue.path === "" ? issue.message : `${issue.path}: ${issue.message}`)).join("; ");
  return { ...problem, issues, message: told(message, 2_000) };
}
