/** The Accept header of `/graphql`, judged before anything runs: what nobody could be told is not done. Pure. */
import { parts } from "../../text.ts";

export const EVENT_STREAM = "text/event-stream";
/** The last of these that a range fits: a client that takes anything gets plain JSON. */
const ANSWERS = [EVENT_STREAM, "application/graphql-response+json", "application/json"];
/** Browsers and clients name a dozen. */
const MOST_RANGES = 100;

/** A handful of clients, each of which says the same every time. */
const known = new Map<string, readonly string[]>();
const MOST_KNOWN = 100;
const LONGEST_KNOWN = 200;

function rangesOf(accept: string | null | undefined): readonly string[] {
  const given = accept?.trim() ? accept : "*/*";
  const kept = known.get(given);
  if (kept) return kept;
  const ranges = rangesIn(given);
  if (known.size < MOST_KNOWN && given.length <= LONGEST_KNOWN) known.set(given, ranges);
  return ranges;
}

/** Without their parameters. Weights do not count, as with Yoga; a range in another charset than UTF-8 is none. */
function rangesIn(given: string): string[] {
  return (parts(given.toLowerCase(), ",", MOST_RANGES) ?? []).flatMap((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const charset = parameters.find((parameter) => parameter.startsWith("charset="));
    return charset === undefined || /^charset="?utf-8"?$/.test(charset) ? [type] : [];
  });
}

function fits(range: string, type: string): boolean {
  const slash = type.indexOf("/");
  return range === "*/*" || range === type || range === `${type.slice(0, slash)}/*`;
}

/** @param accept undefined and "": anything */
export function takes(accept: string | null | undefined, type: string): boolean {
  return rangesOf(accept).some((range) => fits(range, type));
}

/**
 * The form of an answer that is no stream: as the client prefers, by the order in which it names them; events alone only when it
 * takes nothing else. Undefined: there is none that it takes.
 */
export function answerType(accept: string | undefined): string | undefined {
  const found = rangesOf(accept).flatMap((range) => ANSWERS.findLast((type) => fits(range, type)) ?? []);
  return found.find((type) => type !== EVENT_STREAM) ?? found[0];
}
