/** CRM.COM's envelope: `{"status": {message, description, code}, "data"}`, for answers and errors alike. */
import type { Core } from "../../../core.ts";
import {
  ConflictError,
  ForbiddenError,
  HooklineError,
  NotFoundError,
  SeveralOrganizationsError,
  ValidationError,
} from "../../../errors.ts";
import type { ErrorForm, Problem } from "../../problem.ts";
import type { Words } from "../words.ts";

export type Code =
  | "INVALID_TOKEN"
  | "INVALID_CREDENTIALS"
  | "MISSING_PARAMETER"
  | "INVALID_IDENTIFIER"
  | "INVALID_VALUE"
  | "INVALID_FIELD"
  | "NOT_FOUND"
  | "NOT_REJECTED"
  | "NOT_SETTLED"
  | "ALREADY_EXISTS"
  | "FORBIDDEN";

/** The user's mistake, in this product's words. */
export class CrmcomError extends HooklineError {
  readonly code: Code;
  readonly status = 400;
  constructor(code: Code, message: string) {
    super(message, { most: 2_000 });
    this.name = "CrmcomError";
    this.code = code;
  }
}

/** With HOOKLINE_CRMCOM_HTTP_STATUS; without it business errors are 200, as this product's clients expect. */
const STATUS: Partial<Record<Code, number>> = {
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  NOT_REJECTED: 409,
  NOT_SETTLED: 409,
  ALREADY_EXISTS: 409,
};
const TOKEN_ERRORS: ReadonlySet<Code> = new Set(["INVALID_TOKEN", "INVALID_CREDENTIALS"]);

const NAMES: Readonly<Record<string, string>> = {
  ...{ targetUrl: "url", fieldsSet: "fields_set", code: "alternative_code", condition: "conditions_set" },
  ...{ webhookDefinitionIds: "actions_set", secretKeyId: "secret_key_identifier", state: "life_cycle_state" },
};

export const words: Words = {
  fields: NAMES,
  field: (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  sentences: { "there is nothing at this path": "there is no such method" },
};

export function ok(data: unknown, message = ""): object {
  return { status: { message, description: "", code: "OK" }, data };
}

export const crmcomForm: ErrorForm = (reply, { status, code, message, headers }) =>
  reply
    .code(status)
    .headers(headers ?? {})
    .type("application/json; charset=utf-8")
    .send({ status: { message, description: message, code: code === "INTERNAL_SERVER_ERROR" ? "INTERNAL_ERROR" : code }, data: null });

/**
 * What domain functions throw, by this product's codes; undefined for what is not the user's mistake, or the server's to
 * refuse: too large, the database away, a fault of ours have their HTTP status whatever the setting says.
 */
export function crmcomProblem(error: unknown, core: Core): Problem | undefined {
  const known = crmcomError(error);
  if (!known) return undefined;
  const { code, message } = known;
  const status = TOKEN_ERRORS.has(code) ? 401 : core.config.crmcomHttpStatus ? (STATUS[code] ?? 400) : 200;
  return { status, code, message, ...(error instanceof ValidationError && { issues: error.issues }) };
}

export function crmcomError(error: unknown): CrmcomError | undefined {
  if (error instanceof CrmcomError) return error;
  if (error instanceof ValidationError) return new CrmcomError("INVALID_VALUE", error.message);
  if (error instanceof NotFoundError) return new CrmcomError("NOT_FOUND", error.message);
  if (error instanceof ForbiddenError) return new CrmcomError("FORBIDDEN", "your role or token does not allow this");
  if (error instanceof SeveralOrganizationsError)
    return new CrmcomError("INVALID_CREDENTIALS", "several organisations have this name; give the organisation's id");
  if (!(error instanceof ConflictError)) return undefined;
  const [code, message] = CONFLICTS[error.code] ?? ["INVALID_VALUE", "its present state does not allow this"];
  return new CrmcomError(code, error.code === "CONFLICT" ? (TAKEN[error.message] ?? message) : message);
}

/** By the code of the conflict. What a request can be in here: pending, successful, rejected. */
const CONFLICTS: Readonly<Record<string, readonly [Code, string]>> = {
  CONFLICT: ["ALREADY_EXISTS", "this exists already"],
  NOT_REJECTED: ["NOT_REJECTED", "the webhook request is not rejected"],
  NOT_SETTLED: ["NOT_SETTLED", "the webhook request is neither successful nor rejected yet"],
  BLOCKS_LANE: ["NOT_SETTLED", "later webhook requests wait for this one; resend it first"],
  NOT_IN_A_LANE: ["NOT_REJECTED", "this webhook request was a test; tests are not sent again"],
  AMBIGUOUS_NAME: ["INVALID_IDENTIFIER", "several have this name; give the id or the alternative_code"],
  DEFINITION_DELETED: ["NOT_FOUND", "the webhook definition of this request was deleted"],
};

/** What is taken, of ours → as it is called here. */
const TAKEN: Readonly<Record<string, string>> = {
  "another webhook definition has this code": "another webhook definition has this alternative_code",
  "another definition of this dialect has this name": "another webhook definition has this name",
  "another workflow rule has this code": "another workflow rule has this alternative_code",
  "another workflow rule has this name": "another workflow rule has this name",
};
