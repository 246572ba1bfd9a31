/** A call and what it triggers, by a catalogue: so that its size and its lanes are known before it is written. */
import type { Core } from "../core.ts";
import type { Catalog } from "../definitions/catalog.ts";
import { type Match, ROWS } from "../delivery/lane-enqueue.ts";
import { type LaneRef, laneIdOf, laneRef } from "../delivery/lane-id.ts";
import { OverloadedError, ValidationError } from "../errors.ts";
import { type EventInput, eventOf, type IncomingEvent } from "./input.ts";
import { Turns } from "./turns.ts";
import { matchesOf } from "./write.ts";

/** A call with more requests is refused. */
export const MAX_REQUESTS = 200_000;
/** Events matched before others have their turn. */
export const STRETCH = 50;

export interface Matched {
  acceptedAt: Date;
  /** Undefined: there is no such organization. */
  catalog: Catalog | undefined;
  events: IncomingEvent[];
  /** Undefined when they are more than `ROWS`: made anew when they are written. */
  matches: Match[] | undefined;
  requests: number;
  lanes: ReadonlySet<LaneRef>;
}

export const fitsOneStatement = ({ matches, requests, events }: Matched): boolean =>
  matches !== undefined && requests <= ROWS && events.length <= ROWS;

/** At most `STRETCH` events, by a catalogue that judges no payloads; undefined: it would keep the process for too long. @throws ValidationError for a type that is not in the catalogue, for a call of too many requests */
export function matchFew(
  core: Core,
  organizationId: string,
  inputs: readonly EventInput[],
  catalog: Catalog | undefined,
): Matched | undefined {
  const turns = new Turns(core.clock);
  const { counting, events, acceptedAt } = begin(core, organizationId, inputs, catalog);
  for (const event of events) {
    const found = turns.within(matchesOf(event, catalog));
    if (!found) return undefined;
    count(counting, event, found);
  }
  return matchedOf(counting, events, acceptedAt, catalog);
}

/** As many as there are; others have their turn meanwhile. @throws as matchFew */
export async function match(
  core: Core,
  organizationId: string,
  inputs: readonly EventInput[],
  catalog: Catalog | undefined,
): Promise<Matched> {
  // A type that is not in the catalogue is not judged.
  const begun = begin(core, organizationId, inputs, catalog);
  const mistakes = (await catalog?.judge?.(inputs)) ?? [];
  if (mistakes.length > 0) throw new ValidationError(mistakes);
  return matchJudged(core, begun, catalog);
}

/** The schemas of a call's types are others than those that it was judged by. */
export class SchemasChangedError extends OverloadedError {
  constructor() {
    super(1);
  }
}

/**
 * By a newer catalogue, for a call whose turn has come. Payloads are not judged again: that takes seconds, and others wait for the turn.
 * @throws as matchFew, and SchemasChangedError: it is judged outside, and comes again
 */
export async function matchAnew(
  core: Core,
  organizationId: string,
  inputs: readonly EventInput[],
  before: Matched,
  catalog: Catalog | undefined,
) {
  const begun = begin(core, organizationId, inputs, catalog);
  if (catalog?.judge && inputs.some(({ type }) => catalog.schema(type) !== before.catalog?.schema(type))) throw new SchemasChangedError();
  return matchJudged(core, begun, catalog);
}

async function matchJudged(
  core: Core,
  { counting, events, acceptedAt }: ReturnType<typeof begin>,
  catalog: Catalog | undefined,
): Promise<Matched> {
  const turns = new Turns(core.clock);
  for (const [i, event] of events.entries()) {
    if (i > 0 && i % STRETCH === 0) await turns.others();
    count(counting, event, await turns.whole(matchesOf(event, catalog)));
  }
  return matchedOf(counting, events, acceptedAt, catalog);
}

/** With the matches of all its events, for a call whose turn has come: while it waits they are not kept. */
export async function wholeOf(core: Core, matched: Matched): Promise<Matched> {
  if (matched.matches) return matched;
  const turns = new Turns(core.clock);
  const found: Match[][] = [];
  for (const event of matched.events) found.push(await turns.whole(matchesOf(event, matched.catalog)));
  return { ...matched, matches: found.flat() };
}

function begin(core: Core, organizationId: string, inputs: readonly EventInput[], catalog: Catalog | undefined) {
  const unknown = unknownNames(inputs, catalog);
  if (unknown) throw unknown;
  const acceptedAt = core.clock.now();
  const counting: Counting = { matches: [], requests: 0, lanes: new Set() };
  return {
    counting,
    acceptedAt,
    events: inputs.map((input) => eventOf(core, organizationId, input, acceptedAt, customerOf(input, catalog))),
  };
}

interface Counting {
  matches: Match[] | undefined;
  requests: number;
  lanes: Set<LaneRef>;
}

function count(counting: Counting, event: IncomingEvent, found: readonly Match[]): void {
  counting.requests += found.length;
  if (counting.requests > ROWS) counting.matches = undefined;
  counting.matches?.push(...found);
  for (const { definitionId, laneEpoch, laneKey } of found)
    counting.lanes.add(laneRef(event.organizationId, laneIdOf(definitionId, laneEpoch, laneKey)));
}

function matchedOf(counting: Counting, events: IncomingEvent[], acceptedAt: Date, catalog: Catalog | undefined): Matched {
  const { requests } = counting;
  if (requests > MAX_REQUESTS)
    throw new ValidationError([
      {
        path: "",
        message: `these events would make ${requests} requests, and one call may make at most ${MAX_REQUESTS}: send them in several calls`,
      },
    ]);
  return { acceptedAt, catalog, events, ...counting };
}

const customerOf = ({ application }: EventInput, catalog: Catalog | undefined): string | null =>
  (application == null ? undefined : catalog?.applicationId(application)) ?? null;

function unknownNames(inputs: readonly EventInput[], catalog: Catalog | undefined): ValidationError | undefined {
  if (!catalog) return undefined;
  const issues = inputs.flatMap(({ type, application }, i) => [
    ...(catalog.accepts(type)
      ? []
      : [{ path: `events.${i}.type`, message: `${type} is not in the catalogue of event types, which this organization enforces` }]),
    ...(application == null || catalog.applicationId(application) !== undefined
      ? []
      : [{ path: `events.${i}.application`, message: "is the uid of no application of this organization; make it first" }]),
  ]);
  return issues.length > 0 ? new ValidationError(issues) : undefined;
}
