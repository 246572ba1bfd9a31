/** SuperOffice's error body: `{"Error":true,"ErrorType","ErrorMessage","ErrorSource"}`, always JSON. */
import { HooklineError } from "../../../errors.ts";
import type { ErrorForm } from "../../problem.ts";
import type { Words } from "../words.ts";

/** SoNotFoundException is the vendor's; the others are ours in its manner. */
const TYPES: Readonly<Record<number, string>> = {
  400: "SoArgumentException",
  401: "SoNotAuthenticatedException",
  403: "SoAccessDeniedException",
  404: "SoNotFoundException",
  405: "SoMethodNotAllowedException",
  409: "SoConflictException",
  412: "SoPreconditionFailedException",
  413: "SoRequestTooLargeException",
  415: "SoUnsupportedMediaTypeException",
  429: "SoRateLimitException",
  503: "SoServiceUnavailableException",
};
const typeOf = (status: number) => TYPES[status] ?? "SoServerException";

/** What only this face says: a failed save test, a test operation that does not hold, a precondition … */
export class FaceError extends HooklineError {
  readonly code: string;
  readonly status: number;
  constructor(status: number, message: string, type = typeOf(status)) {
    super(message);
    this.name = "FaceError";
    this.status = status;
    this.code = type;
  }
}

/** A saved webhook's target must answer. */
export const saveTestFailed = (message: string) => new FaceError(400, message, "SoWebhookException");

export const words: Words = {
  fields: {
    ...{ name: "Name", description: "Description", targetUrl: "TargetUrl", eventTypes: "Events", headers: "Headers" },
    ...{ properties: "Properties", errorsEmail: "ErrorsEmail", signingSecret: "Secret", scriptId: "TargetUrl", type: "eventName" },
    ...{ payload: "Data", entityId: "PrimaryKey" },
  },
  sentences: {
    "the webhook definition was not found": "the webhook was not found",
    "another webhook definition has this code": "another webhook was saved at the same moment; try again",
    // S3: an application's rights are these scopes.
    ...Object.fromEntries(
      ["webhooks:read", "webhooks:write", "events:write", "secrets:read"].map((scope) => [
        `this needs the scope ${scope}`,
        `this needs the scope ${scope}`,
      ]),
    ),
  },
  bodies: {
    UTF8: () => "the body is not valid UTF-8",
    JSON: () => "the body is no valid JSON",
    DEPTH: () => "the body must not be nested deeper than 64 levels",
    SIZE: (message) => `the body ${message}`,
    CONTENT: (message) => `the body ${message}`,
  },
};

export const superofficeForm: ErrorForm = (reply, { status, code, message, issues, headers }) => {
  const told = issues?.map(({ path, message: text }) => (path === "" ? text : `${path} ${text}`)).join("; ") ?? message;
  const type = code.startsWith("So") ? code : typeOf(status);
  return reply
    .code(status)
    .headers({ ...headers, ...(status === 401 && { "www-authenticate": 'Basic realm="SuperOffice", charset="UTF-8"' }) })
    .type("application/json; charset=utf-8")
    .send(JSON.stringify({ Error: true, ErrorType: type, ErrorMessage: told, ErrorSource: "Hookline" }));
};
