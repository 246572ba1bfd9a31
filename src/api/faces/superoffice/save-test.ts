/** A webhook's target must be https and answer 200 before it is saved as Active; the same call is POST …/Webhook/Test. */
import type { Caller } from "../../../accounts/caller.ts";
import { newId } from "../../../clock.ts";
import type { Core } from "../../../core.ts";
import { boundHeaders, boundProperties, headerName, keepMasked, seesSecrets } from "../../../definitions/headers.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import { type Plan, policyOf, withOpened } from "../../../delivery/plan.ts";
import { probe } from "../../../delivery/probe.ts";
import { scriptDestination } from "../../../delivery/script-destination.ts";
import { isFor, originsOf, unbound } from "../../../wire/bound.ts";
import type { SigningKey } from "../../../wire/dialect.ts";
import { checkHeaders } from "../../../wire/headers.ts";
import { signingKey } from "../../../wire/signatures/signing-key.ts";
import type { Doors } from "../../doors.ts";
import { associateIdOf } from "./associates.ts";
import { FaceError, saveTestFailed } from "./errors.ts";
import type { WebhookInput } from "./input.ts";

const HTTPS_ONLY = "TargetUrl must be an https URL";

/** HOOKLINE_SUPEROFFICE_REQUIRE_HTTPS. */
function needsHttps(core: Core, { Type, TargetUrl }: WebhookInput): boolean {
  return Type === "webhook" && core.config.superofficeRequireHttps && !/^https:/i.test(TargetUrl ?? "");
}

/** @throws FaceError for an http target, where this installation takes https ones only; a Stopped webhook's too */
export function demandTarget(core: Core, input: WebhookInput): void {
  if (needsHttps(core, input)) throw saveTestFailed(HTTPS_ONLY);
}

/** @throws FaceError when the target does not answer 200 */
export async function demandAnswer(doors: Doors, caller: Caller, input: WebhookInput, stored: DefinitionRow | undefined): Promise<void> {
  if (input.Type !== "webhook") return;
  const failure = await testTarget(doors, caller, input, { stored, script: null });
  if (failure !== null) throw saveTestFailed(`the test call to TargetUrl failed: ${failure}`);
}

/**
 * Sends the test event.
 * @param known the definition that `input` changes, whose secrets its caller may not see; the script of a crmscript
 * @returns null: the target answered 200, or the script ran; else what went wrong
 */
export async function testTarget(
  doors: Doors,
  caller: Caller,
  input: WebhookInput,
  known: { stored: DefinitionRow | undefined; script: Plan["script"] },
): Promise<string | null> {
  const { core, sender } = doors;
  if (needsHttps(core, input)) return HTTPS_ONLY;
  const plan = await planOf(doors, caller, input, known);
  const { verdict } = await probe(core, sender, plan, await associateIdOf(core, caller));
  if (verdict?.outcome === "DELIVERED") return null;
  return [verdict?.errorCode, verdict?.errorDescription].filter((part) => part != null).join(": ");
}

async function planOf(
  doors: Doors,
  caller: Caller,
  input: WebhookInput,
  { stored, script }: { stored: DefinitionRow | undefined; script: Plan["script"] },
): Promise<Plan> {
  const { core } = doors;
  const [issue] = input.Headers ? checkHeaders(input.Headers, "Headers") : [];
  if (issue) throw new FaceError(400, `${issue.path} ${issue.message}`);
  const keys = await keysOf(doors, input, caller.scopes.has("secrets:read") ? undefined : stored);
  const before = stored && knownAt(core, caller, stored, script === null ? originsOf([input.TargetUrl])[0] : scriptDestination(script));
  // A mask that stands for nothing here is tried as it is.
  const headers = { ...input.Headers, ...keepMasked(input.Headers ?? {}, before?.headers ?? {}, headerName) };
  const properties = input.Properties && keepMasked(input.Properties, before?.properties ?? {});
  // Given for this one call.
  const hidden = {
    headers: [unbound(headers)],
    properties: properties && unbound(properties),
    publicHeaders: new Set<string>(),
    publicProperties: new Set<string>(),
  };
  return withOpened(core.vault, hidden, {
    scriptDestination: script && scriptDestination(script),
    definition: {
      id: stored?.id ?? newId(core.clock),
      organizationId: caller.organizationId,
      number: stored?.number ?? 0,
      name: input.Name,
      code: stored?.code ?? "",
      dialect: "SUPEROFFICE",
      targetType: input.Type === "webhook" ? "WEBHOOK" : "CRMSCRIPT",
      targetUrl: input.TargetUrl,
      connection: null,
      headers: {},
      properties: null,
      fieldsSet: [],
      signingKeys: [],
      secretKey: null,
      webServiceId: null,
      policy: policyOf("SUPEROFFICE", {}),
    },
    state: "ACTIVE",
    transformation: null,
    payloadQuery: null,
    script,
    errorsEmail: null,
    consecutiveErrors: 0,
    unreadable: null,
    keysAt: () => keys,
  });
}

/** What is stored and hidden, where the test goes to a place that it is for, or its caller may read it anyway. */
function knownAt(core: Core, caller: Caller, stored: DefinitionRow, destination: string | undefined) {
  const at = destination ?? "";
  const open = <Values>(bound: { origins: readonly string[] | null; values: Values }): Values | undefined => {
    const origins = bound.origins ?? originsOf([stored.targetUrl]);
    return seesSecrets(caller) || isFor({ origins, values: null }, at) ? bound.values : undefined;
  };
  return { headers: open(boundHeaders(core, stored)), properties: open(boundProperties(core, stored)) };
}

/** The secret as given; a caller who does not see the stored one signs with it. */
async function keysOf({ core, plans }: Doors, input: WebhookInput, stored: DefinitionRow | undefined): Promise<readonly SigningKey[]> {
  if (input.Secret !== null) return [signingKey("SUPEROFFICE", "TEXT", input.Secret)];
  const plan = stored ? await plans.get(stored.id, 0) : undefined;
  return plan?.keysAt(core.clock.now()) ?? [];
}
