/** Cotalker's error form: `{"message", "errors": [{"field", "message"}]}`, each naming the field as its clients call it. */
import { type Issue, ValidationError } from "../../../errors.ts";
import type { ErrorForm } from "../../problem.ts";
import type { Words } from "../words.ts";

export const words: Words = {
  fields: {
    ...{ targetUrl: "url", eventTypes: "trigger", filter: "context" },
    ...{ "filter.scope.workflow": "context.taskGroup", "filter.scope.survey": "context.survey", "filter.scope.group": "context.group" },
  },
  sentences: {
    "another webhook definition has this code": "another webhook has this code",
    "the webhook definition was not found": "the webhook was not found",
  },
};

export const cotalkerError: ErrorForm = (reply, { status, code, message, issues, headers }) =>
  reply
    .code(status)
    .headers(headers ?? {})
    .type("application/json; charset=utf-8")
    .send({ message, errors: (issues ?? unnamed(code, message)).map(({ path, message: text }) => ({ field: path, message: text })) });

/** The only thing that must be unique here is the code. */
const unnamed = (code: string, message: string): Issue[] => (code === "CONFLICT" ? [{ path: "code", message }] : []);

/** @throws ValidationError when there are any */
export function refuseIf(issues: readonly Issue[]): void {
  if (issues.length > 0) throw new ValidationError(issues);
}
