/** EventFilter: which events, for the list of events and for its export. */
import type { InputShapeFromTypeParam } from "@pothos/core";
import type { Caller } from "../../accounts/caller.ts";
import { getApplication } from "../../applications/find.ts";
import type { Core } from "../../core.ts";
import { checkEventTypePattern } from "../../definitions/match.ts";
import { type Issue, ValidationError } from "../../errors.ts";
import { type EventFilter as DomainFilter, payloadTextProblem } from "../../requests/event-filter.ts";
import { idOf, NOBODY } from "../../wire/ids.ts";
import { checkFilterTexts } from "../filter-texts.ts";
import { builder } from "./builder.ts";

const MOST_TYPES = 100;

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

export const EventFilter = builder.inputType("EventFilter", {
  description: "Narrows the list of events: all that is given must hold. A text has at most 2 048 characters.",
  fields: (t) => ({
    type: t.stringList({
      description:
        "Events of any of these types, as a definition's `eventTypes`: `order.created`, a family such as `order.*`, or `*` for all; `*.created` too. At most 100; an empty list matches nothing; case counts.",
    }),
    entity: t.string({ description: "Events with exactly this `entity`, such as `order`." }),
    entityId: t.string({ description: "Events with exactly this `entityId`, such as `18`." }),
    since: t.field({ type: "DateTime", description: "Events accepted at this moment or later." }),
    until: t.field({ type: "DateTime", description: "Events accepted before this moment." }),
    matched: t.boolean({
      description: "true: those that a definition took, which have or had a request; false: those that nothing wanted.",
    }),
    payloadContains: t.string({
      description:
        'Events whose payload has this in its text, 3 to 200 characters; case does not count (beyond ASCII only where the ctype of the database knows the letters: not with `C`, which embedded ones made by 0.1 have), nothing is a wildcard, and what was erased is not found. The text is the JSON as it was sent: `"total": 5` with the white space and the order of names of whoever sent it (GraphQL inputs are kept without white space), a quote as `\\"`, and `é` as `\\u00e9` where it came as that. A name or value by itself is found best. A page looks into 8 MiB of payloads, unless they are indexed: it may be shorter, even empty, while `hasNextPage` is true.',
    }),
    application: t.string({
      description:
        "Events of this application, by its uid as events name it, or by its global id, also of a deleted one; an unknown one matches nothing.",
    }),
  }),
});

type Given = InputShapeFromTypeParam<BuilderTypes, typeof EventFilter, false>;

function mistakesOf({ type, payloadContains }: NonNullable<Given>): Issue[] {
  const message = payloadContains == null ? undefined : payloadTextProblem(payloadContains);
  return [...typeMistakes(type ?? []), ...(message === undefined ? [] : [{ path: "filter.payloadContains", message }])];
}

function typeMistakes(types: readonly string[]): Issue[] {
  if (types.length > MOST_TYPES) return [{ path: "filter.type", message: `must be at most ${MOST_TYPES} patterns` }];
  return types.flatMap((type, i) => {
    const message = checkEventTypePattern(type.startsWith("*.") ? type.slice(2) : type);
    return message === undefined ? [] : [{ path: `filter.type.${i}`, message }];
  });
}

async function applicationIdOf(core: Core, caller: Caller, text: string): Promise<string> {
  return idOf("Application", text) ?? (await getApplication(core, caller, { uid: text }))?.id ?? NOBODY;
}

/**
 * As the domain takes it; null is as absent.
 * @throws ValidationError that names each pattern which is none, and a text that is too short or too long
 */
export async function eventFilter(core: Core, caller: Caller, given: Given | null | undefined): Promise<DomainFilter> {
  if (!given) return {};
  checkFilterTexts(given);
  const { application, ...rest } = given;
  const issues = mistakesOf(given);
  if (issues.length > 0) throw new ValidationError(issues);
  const applicationId = application == null ? undefined : await applicationIdOf(core, caller, application);
  const filter = { ...rest, applicationId };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value != null)) as DomainFilter;
}
