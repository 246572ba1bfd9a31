/** Cotalker's error form: `{"message", "errors": [{"field", "message"}]}`, each naming the field as its clients call it. */
import type { FastifyReply } from "fastify";
import { HooklineError, type Issue, ValidationError } from "../../../errors.ts";
import type { Log } from "../../../observe/log.ts";
import { type ErrorForm, problemOf } from "../../problem.ts";

/** Our names for what they call otherwise. */
const FIELDS: Record<string, string> = { targetUrl: "url", eventTypes: "trigger", filter: "context" };

const fieldOf = (path: string) => {
  const [first = "", ...rest] = path.split(".");
  return [FIELDS[first] ?? first, ...rest].join(".");
};

export const cotalkerError: ErrorForm = (reply, { status, message, issues = [], headers }) =>
  reply
    .code(status)
    .headers(headers ?? {})
    .type("application/json; charset=utf-8")
    .send({ message: renamed(message), errors: issues.map((issue) => ({ field: fieldOf(issue.path), message: issue.message })) });

const renamed = (message: string) => message.replace(/\b(targetUrl|eventTypes)\b/g, (name) => FIELDS[name] ?? name);

export function answerError(log: Log) {
  return (error: unknown, _request: unknown, reply: FastifyReply): FastifyReply => {
    const problem = problemOf(error, log);
    if (problem.status !== 409 || !(error instanceof HooklineError)) return cotalkerError(reply, problem);
    // The only thing that must be unique here is the code.
    return cotalkerError(reply, { ...problem, issues: [{ path: "code", message: error.message }] });
  };
}

/** @throws ValidationError when there are any */
export function refuseIf(issues: readonly Issue[]): void {
  if (issues.length > 0) throw new ValidationError(issues);
}
