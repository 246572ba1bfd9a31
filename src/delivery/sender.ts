/**
 * One attempt: shape, render, sign, call, judge. What goes wrong on the way to the receiver is an outcome in the log like what
 * the receiver does. Nothing here throws: a fault of ours is an outcome of this one request too, and a line in our own log.
 */
import type { Core } from "../core.ts";
import type { AttemptEnd, AttemptFacts, TraceContext } from "../observe/tracing.ts";
import type { Answer, NoReply } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { globalId } from "../wire/ids.ts";
import { MASK, maskTarget } from "../wire/mask.ts";
import { unanswered } from "../wire/outcome.ts";
import { type Attempted, NOT_CALLED, notSent } from "./attempted.ts";
import { createDrafter } from "./draft.ts";
import { createErrorGate } from "./error-gate.ts";
import { describe, type Quiet, quietReply, quietVerdict } from "./log-texts.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import { runScript } from "./script-call.ts";
import { type AttemptRow, blankAttempt } from "./settlement.ts";
import type { ShapingEngines } from "./shaping.ts";
import type { Transport } from "./transport.ts";

export interface Sender {
  /** Never rejects. @param signal gives the call up: it is INTERRUPTED */
  attempt(request: QueuedRequest, plan: Plan | undefined, signal?: AbortSignal): Promise<Attempted>;
}

/**
 * Times in a row that a worker may die with a request in its hands: kills never eat the retry budget, but a request that
 * kills whoever takes it must not do so for ever.
 */
export const MOST_INTERRUPTIONS = 24;

export function createSender(core: Core, parts: { transport: Transport; engines: ShapingEngines; publicUrl: () => string }): Sender {
  const { clock, config } = core;
  const draft = createDrafter(core, parts);
  const gate = createErrorGate(clock);

  /** The answer, and what was sent for it; "SKIP": nothing is to be sent. */
  async function call(
    { row, trace }: Traced,
    request: QueuedRequest,
    plan: Plan | undefined,
    signal?: AbortSignal,
  ): Promise<Called | "SKIP"> {
    const drafted = plan ? await draft(request, plan, row.startedAt, trace) : notSent("NO_TARGET", "the definition is gone");
    if (drafted === "SKIP") return "SKIP";
    if ("kind" in drafted) {
      row.requestUrl = plan?.definition.targetUrl ?? "";
      return { answer: drafted, quiet: [], authenticationCode: null };
    }
    const { url, headers, rendered, opened, loggedHeaders } = drafted;
    row.requestUrl = url;
    row.requestHeaders = loggedHeaders;
    row.rerendered = drafted.rerendered;
    row.rendering = drafted.rendering;
    row.requestBody = drafted.again ? null : opened.loggedBody(rendered.body.toString(), request.event.payload);
    const validateCertificate = dialects[request.dialect].certificates === "ALWAYS" || config.superofficeValidateHttps;
    const timeoutMs = plan?.definition.policy.timeoutMs ?? 0;
    const sent = await parts.transport.send({
      url,
      headers,
      body: rendered.body,
      timeoutMs,
      validateCertificate,
      owner: request.organizationId,
      ...(signal && { signal }),
    });
    row.durationMs = sent.durationMs;
    return {
      answer: sent.answer,
      quiet: drafted.quiet,
      authenticationCode: rendered.authenticationCode,
    };
  }

  /** What the answer means, and what the log keeps of it. */
  function settle(row: AttemptRow, request: QueuedRequest, { answer, quiet, authenticationCode }: Called): Attempted {
    const masked = quiet.map(([value]) => [value, MASK] as const);
    const verdict = quietVerdict(dialects[request.dialect].judge(answer), masked);
    const logged = quietReply(answer, quiet);
    row.statusCode = answer.status ?? null;
    if (logged.kind === "REPLY") {
      row.responseHeaders = logged.headers;
      row.responseBody = logged.body;
      row.responseTruncated = logged.truncated;
    }
    row.outcome = verdict.outcome;
    row.errorCode = verdict.errorCode;
    row.errorDescription = verdict.errorDescription;
    row.warning = verdict.warning;
    const lastError = verdict.outcome === "DELIVERED" ? null : describe(quietReply(answer, masked));
    return { attempt: row, answer, verdict, url: row.requestUrl === "" ? null : row.requestUrl, authenticationCode, lastError };
  }

  /** A fault of ours, as an outcome. The schedule goes on: a later version, or a changed definition, may do better. */
  function broken(row: AttemptRow, request: QueuedRequest, called: Called | undefined, error: unknown): Attempted {
    const errorCode = called ? "RESPONSE_INVALID" : "RENDER_ERROR";
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    core.log.error(
      { err: error, code: errorCode, organizationId: request.organizationId, definitionId: request.definitionId, requestId: request.id },
      called ? "a reply could not be judged" : "a request could not be rendered",
    );
    const message = `${called ? "the reply could not be judged" : "the request could not be rendered"} (${why.slice(0, 500)})`;
    const answer: NoReply = { kind: "NO_REPLY", outcome: called ? "REFUSED" : "BLOCKED", errorCode, message };
    const verdict = unanswered(answer);
    Object.assign(row, {
      ...{ outcome: verdict.outcome, errorCode, errorDescription: message, warning: null },
      ...{ statusCode: called?.answer.status ?? null, responseHeaders: null, responseBody: null },
    });
    return { ...NOT_CALLED, attempt: row, answer, verdict, url: row.requestUrl || null, lastError: `${errorCode}: ${message}` };
  }

  async function attempt(request: QueuedRequest, plan: Plan | undefined, signal?: AbortSignal): Promise<Attempted> {
    const row = blankAttempt(request, clock.now());
    const span = core.tracing?.attempt(factsOf(request, row, plan), request.event.trace ?? undefined);
    const trace = span?.context ?? request.event.trace ?? null;
    row.traceparent = trace?.traceparent ?? null;
    const attempted = await tried({ row, trace }, request, plan, signal);
    // Of what was not sent there is nothing to tell: a span that is never ended is never exported.
    if (attempted.attempt) span?.end(endOf(row));
    return attempted;
  }

  async function tried(traced: Traced, request: QueuedRequest, plan: Plan | undefined, signal?: AbortSignal): Promise<Attempted> {
    const { row } = traced;
    let called: Called | undefined;
    try {
      if ((request.interruptions ?? 0) >= MOST_INTERRUPTIONS) {
        const answer = notSent("INTERRUPTED_TOO_OFTEN", `its worker died ${request.interruptions} times in a row; nothing was sent again`);
        const { organizationId, definitionId, id } = request;
        core.log.error({ code: answer.errorCode, organizationId, definitionId, requestId: id }, "a request is given up: its workers died");
        return settle(row, request, { answer, quiet: [], authenticationCode: null });
      }
      if (plan?.definition.targetType === "CRMSCRIPT")
        return await runScript(row, request, plan, parts.engines.sandbox, parts.publicUrl(), core.vault);
      const answered = await call(traced, request, plan, signal);
      if (answered === "SKIP") return NOT_CALLED;
      called = answered;
      return settle(row, request, called);
    } catch (error) {
      return broken(row, request, called, error);
    }
  }

  return {
    async attempt(request, plan, signal) {
      if (!plan || request.isTest) return attempt(request, plan, signal);
      if (!(await gate.enter(plan))) return { ...NOT_CALLED, unsent: true };
      let failed: boolean | null = null;
      try {
        const attempted = await attempt(request, plan, signal);
        if (attempted.verdict) failed = attempted.verdict.outcome !== "DELIVERED";
        return attempted;
      } finally {
        gate.leave(plan, failed);
      }
    },
  };
}

const factsOf = (request: QueuedRequest, { number }: AttemptRow, plan: Plan | undefined): AttemptFacts => ({
  organization: globalId("Organization", request.organizationId),
  webhook: globalId("WebhookDefinition", request.definitionId),
  request: globalId("WebhookRequest", request.id),
  event: globalId("Event", request.event.id),
  attempt: number,
  call: plan?.definition.targetType !== "CRMSCRIPT",
});

const endOf = ({ requestUrl, outcome, statusCode, errorCode }: AttemptRow): AttemptEnd => ({
  url: maskTarget(requestUrl),
  outcome,
  status: statusCode,
  error: outcome === "DELIVERED" ? null : (errorCode ?? outcome),
});

/** An attempt, and the trace that it belongs to. */
interface Traced {
  row: AttemptRow;
  trace: TraceContext | null;
}

interface Called {
  answer: Answer;
  /** What is hidden of the call, and what the log keeps instead. */
  quiet: Quiet;
  authenticationCode: string | null;
}
