/** What event a verified post is: by the source's template, and by its transformation where there is one. */
import { z } from "zod";
import { isEventType } from "../definitions/match.ts";
import { BESIDE_PAYLOAD, scopeIssues } from "../definitions/text.ts";
import type { Sandbox } from "../delivery/sandbox/sandbox.ts";
import type { EventInput } from "../events/input.ts";
import { parseJson } from "../wire/json-exact.ts";
import { checkJson, members } from "../wire/json-text.ts";
import { isSecretHeader } from "../wire/mask.ts";
import { isShowable, UNSHOWABLE } from "../wire/moment.ts";
import type { SourceSettings } from "./source.ts";
import { filled } from "./templates.ts";
import type { PostHeaders } from "./verification.ts";

export interface ReadPost {
  headers: PostHeaders;
  /** JSON text: the body as it came, a form's fields, a text as a string. */
  payload: string;
}

export type Made =
  | { kind: "EVENT"; event: EventInput }
  /** The transformation returned null. */
  | { kind: "SKIP" }
  | { kind: "REFUSED"; status: 400 | 422; code: "EVENT_TYPE" | "TRANSFORMATION_FAILED"; reason: string };

export type MadeInSandbox = Made & { console: string[] };

const short = z.string().max(255, "must have at most 255 characters").nullish();
const shape = z.strictObject({
  type: z.string().nullish(),
  entity: short,
  entityId: z.union([z.string().max(255, "must have at most 255 characters"), z.number().transform(String)]).nullish(),
  payload: z.unknown().optional(),
  /** As transformations of what goes out name it. */
  body: z.unknown().optional(),
  previous: z.unknown().optional(),
  changes: z.array(z.string().max(BESIDE_PAYLOAD.changeCharacters)).max(BESIDE_PAYLOAD.changes).nullish(),
  scope: z.record(z.string(), z.unknown()).nullish(),
  actor: short,
  occurredAt: z.iso
    .datetime({ offset: true, message: "must be ISO 8601 with a time zone" })
    .refine((text) => isShowable(new Date(text)), UNSHOWABLE)
    .nullish(),
});

/** Why no event of a post may have this type; undefined: nothing. The type itself is what somebody posted, and is not said. */
function typeProblem(type: string): string | undefined {
  if (!isEventType(type)) return "the event type that the post comes to must be 1 to 128 letters, digits, _ . - (not first . or -)";
  return type.startsWith("hookline.")
    ? "the event type that the post comes to begins with hookline., which names Hookline's own events"
    : undefined;
}

/** The post as a transformation sees it. What may hold a credential is not in it. */
function postJson(type: string | null, { headers, payload }: ReadPost): string {
  const shown = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || isSecretHeader(name) ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
  );
  return `{"type":${JSON.stringify(type)},"headers":${JSON.stringify(Object.fromEntries(shown))},"payload":${payload}}`;
}

/** @param owner whose turn in the sandbox it takes */
export async function eventOfPost(
  source: Pick<SourceSettings, "eventType" | "transformation">,
  post: ReadPost,
  sandbox: Pick<Sandbox, "shapeEvent">,
  owner: { organizationId: string; key: string; most?: number; now: Date },
): Promise<MadeInSandbox> {
  const named = filled(source.eventType, post);
  const refused = (reason: string) => ({ kind: "REFUSED", status: 400, code: "EVENT_TYPE", reason }) as const;
  const judged = (event: EventInput): Made => {
    const problem = typeProblem(event.type);
    return problem ? refused(problem) : { kind: "EVENT", event };
  };
  if (source.transformation === null) {
    const made =
      "missing" in named
        ? refused(`the event type needs ${named.missing}, which the post lacks`)
        : judged({ ...named, payload: post.payload });
    return { ...made, console: [] };
  }
  const ran = await sandbox.shapeEvent(source.transformation, postJson("type" in named ? named.type : null, post), owner);
  const { console } = ran;
  if (ran.kind === "SKIP") return { kind: "SKIP", console };
  const shaped = ran.kind === "ERROR" ? ran.message : shapedEvent(ran.event, post);
  if (typeof shaped === "string")
    return { kind: "REFUSED", status: 422, code: "TRANSFORMATION_FAILED", reason: `the transformation failed: ${shaped}`, console };
  const type = shaped.type ?? ("type" in named ? named.type : undefined);
  if (type === undefined)
    return {
      ...refused(`the event type needs ${"missing" in named ? named.missing : "a value"}, and the transformation gave none`),
      console,
    };
  return { ...judged({ ...shaped, type }), console };
}

/** @param text what a transformation returned, as JSON. @returns its mistake, or the event: what it leaves out is as it came */
function shapedEvent(text: string, post: ReadPost): (Omit<EventInput, "type"> & { type?: string }) | string {
  const problem = checkJson(text, { maxDepth: 65 });
  if (problem) return `what it returned ${problem.message}`;
  const parsed = shape.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    if (issue?.code === "unrecognized_keys")
      return `it returned ${issue.keys[0]}, which is no field of an event: type, entity, entityId, payload, previous, changes, scope, actor, occurredAt`;
    if (issue?.path.length === 0) return "what it returned must be an object of an event's fields";
    return `${issue?.path.join(".")} ${issue?.message}`;
  }
  const { type, entity, entityId, changes, actor, occurredAt } = parsed.data;
  const sources = members(text) ?? new Map<string, string>();
  const written = (name: string) => (sources.get(name) === "null" ? undefined : sources.get(name));
  const scope = written("scope");
  const exact = scope === undefined ? null : (parseJson(scope) as Record<string, unknown>);
  const [bad] = scopeIssues("scope", exact);
  if (bad) return `${bad.path} ${bad.message}`;
  return {
    ...(type ? { type } : {}),
    payload: sources.get("payload") ?? sources.get("body") ?? post.payload,
    entity: entity ?? null,
    entityId: entityId === undefined || entityId === null ? null : String(entityId),
    previous: written("previous") ?? null,
    changes: changes ?? [],
    scope: exact,
    actor: actor ?? null,
    ...(occurredAt ? { occurredAt: new Date(occurredAt) } : {}),
  };
}
