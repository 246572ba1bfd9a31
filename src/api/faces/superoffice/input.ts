/** A Webhook object as a client sends it, read into what a definition is made of. */
import type { DefinitionState } from "../../../definitions/settings.ts";
import { isRawNumber } from "../../../wire/json-exact.ts";
import { member, plainMember, scalarText } from "./body.ts";
import { FaceError } from "./errors.ts";
import { DEFAULT_WEBHOOK } from "./webhook.ts";

/** What a client may set; WebhookId, Registered*, Updated*, _Links and unknown keys are ignored. */
export interface WebhookInput {
  Name: string;
  Events: string[];
  TargetUrl: string | null;
  Secret: string | null;
  State: DefinitionState;
  Type: "webhook" | "crmscript";
  Headers: Record<string, string> | null;
  Properties: Record<string, unknown> | null;
  ErrorsEmail: string | null;
  Description: string | null;
}

const LIMITS = { name: 400, events: 4000, secret: 400, email: 239, description: 4000 };

const refuse = (message: string): never => {
  throw new FaceError(400, message);
};

/**
 * What is absent or null has its default.
 * @throws FaceError 400
 */
export function readWebhook(given: Record<string, unknown>): WebhookInput {
  const text = (name: string, limit: number): string | null => {
    const value = plainMember(given, name) ?? null;
    if (value === null) return null;
    if (typeof value !== "string") return refuse(`${name} must be text`);
    return value.length > limit ? refuse(`${name} must have at most ${limit} characters`) : value;
  };
  const secret = text("Secret", LIMITS.secret);
  return {
    Name: text("Name", LIMITS.name) ?? refuse("Name is required"),
    Events: readEvents(member(given, "Events")),
    TargetUrl: text("TargetUrl", LIMITS.events),
    Secret: secret === "" ? null : secret,
    State: readState(plainMember(given, "State")),
    Type: readType(plainMember(given, "Type")),
    Headers: readHeaders(member(given, "Headers")),
    Properties: readObject("Properties", member(given, "Properties")),
    ErrorsEmail: text("ErrorsEmail", LIMITS.email) || null,
    Description: text("Description", LIMITS.description),
  };
}

function readEvents(value: unknown): string[] {
  if (value === undefined || value === null) return [...DEFAULT_WEBHOOK.Events];
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) return refuse("Events must be an array of event names");
  const names = [...new Set(value as string[])];
  return names.join(",").length > LIMITS.events ? refuse(`Events must have at most ${LIMITS.events} characters, joined by commas`) : names;
}

const STATE_NAMES: Readonly<Record<string, DefinitionState>> = {
  ...{ active: "ACTIVE", stopped: "STOPPED", toomanyerrors: "TOO_MANY_ERRORS" },
  ...{ 1: "ACTIVE", 2: "STOPPED", 3: "TOO_MANY_ERRORS" },
};

/** S19: the names, or 1 to 3. @throws FaceError 400 for Unknown, 0 and all else */
function readState(value: unknown): DefinitionState {
  if (value === undefined || value === null) return "ACTIVE";
  const known = typeof value === "string" || typeof value === "number" ? String(value).toLowerCase() : "";
  const state = Object.hasOwn(STATE_NAMES, known) ? STATE_NAMES[known] : undefined;
  return state ?? refuse("State must be Active, Stopped or TooManyErrors (1, 2, 3)");
}

/** S20. */
function readType(value: unknown): WebhookInput["Type"] {
  const type = scalarText(value ?? "webhook")?.toLowerCase();
  return type === "webhook" || type === "crmscript" ? type : refuse("Type must be an installed plugin: webhook or crmscript");
}

function readObject(name: string, value: unknown): Record<string, unknown> | null {
  if (value === undefined || value === null) return null;
  const isObject = typeof value === "object" && !Array.isArray(value) && !isRawNumber(value);
  return isObject ? (value as Record<string, unknown>) : refuse(`${name} must be an object`);
}

/** A header with null is left out: that is how XML and merge patches say "none". */
function readHeaders(value: unknown): Record<string, string> | null {
  const headers = readObject("Headers", value);
  const entries = Object.entries(headers ?? {}).filter(([, header]) => header !== null);
  if (entries.some(([, header]) => typeof header === "object" && !isRawNumber(header))) return refuse("Headers must be an object of texts");
  const text = (header: unknown) => (isRawNumber(header) ? header.rawJSON : String(header));
  return entries.length === 0 ? null : Object.fromEntries(entries.map(([name, header]) => [name, text(header)]));
}

/** GET and GetAllWebhooks. @throws FaceError 400 for an unknown state */
export function readStatusFilter(value: unknown): readonly DefinitionState[] | undefined {
  const text = scalarText(value ?? "")?.toLowerCase();
  if (text === "" || text === "unknown" || text === "0") return undefined;
  const state = text !== undefined && Object.hasOwn(STATE_NAMES, text) ? STATE_NAMES[text] : undefined;
  return [state ?? refuse("statusFilter must be Unknown, Active, Stopped or TooManyErrors")];
}
