/** A definition of type crmscript: a script of the organization runs instead of an HTTP call. */

import { dialects } from "../wire/dialects.ts";
import { parseJson } from "../wire/json-exact.ts";
import { deeperThan } from "../wire/json-text.ts";
import { delivered, unanswered } from "../wire/outcome.ts";
import { type Attempted, LAST_ERROR_LIMIT, notSent, viewOf } from "./attempted.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import type { AttemptRow } from "./settlement.ts";

/** As deep as an event's payload may be. */
const DEEPEST_RESULT = 64;

/** What the script finds as globals: the keys of the dialect's body, and `Changes` as {field: value}. */
function globalsOf(request: QueuedRequest, plan: Plan, now: Date, publicUrl: string): Record<string, unknown> {
  const { event } = request;
  const rendered = dialects[plan.definition.dialect].render({
    event,
    definition: plan.definition,
    request: viewOf(request),
    now,
    publicUrl,
    body: null,
  });
  // Without loss: the script's global `exact` has what no double holds.
  const body = parseJson(rendered.body.toString()) as Record<string, unknown>;
  const payload = parseJson(event.payload) as Record<string, unknown> | null;
  const changes = Object.fromEntries(event.changes.map((field) => [field, payload?.[field] ?? null]));
  return { ...body, Changes: changes };
}

export async function runScript(
  row: AttemptRow,
  request: QueuedRequest,
  plan: Plan,
  sandbox: Sandbox,
  publicUrl: string,
): Promise<Attempted> {
  const { script, definition } = plan;
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
  const globals = globalsOf(request, plan, row.startedAt, publicUrl);
  const text = JSON.stringify(globals);
  row.requestBody = text === request.sentBody ? null : text;
  const ran = await sandbox.runScript(script.source, globals, {
    organizationId: request.organizationId,
    key: definition.id,
    now: row.startedAt,
  });
  row.durationMs = Math.round(ran.durationMs);
  // The result's own text: what is nested without end is no answer to show, and would overflow whoever writes it as JSON.
  const tooDeep = ran.kind === "DONE" && deeperThan(ran.result, DEEPEST_RESULT);
  const lines = tooDeep ? [...ran.console, `[the result is nested deeper than ${DEEPEST_RESULT} levels]`] : ran.console;
  row.responseBody = `{"result":${ran.kind === "DONE" && !tooDeep ? ran.result : "null"},"console":${JSON.stringify(lines)}}`;
  if (ran.kind === "ERROR")
    return failed({
      kind: "NO_REPLY",
      outcome: ran.code === "SCRIPT_TIMEOUT" ? "TIMED_OUT" : "REFUSED",
      errorCode: ran.code,
      message: ran.message,
    });
  row.outcome = "DELIVERED";
  return { attempt: row, answer: null, verdict: delivered(), url, authenticationCode: null, lastError: null };
}
