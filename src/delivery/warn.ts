/** What an operator must know of deliveries, in words and ids that people know: one line, held back when there are many. */
import type { Core } from "../core.ts";
import { globalId } from "../wire/ids.ts";
import type { StoppedDefinition } from "./lane-stop.ts";
import type { Settlement } from "./settlement.ts";
import { nameDefinition } from "./sql/name-definition.ts";

async function named(core: Core, organizationId: string, definitionId?: string, requestId?: string): Promise<Record<string, unknown>> {
  const [row] = await nameDefinition.rows(core.db.pool, [organizationId, definitionId ?? null, requestId ?? null]);
  const definition = definitionId === undefined ? {} : { webhookDefinition: globalId("WebhookDefinition", definitionId) };
  return {
    organization: row?.organization,
    ...definition,
    code: row?.code ?? undefined,
    name: row?.name ?? undefined,
    ...(requestId === undefined ? {} : { request: row?.request ?? undefined, requestId: globalId("WebhookRequest", requestId) }),
  };
}

/** A lane stands still: its head was given up, and everything behind it waits for somebody. One line per definition. */
export function warnOfBlock(core: Core, { request, attempt }: Settlement): void {
  const { organizationId, definitionId, event } = request;
  const told = async () => ({
    ...(await named(core, organizationId, definitionId, request.id)),
    lane: globalId("Lane", request.laneId),
    event: event.type,
    entity: event.entity ?? undefined,
    entityId: event.entityId ?? undefined,
    attempt: attempt?.number,
    status: attempt?.statusCode ?? undefined,
    error: attempt?.errorCode ?? undefined,
  });
  core.warnings.warn(
    "lane-blocked",
    definitionId,
    told,
    "a lane is blocked: resend, skip or retry its first request, or activate its webhook",
  );
}

/** Its receiver stopped it: too many errors in a row, or 410. */
export function warnOfStop(core: Core, stop: StoppedDefinition): void {
  const told = async () => ({
    ...(await named(core, stop.organizationId, stop.definitionId, stop.requestId)),
    state: stop.state,
    reason: stop.reason,
  });
  core.warnings.warn(
    "definition-stopped",
    stop.definitionId,
    told,
    "a webhook was stopped by its receiver: activate it once that is mended",
  );
}

/**
 * The mail server did not take a mail; it is tried again. One line per definition, or per organization where it is a mail with alerts. What
 * 0.1 queued says neither, and was about a stopped webhook.
 */
export function warnOfMail(core: Core, organizationId: string | undefined, definitionId: string | undefined, error: Error): void {
  const told = async () => ({
    ...(organizationId ? await named(core, organizationId, definitionId) : {}),
    // What the server answered may repeat the address; its code does not.
    error: (error as { code?: string }).code ?? error.name,
    status: (error as { responseCode?: number }).responseCode,
  });
  const what = organizationId && !definitionId ? "a mail with alerts" : "a mail about a stopped webhook";
  core.warnings.warn(
    "mail-failed",
    definitionId ?? organizationId ?? "",
    told,
    `${what} was not taken: look at HOOKLINE_SMTP_URL and its server`,
  );
}
