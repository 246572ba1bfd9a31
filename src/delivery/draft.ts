/**
 * What one attempt sends. A transformation makes body, URL suffix and headers together, once: at the first attempt, and they
 * stay together through every retry and resend. Only a resend that asks for it (`rerender`), or one of a dialect that always
 * does (CRM.COM), makes them anew.
 */
import type { Core } from "../core.ts";
import type { TraceContext } from "../observe/tracing.ts";
import { VaultError } from "../vault.ts";
import type { NoReply, Rendered } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { checkHeaders } from "../wire/headers.ts";
import { hiddenValues, MASK, maskHeaders, targetSecrets } from "../wire/mask.ts";
import { traceHeaders } from "../wire/trace-context.ts";
import { notSent, viewOf } from "./attempted.ts";
import type { Opened } from "./hidden.ts";
import { resendable } from "./log-seal.ts";
import type { Quiet } from "./log-texts.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import { type ShapingEngines, shape, withSuffix } from "./shaping.ts";

export interface Draft {
  url: string;
  headers: Record<string, string>;
  /** The headers as the log keeps them. */
  loggedHeaders: Record<string, string>;
  /** What is hidden of the definition, opened for this URL. */
  opened: Opened;
  /** Hidden values of the call that a receiver may send back. */
  quiet: Quiet;
  /** The very bytes of an earlier attempt. */
  again: boolean;
  rendered: Rendered;
  /** What the transformation made beside the body, sealed for the log; null: nothing, or kept already. */
  rendering: string | null;
  /** Not that of an earlier attempt, though there was one. */
  rerendered: boolean;
}

interface Shape {
  body: Buffer | null;
  headers: Record<string, string>;
  urlSuffix: string;
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

/** The dialect's own as they are, all others as the definition hides them. */
function logged(headers: Record<string, string>, own: Readonly<Record<string, string>>, opened: Opened): Record<string, string> {
  const shown = maskHeaders(headers) as Record<string, string>;
  for (const [name, value] of Object.entries(headers)) if (own[name] !== value) shown[name] = opened.loggedHeader(name, value);
  return shown;
}

/** @param url a receiver says it back on its page for what it does not know */
function quietOf(made: Record<string, string>, url: string, opened: Opened): Quiet {
  const ofUrl = targetSecrets(url);
  if (Object.keys(made).length === 0 && ofUrl.length === 0) return opened.quiet;
  return [...opened.quiet, ...ofUrl, ...hiddenValues(made, maskHeaders(made)).map((value) => [value, MASK] as const)];
}

/** @param trace is carried on @returns "SKIP": the transformation says that nothing is sent */
export type Drafter = (request: QueuedRequest, plan: Plan, now: Date, trace: TraceContext | null) => Promise<Draft | NoReply | "SKIP">;

export function createDrafter(core: Core, parts: { engines: ShapingEngines; publicUrl: () => string }): Drafter {
  /** Headers are judged once per loaded plan and origin, not once per send. */
  const badHeaders = new WeakMap<Opened, string>();
  const headersOf = (opened: Opened): string => {
    let problem = badHeaders.get(opened);
    if (problem === undefined) {
      problem = checkHeaders(opened.definition.headers)
        .map((issue) => `${issue.path}: ${issue.message}`)
        .join("; ");
      badHeaders.set(opened, problem);
    }
    return problem;
  };

  const place = (request: QueuedRequest) => `${request.organizationId}/${request.id}/rendering`;

  const sealed = (request: QueuedRequest, { headers, urlSuffix }: Shape): string | null =>
    urlSuffix === "" && Object.keys(headers).length === 0 ? null : core.vault.seal(JSON.stringify({ headers, urlSuffix }), place(request));

  /** That of an earlier attempt. */
  function kept(request: QueuedRequest, sentBody: string): Shape | NoReply {
    const body = Buffer.from(sentBody);
    const { rendering = null } = request;
    if (rendering === null) return { body, headers: {}, urlSuffix: "" };
    try {
      return { body, ...(JSON.parse(core.vault.open(rendering, place(request))) as Omit<Shape, "body">) };
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      return notSent("SECRET_UNREADABLE", `what the transformation made does not open: ${error.message}; resend with rerender: true`);
    }
  }

  return async (request, plan, now, trace) => {
    // Its own, which is the definition's unless that was changed since it was sent: a kept body goes out as it did.
    const dialect = dialects[request.dialect];
    if (plan.unreadable) return notSent("SECRET_UNREADABLE", plan.unreadable);
    const target = dialect.target(request.event, plan.definition);
    if (target === null) return notSent("NO_TARGET", "the definition has no URL for this event");
    const opened = plan.opened(URL.parse(target)?.origin ?? "");
    const { definition, origin } = opened;
    const problem = headersOf(opened);
    if (problem !== "") return notSent("INVALID_HEADER", problem);
    const asked = request.rerender === true || (dialect.rendersAnew && request.manual);
    // Bytes that hold what another origin was trusted with are not sent here: the definition as it is now makes others.
    const { vault } = core;
    const sentBody = request.sentBody === null || asked ? undefined : resendable({ vault, ...request }, request.sentBody, origin);
    const anew = asked || (request.sentBody !== null && sentBody === undefined);
    const keeps = sentBody !== undefined;
    const shaped = keeps
      ? kept(request, sentBody)
      : await shape(
          request.event,
          { id: definition.id, transformation: plan.transformation, payloadQuery: plan.payloadQuery },
          parts.engines,
        );
    if ("kind" in shaped) {
      if (shaped.kind === "SKIP") return "SKIP";
      if (shaped.kind === "ERROR") return notSent(shaped.code, shaped.message);
      if (shaped.kind === "NO_REPLY") return shaped;
    }
    const rendered = dialect.render({
      event: request.event,
      definition: { ...definition, signingKeys: plan.keysAt(now) },
      request: viewOf(request),
      now,
      publicUrl: parts.publicUrl(),
      body: shaped.body,
    });
    const headers = merged(definition.headers, shaped.headers, rendered.headers);
    const loggedHeaders = logged(headers, rendered.headers, opened);
    if (trace) {
      const carried = traceHeaders(trace, headers);
      Object.assign(headers, carried);
      Object.assign(loggedHeaders, carried);
    }
    const url = withSuffix(target, shaped.urlSuffix);
    return {
      url,
      headers,
      loggedHeaders,
      opened,
      quiet: quietOf(shaped.headers, url, opened),
      again: keeps,
      rendered,
      rendering: keeps ? null : sealed(request, shaped),
      rerendered: anew && request.attemptCount > 0,
    };
  };
}
