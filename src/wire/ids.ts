/**
 * Global ids as clients see them: a readable prefix and the UUID's hex, `req_0199…`. Made of [a-z0-9_] only, so that
 * one stands in a path, a header or a Standard Webhooks id as it is.
 */
const PREFIXES = {
  Organization: "org",
  User: "usr",
  ApiToken: "tok",
  Session: "ses",
  AuditEntry: "aud",
  EventType: "etp",
  Application: "app",
  WebhookDefinition: "whd",
  SecretKey: "key",
  Connection: "con",
  WebService: "wsv",
  WorkflowRule: "rul",
  Script: "scr",
  Event: "evt",
  Lane: "lan",
  WebhookRequest: "req",
  Attempt: "att",
  Replay: "rpl",
  Erasure: "era",
  Goal: "goa",
  GoalValue: "gva",
  InboundWebhook: "inb",
} as const;

export type NodeType = keyof typeof PREFIXES;

const TYPES = new Map<string, NodeType>(Object.entries(PREFIXES).map(([type, prefix]) => [prefix, type as NodeType]));

/** @param uuid with dashes */
export function globalId(type: NodeType, uuid: string): string {
  return `${PREFIXES[type]}_${uuid.replaceAll("-", "")}`;
}

/** Undefined for anything that is no global id. */
export function parseGlobalId(text: string): { type: NodeType; id: string } | undefined {
  const match = /^([a-z]{3})_([0-9a-f]{32})$/.exec(text);
  const type = TYPES.get(match?.[1] ?? "");
  return match && type ? { type, id: uuidFromHex(match[2] as string) } : undefined;
}

/** The UUID behind a global id of that type; undefined when it is another type's, or none. */
export function idOf(type: NodeType, text: string): string | undefined {
  const parsed = parseGlobalId(text);
  return parsed?.type === type ? parsed.id : undefined;
}

export function uuidFromHex(hex: string): string {
  const h = hex.toLowerCase();
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

/** CRM.COM's form: 32 upper-case hex digits. */
export function crmcomId(uuid: string): string {
  return uuid.replaceAll("-", "").toUpperCase();
}

/** Cotalker's form: 24 lower-case hex digits, the last 24 of the UUID. */
export function objectId(uuid: string): string {
  return uuid.replaceAll("-", "").slice(8);
}

/** No row has it. */
export const NOBODY = "00000000-0000-0000-0000-000000000000";

/** Of a filter: the UUID, or one that finds nothing where the text is no such id. */
export const idToFind = (type: NodeType, text: string): string => idOf(type, text) ?? NOBODY;
