/** COTWebhook: a webhook definition as Cotalker shows it, and as its clients write it. Pure. */
import type { Caller } from "../../../accounts/caller.ts";
import { shownUrl } from "../../../definitions/headers.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import type { Issue } from "../../../errors.ts";
import { objectId } from "../../../wire/ids.ts";

const changes = (noun: string) => [`${noun}.created`, `${noun}.updated`, `${noun}.deleted`];

/** A trigger is a set of event types: exactly one row of this table. */
const TRIGGERS = {
  "create-edit-delete-user": changes("user"),
  "create-edit-delete-task": changes("task"),
  "create-edit-delete-survey": changes("survey"),
  "create-edit-delete-property": changes("property"),
  "create-edit-delete-note": changes("note"),
  "logout-user": ["user.logged_out"],
} as const satisfies Record<string, readonly string[]>;

export type Trigger = keyof typeof TRIGGERS;
export const TRIGGER_NAMES = Object.keys(TRIGGERS) as Trigger[];

export interface Context {
  survey: string;
  group: string;
  taskGroup: string;
}

/** As clients send it: parts may be missing. */
export type GivenContext = { [Part in keyof Context]?: string | undefined };

export interface CotWebhook {
  _id: string;
  company: string;
  isActive: boolean;
  trigger: Trigger;
  url: string;
  name: string;
  code: string;
  description: string;
  context: Context;
  __v: number;
}

export function eventTypesOf(trigger: Trigger): readonly string[] {
  return TRIGGERS[trigger];
}

/** Undefined: these event types are no trigger of Cotalker's. */
export function triggerOf(eventTypes: readonly string[]): Trigger | undefined {
  const given = [...new Set(eventTypes)].sort().join(" ");
  return TRIGGER_NAMES.find((name) => [...TRIGGERS[name]].sort().join(" ") === given);
}

/** What a context means as a filter; what the trigger does not use counts for nothing. */
export function filterOf(trigger: Trigger, context: GivenContext): { scope: Record<string, string> } | null {
  if (trigger === "create-edit-delete-task") return { scope: { workflow: context.taskGroup ?? "" } };
  if (trigger === "create-edit-delete-survey") return { scope: { survey: context.survey ?? "", group: context.group ?? "" } };
  return null;
}

/** Which parts of a context a trigger cannot do without. */
export function contextIssues(trigger: Trigger, context: GivenContext): Issue[] {
  const needed: (keyof Context)[] =
    trigger === "create-edit-delete-task" ? ["taskGroup"] : trigger === "create-edit-delete-survey" ? ["survey", "group"] : [];
  return needed
    .filter((name) => !context[name])
    .map((name) => ({ path: `context.${name}`, message: `is required by the trigger ${trigger}` }));
}

/** The filter may have been written through another door: what it does not say plainly is "". */
function contextOf(filter: unknown): Context {
  const scope = (filter as { scope?: Record<string, unknown> } | null)?.scope ?? {};
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return { survey: text(scope["survey"]), group: text(scope["group"]), taskGroup: text(scope["workflow"]) };
}

/** Undefined for a definition whose event types are no trigger: this product cannot show it. */
export function cotWebhook(row: DefinitionRow, caller: Caller): CotWebhook | undefined {
  const trigger = triggerOf(row.eventTypes);
  if (!trigger) return undefined;
  return {
    _id: objectId(row.id),
    company: objectId(row.organizationId),
    isActive: row.state === "ACTIVE",
    trigger,
    url: shownUrl(caller, row.targetUrl) ?? "",
    name: row.name,
    code: row.code,
    description: row.description ?? "",
    context: contextOf(row.filter),
    __v: 0,
  };
}
