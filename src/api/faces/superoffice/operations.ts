/** What the REST rows and their RPC twins share: the domain's functions in SuperOffice's words. */
import { type Caller, demand } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import { countersOf } from "../../../definitions/counters.ts";
import { createDefinition, deleteDefinition, type UpdateDefinitionInput, updateDefinition } from "../../../definitions/definitions.ts";
import { getDefinition, listDefinitionsByOffset } from "../../../definitions/find.ts";
import { shownUrl } from "../../../definitions/headers.ts";
import { isEventType, reservedType } from "../../../definitions/match.ts";
import { findScript } from "../../../definitions/scripts.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import { stateEvents } from "../../../definitions/state.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../../../errors.ts";
import { idOf } from "../../../wire/ids.ts";
import type { Doors } from "../../doors.ts";
import { associateIdOf } from "./associates.ts";
import { scalarText } from "./body.ts";
import { FaceError } from "./errors.ts";
import { readStatusFilter, type WebhookInput } from "./input.ts";
import { demandAnswer, demandTarget } from "./save-test.ts";

/** @throws ForbiddenError: a viewer only reads */
export function demandWrite(caller: Caller): void {
  if (caller.role === "VIEWER") throw new ForbiddenError("a viewer may change nothing");
  demand(caller, "webhooks:write");
}

/** @throws ForbiddenError */
export function demandRead(caller: Caller): void {
  demand(reader(caller), "webhooks:read");
}

/** Writing means reading here: a token with the one scope may do the other. */
function reader(caller: Caller): Caller {
  return caller.scopes.has("webhooks:write") ? { ...caller, scopes: new Set([...caller.scopes, "webhooks:read"]) } : caller;
}

/** @throws NotFoundError also for another application's, and for definitions of other dialects */
export async function findWebhook({ core }: Doors, caller: Caller, id: unknown): Promise<DefinitionRow> {
  demandRead(caller);
  const text = scalarText(id) ?? "";
  const row = /^[1-9]\d{0,9}$/.test(text) ? await getDefinition(core, reader(caller), { number: Number(text) }) : null;
  if (row?.dialect !== "SUPEROFFICE" || (caller.application !== undefined && row.application !== caller.application)) {
    throw new NotFoundError(`the webhook ${text.slice(0, 20)}`);
  }
  return row;
}

/** Oldest first. */
export async function listWebhooks(
  { core }: Doors,
  caller: Caller,
  filter: { name: unknown; event: unknown; status: unknown },
): Promise<DefinitionRow[]> {
  const text = (value: unknown) => {
    if (value === undefined || value === null || value === "") return undefined;
    const found = scalarText(value);
    if (found === undefined) throw new FaceError(400, "a filter must be text");
    return found;
  };
  const rows = await listDefinitionsByOffset(core, reader(caller), {
    dialect: "SUPEROFFICE",
    name: text(filter.name),
    eventType: text(filter.event),
    state: readStatusFilter(filter.status),
    application: caller.application,
  });
  return rows.reverse();
}

/** S1. @throws FaceError when the target does not pass the save test; ValidationError */
export async function createWebhook(doors: Doors, caller: Caller, input: WebhookInput): Promise<DefinitionRow> {
  demandWrite(caller);
  const target = await targetOf(doors.core, caller, input);
  demandTarget(doors.core, input);
  if (input.State === "ACTIVE") await demandAnswer(doors, caller, input, undefined);
  const { definition } = await createDefinition(
    doors.core,
    caller,
    {
      ...settingsOf(input, EVERYTHING),
      ...target,
      name: input.Name,
      eventTypes: input.Events,
      dialect: "SUPEROFFICE",
      state: input.State,
      signing: input.Secret === null ? "NONE" : { text: input.Secret },
    },
    doors,
  );
  return definition;
}

/**
 * A full replacement, but for what the caller may not see: without `secrets:read` no secret keeps the stored one.
 * @param only a patch: these fields alone are written, so that it undoes nothing that somebody else changes meanwhile
 * @param ifUnchangedSince when the row was changed that `input` was made of: a ConflictError says that it was meanwhile
 * @throws as createWebhook
 */
export async function replaceWebhook(
  doors: Doors,
  caller: Caller,
  row: DefinitionRow,
  input: WebhookInput,
  only: ReadonlySet<string> = EVERYTHING,
  ifUnchangedSince?: Date,
): Promise<DefinitionRow> {
  demandWrite(caller);
  const { core } = doors;
  const changes: UpdateDefinitionInput = settingsOf(input, only);
  if (only.has("State")) changes.state = input.State;
  if (only.has("TargetUrl") || only.has("Type")) {
    Object.assign(changes, await targetOf(core, caller, input));
    const same = row.targetType === "WEBHOOK" && [row.targetUrl, shownUrl(caller, row.targetUrl)].includes(canonical(input.TargetUrl));
    if (input.Type === "webhook" && !same) {
      demandTarget(core, input);
      if (input.State === "ACTIVE") await demandAnswer(doors, caller, input, row);
    }
  }
  if (only.has("Secret") && input.Secret !== null) changes.signing = { text: input.Secret };
  else if (only.has("Secret") && caller.scopes.has("secrets:read")) changes.signing = "NONE";
  const updated = await updateDefinition(core, caller, row.id, changes, doors, ifUnchangedSince);
  const events = stateEvents(updated.changes).map((event) => ({ ...event, callerNumber: caller.userNumber }));
  await doors.ingest.emit(caller.organizationId, events, { exempt: true, trace: caller.trace });
  return updated.definition;
}

export async function deleteWebhook(doors: Doors, caller: Caller, id: unknown): Promise<void> {
  demandWrite(caller);
  const row = await findWebhook(doors, caller, id);
  await deleteDefinition(doors.core, caller, row.id);
}

/** "" when there is none. */
export async function lastErrorOf({ core }: Doors, row: DefinitionRow): Promise<string> {
  return (await countersOf(core, row.organizationId, [row.id])).get(row.id)?.lastError ?? "";
}

const INT32 = 2 ** 31;

/**
 * Fires an event: subscribed by its name, `data` its field values and their names its changes.
 * @param data JSON text of an object
 * @throws FaceError 400; ForbiddenError
 */
export async function signalEvent(
  doors: Doors,
  caller: Caller,
  signal: { name: unknown; primaryKey: unknown; data: string; fields: readonly string[] },
): Promise<void> {
  demand(caller, "events:write");
  if (caller.role === "VIEWER") throw new ForbiddenError("a viewer may signal nothing");
  const { name } = signal;
  if (typeof name !== "string" || !isEventType(name)) {
    throw new FaceError(400, "the event name must be letters, digits, _ . and -, at most 128, such as contact.created");
  }
  const key = signal.primaryKey ?? 0;
  const primaryKey = /^-?\d{1,10}$/.test(scalarText(key) ?? "") ? Number(key) : Number.NaN;
  if (!(primaryKey >= -INT32 && primaryKey < INT32)) throw new FaceError(400, "the primary key must be an int32; 0 if unused");
  const reserved = reservedType(name);
  if (reserved) throw new FaceError(400, reserved);
  const event = {
    type: name,
    entity: name.split(".", 1)[0] ?? name,
    entityId: primaryKey === 0 ? null : String(primaryKey),
    payload: signal.data,
    changes: [...signal.fields],
    actor: await associateIdOf(doors.core, caller),
  };
  await doors.ingest.emit(caller.organizationId, [event], { token: caller.tokenRate, trace: caller.trace }).catch((error: unknown) => {
    if (!(error instanceof ValidationError)) throw error;
    // There is one event, and its client knows of no list.
    throw new ValidationError(error.issues.map((issue) => ({ ...issue, path: issue.path.replace(/^events\.0\./, "") })));
  });
}

const EVERYTHING: ReadonlySet<string> = new Set([
  ...["Name", "Events", "TargetUrl", "Secret", "State", "Type", "Headers", "Properties", "ErrorsEmail", "Description"],
]);

function settingsOf(input: WebhookInput, only: ReadonlySet<string>) {
  return {
    ...(only.has("Name") && { name: input.Name }),
    ...(only.has("Events") && { eventTypes: input.Events }),
    ...(only.has("Headers") && { headers: input.Headers }),
    ...(only.has("Properties") && { properties: input.Properties }),
    ...(only.has("ErrorsEmail") && { errorsEmail: input.ErrorsEmail }),
    ...(only.has("Description") && { description: input.Description }),
  };
}

/** As it is stored. */
export const canonical = (url: string | null) => (url !== null && URL.canParse(url) ? new URL(url).href : url);

/** S17. @throws FaceError 400 for an unknown script */
async function targetOf(core: Core, caller: Caller, input: WebhookInput): Promise<{ targetUrl: string | null; scriptId: string | null }> {
  const { TargetUrl: target, Type: type } = input;
  if (target === null || target === "") throw new FaceError(400, "TargetUrl is required");
  if (type === "webhook") return { targetUrl: target, scriptId: null };
  const id = idOf("Script", target);
  const script = target.includes("\0") ? null : await findScript(core, reader(caller), id === undefined ? { name: target } : { id });
  if (!script) throw new FaceError(400, `TargetUrl: there is no script ${JSON.stringify(target.slice(0, 100))}`);
  return { targetUrl: null, scriptId: script.id };
}

/** For the test of a webhook that is not saved: the script itself. */
export async function scriptOf(core: Core, caller: Caller, input: WebhookInput): Promise<{ id: string; source: string } | null> {
  const { scriptId } = await targetOf(core, caller, input);
  return scriptId === null ? null : findScript(core, reader(caller), { id: scriptId });
}
