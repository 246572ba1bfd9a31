/** What happened to a request, in a sentence: "Receiver answered 500 · attempt 3 of 10 · next 06:53". Pure. */
import { formatMinute } from "../components/format.ts";
import { zoned, zoneName } from "../components/zone.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

/** What the sentence needs of a request. */
export const Told = graphql(`
  fragment Told on WebhookRequest {
    state
    errorCode
    attemptCount
    nextAttemptAt
    told: webhookDefinition {
      id
      retrySchedule
    }
    latest: attempts(last: 1) {
      edges {
        node {
          outcome
          statusCode
          errorCode
          manual
          replyLine
        }
      }
    }
  }
`);
export type Told = ResultOf<typeof Told>;
type Latest = Told["latest"]["edges"][number]["node"];

export interface Sentence {
  /** Amber while another attempt comes, red when none does. */
  tone: "warn" | "bad" | "mute";
  text: string;
  /** The first line of the receiver's reply. */
  reply: string | null;
}

const words = (code: string) => code.replaceAll("_", " ").toLowerCase();

export function causeOf({ outcome, statusCode, errorCode }: Pick<Latest, "outcome" | "statusCode" | "errorCode">): string {
  const code = errorCode === null ? "" : ` (${words(errorCode)})`;
  if (statusCode !== null) return `Receiver answered ${statusCode}`;
  if (outcome === "TIMED_OUT") return "Receiver did not answer in time";
  if (outcome === "REFUSED") return `Receiver could not be reached${code}`;
  if (outcome === "BLOCKED") return `Not sent: the call is not allowed, or cannot be made${code}`;
  if (outcome === "INTERRUPTED") return "The worker went away during the call";
  return `The attempt failed${code}`;
}

/** Whether a description says more than the status that stands beside it. */
export const saysMore = (description: string | null): description is string => description !== null && !/^HTTP \d+$/.test(description);

const day = zoned({ day: "numeric", month: "short" });
const second = zoned({ hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** The clock time; to the second when it is near, with the day when it is not today. */
function nextAt(at: string, now: number): string {
  const date = new Date(at);
  if (day(date) !== day(new Date(now))) return `${day(date)}, ${formatMinute(at)}`;
  return date.getTime() - now < 120_000 ? `${second(date)} ${zoneName(date)}` : formatMinute(at);
}

const triesOf = (schedule: readonly unknown[] | null) => (schedule ? schedule.length + 1 : undefined);

/** `attempt 3 of 10`; after a call by hand the schedule may have begun anew, so no place in it is claimed. */
export function attemptOf(number: number, tries: number | undefined, manual: boolean): string {
  return manual || tries === undefined || number > tries ? `attempt ${number}` : `attempt ${number} of ${tries}`;
}

/** @returns undefined when nothing failed */
export function sentenceOf(request: Told, now: number): Sentence | undefined {
  const latest = request.latest.edges[0]?.node;
  if (request.state === "DELIVERED" || latest?.outcome === "DELIVERED") return undefined;
  const final = request.state === "REJECTED";
  if (!latest) {
    if (request.errorCode === null) return undefined;
    return { tone: final ? "bad" : "mute", text: `Not sent (${words(request.errorCode)})`, reply: null };
  }
  const parts = [causeOf(latest), attemptOf(request.attemptCount, triesOf(request.told.retrySchedule), latest.manual)];
  if (final) parts.push("given up");
  else if (request.state === "WAITING" && request.nextAttemptAt !== null) parts.push(`next ${nextAt(request.nextAttemptAt, now)}`);
  else if (request.state === "PENDING" || request.state === "SENDING") parts.push("tried again now");
  const goesOn = request.state === "WAITING" || request.state === "PENDING" || request.state === "SENDING";
  return { tone: final ? "bad" : goesOn ? "warn" : "mute", text: parts.join(" · "), reply: latest.replyLine };
}
