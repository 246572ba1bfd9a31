/** What the log and a definition's last error say of an answer, without the secrets that were sent. Pure. */
import type { Answer, Verdict } from "../wire/dialect.ts";
import { LAST_ERROR_LIMIT } from "./attempted.ts";

/** A value that a receiver may send back, and what the log keeps instead. */
export type Quiet = readonly (readonly [value: string, instead: string])[];

const without = (text: string, quiet: Quiet) => quiet.reduce((rest, [value, instead]) => rest.replaceAll(value, () => instead), text);

/** The answer as text: status, headers and body, or `CODE: message`. */
export function describe(answer: Answer): string {
  if (answer.kind === "NO_REPLY") return `${answer.errorCode}: ${answer.message}`.slice(0, LAST_ERROR_LIMIT);
  const lines = Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));
  return [`HTTP ${answer.status}`, ...lines, "", answer.body].join("\n").slice(0, LAST_ERROR_LIMIT);
}

/** The reply as the log keeps it: a receiver may send back what it was sent. */
export function quietReply(answer: Answer, quiet: Quiet): Answer {
  if (quiet.length === 0 || answer.kind === "NO_REPLY") return answer;
  const hide = (text: string) => without(text, quiet);
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, typeof value === "string" ? hide(value) : value.map(hide)]),
  );
  return { ...answer, headers, body: hide(answer.body) };
}

/** A verdict may quote the reply. */
export function quietVerdict(verdict: Verdict, quiet: Quiet): Verdict {
  if (quiet.length === 0) return verdict;
  const hide = (text: string | null) => text && without(text, quiet);
  return {
    ...verdict,
    errorDescription: hide(verdict.errorDescription),
    notificationMessage: hide(verdict.notificationMessage),
    warning: hide(verdict.warning),
  };
}
