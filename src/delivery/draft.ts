/**
 * What one attempt sends. A transformation makes body, URL suffix and headers together, once: at the first attempt, and they
 * stay together through every retry and resend. Only a resend that asks for it (`rerender`), or one of a dialect that always
 * does (CRM.COM), makes them anew.
 */
import type { Core } from "../core.ts";
import { VaultError } from "../vault.ts";
import type { NoReply, Rendered } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { checkHeaders } from "../wire/headers.ts";
import { notSent, viewOf } from "./attempted.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import { type ShapingEngines, shape, withSuffix } from "./shaping.ts";

export interface Draft {
  url: string;
  headers: Record<string, string>;
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

/** "SKIP": the transformation says that nothing is sent. */
export type Drafter = (request: QueuedRequest, plan: Plan, now: Date) => Promise<Draft | NoReply | "SKIP">;

export function createDrafter(core: Core, parts: { engines: ShapingEngines; publicUrl: () => string }): Drafter {
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

  return async (request, plan, now) => {
    const { definition } = plan;
    // Its own, which is the definition's unless that was changed since it was sent: a kept body goes out as it did.
    const dialect = dialects[request.dialect];
    if (plan.unreadable) return notSent("SECRET_UNREADABLE", plan.unreadable);
    const problem = headersOf(plan);
    if (problem !== "") return notSent("INVALID_HEADER", problem);
    const target = dialect.target(request.event, definition);
    if (target === null) return notSent("NO_TARGET", "the definition has no URL for this event");
    const anew = request.rerender === true || (dialect.rendersAnew && request.manual);
    const keeps = request.sentBody !== null && !anew;
    const shaped = keeps
      ? kept(request, request.sentBody as string)
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
    return {
      url: withSuffix(target, shaped.urlSuffix),
      headers: merged(definition.headers, shaped.headers, rendered.headers),
      rendered,
      rendering: keeps ? null : sealed(request, shaped),
      rerendered: anew && request.attemptCount > 0,
    };
  };
}
