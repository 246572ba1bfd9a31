/** The Accept header of `/graphql`, judged before anything runs: what nobody could be told is not done. Pure. */
import { parts } from "../../text.ts";

export const EVENT_STREAM = "text/event-stream";
const ANSWERS = ["application/graphql-response+json", "application/json", EVENT_STREAM, "multipart/mixed"];
/** Browsers and clients name a dozen. */
const MOST_RANGES = 100;

/** Without their parameters. Weights do not count, as with Yoga; a range in another charset than UTF-8 is none. */
function rangesOf(accept: string | null | undefined): string[] {
  const given = accept?.trim() ? accept : "*/*";
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

/** Whether there is any form of answer that this client takes. */
export function takesAnswers(accept: string | undefined): boolean {
  const ranges = rangesOf(accept);
  return ANSWERS.some((type) => ranges.some((range) => fits(range, type)));
}
