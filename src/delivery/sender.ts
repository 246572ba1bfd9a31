/**
 * One attempt: shape, render, sign, call, judge. What goes wrong on the way to the receiver is an outcome in the log
 * like what the receiver does; nothing here throws for a tenant's or a receiver's fault.
 */
import type { Core } from "../core.ts";
import type { Answer, NoReply, Rendered, Verdict } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { checkHeaders } from "../wire/headers.ts";
import { hiddenValues, maskHeaders, withoutValues } from "../wire/mask.ts";
import { type Attempted, LAST_ERROR_LIMIT, notSent, viewOf } from "./attempted.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import { runScript } from "./script-call.ts";
import type { AttemptRow } from "./settlement.ts";
import { type ShapingEngines, shape, withSuffix } from "./shaping.ts";
import type { Transport } from "./transport.ts";

export interface Sender {
  /** @param signal gives the call up: it is INTERRUPTED */
  attempt(request: QueuedRequest, plan: Plan | undefined, signal?: AbortSignal): Promise<Attempted>;
}

function describe(answer: Answer): string {
  if (answer.kind === "NO_REPLY") return `${answer.errorCode}: ${answer.message}`.slice(0, LAST_ERROR_LIMIT);
  const lines = Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));
  return [`HTTP ${answer.status}`, ...lines, "", answer.body].join("\n").slice(0, LAST_ERROR_LIMIT);
}

/** The reply as the log keeps it. */
function quietReply(answer: Answer, secrets: readonly string[]): Answer {
  if (secrets.length === 0 || answer.kind === "NO_REPLY") return answer;
  const hide = (text: string) => withoutValues(text, secrets);
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, typeof value === "string" ? hide(value) : value.map(hide)]),
  );
  return { ...answer, headers, body: hide(answer.body) };
}

/** A verdict may quote the reply. */
function quiet(verdict: Verdict, secrets: readonly string[]): Verdict {
  if (secrets.length === 0) return verdict;
  const hide = (text: string | null) => text && withoutValues(text, secrets);
  return {
    ...verdict,
    errorDescription: hide(verdict.errorDescription),
    notificationMessage: hide(verdict.notificationMessage),
    warning: hide(verdict.warning),
  };
}

interface Draft {
  url: string;
  headers: Record<string, string>;
  rendered: Rendered;
}

/** Later ones win, whatever the case of their names: a receiver must not see two of one header. */
function merged(...lists: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const names = new Map<string, string>();
  const headers: Record<string, string> = {};
  for (const [name, value] of lists.flatMap((list) => Object.entries(list))) {
    const former = names.get(name.toLowerCase());
    if (former !== undefined && former !== name) delete headers[former];
    names.set(name.toLowerCase(), name);
    headers[name] = value;
  }
  return headers;
}

export function createSender(core: Core, parts: { transport: Transport; engines: ShapingEngines; publicUrl: () => string }): Sender {
  const { clock, config } = core;
  /** Headers are judged once per loaded plan, not once per send. */
  const badHeaders = new WeakMap<Plan, string>();
  const headersOf = (plan: Plan): string => {
    let problem = badHeaders.get(plan);
    if (problem === undefined) {
      problem = checkHeaders(plan.definition.headers)
        .map((issue) => `${issue.path}: ${issue.message}`)
        .join("; ");
      badHeaders.set(plan, problem);
    }
    return problem;
  };

  async function draft(request: QueuedRequest, plan: Plan, now: Date): Promise<Draft | NoReply | "SKIP"> {
    const { definition } = plan;
    const dialect = dialects[definition.dialect];
    if (plan.unreadable) return notSent("SECRET_UNREADABLE", plan.unreadable);
    const problem = headersOf(plan);
    if (problem !== "") return notSent("INVALID_HEADER", problem);
    const target = dialect.target(request.event, definition);
    if (target === null) return notSent("NO_TARGET", "the definition has no URL for this event");
    const shaped = await shape(
      request.event,
      { id: definition.id, transformation: plan.transformation, payloadQuery: plan.payloadQuery },
      parts.engines,
    );
    if (shaped.kind === "SKIP") return "SKIP";
    if (shaped.kind === "ERROR") return notSent(shaped.code, shaped.message);
    const sent = request.sentBody !== null && !dialect.rendersAnew ? Buffer.from(request.sentBody) : shaped.body;
    const rendered = dialect.render({
      event: request.event,
      definition: { ...definition, signingKeys: plan.keysAt(now) },
      request: viewOf(request),
      now,
      publicUrl: parts.publicUrl(),
      body: sent,
    });
    return {
      url: withSuffix(target, shaped.urlSuffix),
      headers: merged(definition.headers, shaped.headers, rendered.headers),
      rendered,
    };
  }

  const attempt: Sender["attempt"] = async (request, plan, signal) => {
    const startedAt = clock.now();
    const row: AttemptRow = {
      number: request.attemptCount + 1,
      outcome: "BLOCKED",
      manual: request.manual,
      statusCode: null,
      durationMs: 0,
      errorCode: null,
      errorDescription: null,
      warning: null,
      requestUrl: "",
      requestHeaders: null,
      requestBody: null,
      responseHeaders: null,
      responseBody: null,
      responseTruncated: false,
      startedAt,
    };
    const judge = dialects[request.dialect].judge;
    if (plan?.definition.targetType === "CRMSCRIPT") {
      return runScript(row, request, plan, parts.engines.sandbox, parts.publicUrl());
    }
    const drafted = plan ? await draft(request, plan, startedAt) : notSent("NO_TARGET", "the definition is gone");
    if (drafted === "SKIP") {
      return { attempt: null, answer: null, verdict: null, url: null, authenticationCode: null, lastError: null };
    }
    let answer: Answer;
    let authenticationCode: string | null = null;
    let secrets: string[] = [];
    if ("kind" in drafted) {
      answer = drafted;
      row.requestUrl = plan?.definition.targetUrl ?? "";
    } else {
      const { url, headers, rendered } = drafted;
      const validateCertificate = request.dialect !== "SUPEROFFICE" || config.superofficeValidateHttps;
      const timeoutMs = plan?.definition.policy.timeoutMs ?? 0;
      const sent = await parts.transport.send({
        url,
        headers,
        body: rendered.body,
        timeoutMs,
        validateCertificate,
        ...(signal && { signal }),
      });
      answer = sent.answer;
      row.durationMs = sent.durationMs;
      row.requestUrl = url;
      row.requestHeaders = maskHeaders(headers) as Record<string, string>;
      secrets = hiddenValues(headers, row.requestHeaders);
      const text = rendered.body.toString();
      row.requestBody = text === request.sentBody ? null : text;
      authenticationCode = rendered.authenticationCode;
    }
    const verdict = quiet(judge(answer), secrets);
    const logged = quietReply(answer, secrets);
    if (logged.kind === "REPLY") {
      row.statusCode = logged.status;
      row.responseHeaders = logged.headers;
      row.responseBody = logged.body;
      row.responseTruncated = logged.truncated;
    }
    row.outcome = verdict.outcome;
    row.errorCode = verdict.errorCode;
    row.errorDescription = verdict.errorDescription;
    row.warning = verdict.warning;
    const lastError = verdict.outcome === "DELIVERED" ? null : describe(logged);
    return { attempt: row, answer, verdict, url: row.requestUrl === "" ? null : row.requestUrl, authenticationCode, lastError };
  };
  return { attempt };
}
