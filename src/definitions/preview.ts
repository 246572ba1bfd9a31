/** Which of the newest events a definition would take, before it is saved. */
import { setImmediate } from "node:timers/promises";
import { type Caller, demand } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import { BadInputError } from "../errors.ts";
import type { EventNode } from "../requests/event.ts";
import { listEvents } from "../requests/event-list.ts";
import { checkFilter } from "./filter.ts";
import { checkEventTypePattern, compileCatalog } from "./match.ts";

/** Payloads may be large: no more events are read for one preview. */
export const MOST_PREVIEWED = 50;

export interface Preview {
  scanned: number;
  matched: number;
  events: { event: EventNode; matches: boolean }[];
}

export interface PreviewInput {
  eventTypes: readonly string[];
  filter: unknown;
  /** How many of the newest events are looked at, 1 … MOST_PREVIEWED. */
  last: number;
}

/**
 * The very matcher that ingest uses, over the newest events of the organization, newest first.
 * For those who may save the filter: what it costs is theirs to spend.
 * @throws BadInputError for a pattern, filter or number that would be refused when saved
 */
export async function previewFilter(core: Core, caller: Caller, { eventTypes, filter, last }: PreviewInput): Promise<Preview> {
  demand(caller, "webhooks:write");
  if (!Number.isInteger(last) || last < 1 || last > MOST_PREVIEWED) throw new BadInputError(`last must be 1 to ${MOST_PREVIEWED}`);
  for (const pattern of eventTypes) {
    const problem = checkEventTypePattern(pattern);
    if (problem) throw new BadInputError(`${pattern}: ${problem}`);
  }
  const [issue] = filter === null || filter === undefined ? [] : checkFilter(filter);
  if (issue) throw new BadInputError(`${issue.path}: ${issue.message}`);

  const definition = {
    id: "preview",
    number: 1,
    applicationId: null,
    dialect: "STANDARD",
    active: true,
    eventTypes,
    filter,
    webServices: [],
  } as const;
  const matcher = compileCatalog([definition], []);
  const { rows } = await listEvents(core.db, caller.organizationId, { limit: last, fromBack: false, after: undefined, before: undefined });
  const events: Preview["events"] = [];
  for (const event of rows) {
    const { payload } = await event.texts();
    // Each may be a megabyte, and cost all of a filter's steps: everybody else has a turn between two.
    await setImmediate();
    events.push({ event, matches: matcher.match({ ...event, payload }).length > 0 });
  }
  return { scanned: events.length, matched: events.filter((each) => each.matches).length, events };
}
