/** What a post or a mutation says of one value: read, checked against its goal, every mistake named. */
import { ValidationError } from "../errors.ts";
import { parseDate } from "./dates.ts";
import { NOT_A_DECIMAL, parseDecimal } from "./decimal.ts";
import { type GoalDirection, inOrder, orderMessage, type Thresholds } from "./thresholds.ts";

/** One property as it was sent. `undefined`: absent, or JSON null. */
export type Sent = { kind: "number"; source: string } | { kind: "text"; text: string } | { kind: "other" } | undefined;

export const PROPERTIES = ["date", "value", "goodThreshold", "badThreshold"] as const;
export type Property = (typeof PROPERTIES)[number];
export type SentDatum = Record<Property, Sent>;

export interface Datum extends Thresholds {
  /** `YYYY-MM-DD`. */
  date: string;
  /** Canonical decimal. */
  value: string;
}

export type ProblemCode = "required" | "not_a_decimal" | "not_a_date" | "threshold_order" | "malformed_json" | "invalid";

export interface Problem {
  /** "" = the body as a whole. */
  property: string;
  code: ProblemCode;
  message: string;
}

/** An issue stands beside its path: what is said of a property does not begin with its name once more. */
const issueOf = ({ property, message }: Problem) => ({
  path: property,
  message: property !== "" && message.startsWith(`${property} `) ? message.slice(property.length + 1) : message,
});

/** A ValidationError whose issues have the stable codes of the RESULTS.com face. */
export class DatumError extends ValidationError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(issueOf));
    this.problems = problems;
  }
}

function decimal(sent: Sent): string | undefined {
  if (sent?.kind === "number") return parseDecimal(sent.source);
  return sent?.kind === "text" ? parseDecimal(sent.text) : undefined;
}

/**
 * @param goal its direction and its own thresholds, which stand in for those that were not sent
 * @throws DatumError naming every property that is wrong
 */
export function readDatum(sent: SentDatum, goal: Thresholds & { direction: GoalDirection }): Datum {
  const problems: Problem[] = [];
  const wrong = (property: Property, code: ProblemCode, message: string) =>
    problems.push({ property, code, message: `${property} ${message}` });

  const date = sent.date?.kind === "text" ? parseDate(sent.date.text) : undefined;
  if (sent.date === undefined) wrong("date", "required", "is required");
  else if (date === undefined) wrong("date", "not_a_date", "must be an ISO 8601 date such as 2017-03-16");

  const value = decimal(sent.value);
  if (sent.value === undefined) wrong("value", "required", "is required");
  else if (value === undefined) wrong("value", "not_a_decimal", NOT_A_DECIMAL);

  const [goodThreshold, badThreshold] = (["goodThreshold", "badThreshold"] as const).map((property) => {
    const threshold = decimal(sent[property]);
    if (sent[property] !== undefined && threshold === undefined) wrong(property, "not_a_decimal", NOT_A_DECIMAL);
    return threshold ?? null;
  }) as [string | null, string | null];

  const thresholdsAreRead = !problems.some((problem) => problem.property.endsWith("Threshold"));
  if (thresholdsAreRead && !inOrder(goal.direction, effective({ goodThreshold, badThreshold }, goal))) {
    const property = goodThreshold === null ? "badThreshold" : "goodThreshold";
    wrong(property, "threshold_order", orderMessage(goal.direction, property));
  }
  if (problems.length > 0) throw new DatumError(problems);
  return { date: date as string, value: value as string, goodThreshold, badThreshold };
}

/** The thresholds that judge a value: those sent with it, else the goal's own. */
export function effective(sent: Thresholds, goal: Thresholds): Thresholds {
  return { goodThreshold: sent.goodThreshold ?? goal.goodThreshold, badThreshold: sent.badThreshold ?? goal.badThreshold };
}
