/** A definition of type crmscript: a script of the organization runs instead of an HTTP call. */

import type { Vault } from "../vault.ts";
import type { DefinitionView } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { deeperThan } from "../wire/json-text.ts";
import { MASK } from "../wire/mask.ts";
import { delivered, unanswered } from "../wire/outcome.ts";
import { type Attempted, LAST_ERROR_LIMIT, notSent, viewOf } from "./attempted.ts";
import { resendable } from "./log-seal.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import type { AttemptRow } from "./settlement.ts";

/** As deep as an event's payload may be. */
const DEEPEST_RESULT = 64;

const inJson = (value: string) => JSON.stringify(value).slice(1, -1);

/** What the script finds as globals: the keys of the dialect's body, and `Changes` as {field: value}. */
function globalsOf(request: QueuedRequest, definition: DefinitionView, now: Date, publicUrl: string): Record<string, unknown> {
  const { event } = request;
  const rendered = dialects[definition.dialect].render({
    event,
    definition,
    request: viewOf(request),
    now,
    publicUrl,
    body: null,
  });
  const body = JSON.parse(rendered.body.toString()) as Record<string, unknown>;
  const payload = JSON.parse(event.payload) as Record<string, unknown> | null;
  const changes = Object.fromEntries(event.changes.map((field) => [field, payload?.[field] ?? null]));
  return { ...body, Changes: changes };
}

export async function runScript(
  row: AttemptRow,
  request: QueuedRequest,
  plan: Plan,
  sandbox: Sandbox,
  publicUrl: string,
  vault: Vault,
): Promise<Attempted> {
  const { script } = plan;
  const opened = plan.opened(plan.scriptDestination ?? "");
  const { definition } = opened;
  const url = `crmscript:${definition.targetUrl ?? ""}`;
  row.requestUrl = url;
  const failed = (answer: ReturnType<typeof notSent>): Attempted => {
    const verdict = unanswered(answer);
    row.outcome = verdict.outcome;
    row.errorCode = verdict.errorCode;
    row.errorDescription = verdict.errorDescription;
    return {
      attempt: row,
      answer,
      verdict,
      url,
      authenticationCode: null,
      lastError: `${answer.errorCode}: ${answer.message}`.slice(0, LAST_ERROR_LIMIT),
    };
  };
  if (!script) return failed(notSent("NO_TARGET", "the definition's script is gone"));
  const globals = globalsOf(request, definition, row.startedAt, publicUrl);
  const text = JSON.stringify(globals);
  const before = request.sentBody === null ? undefined : resendable({ vault, ...request }, request.sentBody, opened.origin);
  row.requestBody = text === before ? null : opened.loggedBody(text, request.event.payload);
  const ran = await sandbox.runScript(script.source, globals, {
    organizationId: request.organizationId,
    key: definition.id,
    now: row.startedAt,
  });
  row.durationMs = Math.round(ran.durationMs);
  // The result's own text: what is nested without end is no answer to show, and would overflow whoever writes it as JSON.
  const tooDeep = ran.kind === "DONE" && deeperThan(ran.result, DEEPEST_RESULT);
  const lines = tooDeep ? [...ran.console, `[the result is nested deeper than ${DEEPEST_RESULT} levels]`] : ran.console;
  const hide = (text: string, kept = false) =>
    opened.quiet.reduce(
      (rest, [value, instead]) => rest.replaceAll(inJson(value), () => (kept && inJson(value) === value ? instead : MASK)),
      text,
    );
  row.responseBody = hide(`{"result":${ran.kind === "DONE" && !tooDeep ? ran.result : "null"},"console":${JSON.stringify(lines)}}`, true);
  if (ran.kind === "ERROR")
    return failed({
      kind: "NO_REPLY",
      outcome: ran.code === "SCRIPT_TIMEOUT" ? "TIMED_OUT" : "REFUSED",
      errorCode: ran.code,
      message: hide(ran.message),
    });
  row.outcome = "DELIVERED";
  return { attempt: row, answer: null, verdict: delivered(), url, authenticationCode: null, lastError: null };
}
