/** Whether an error says that Postgres cannot be reached or takes no work now: what a client should simply try again. */
import { BadInputError, HooklineError, UNAVAILABLE, UnavailableError, type UnavailableKind } from "../errors.ts";
import type { Warnings } from "../observe/warnings.ts";
import { isConflict } from "./retry.ts";
import { thrownThrough } from "./through-prisma.ts";

/** Our own UnavailableError, Node's, Postgres's classes 08 (connection) and 53 (resources), shutdown and recovery (57P), statement timeouts, read-only. */
const CODES =
  /^(UNAVAILABLE|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08\w{3}|53\w{3}|57P0\w|57014|25006|P1001|P1002|P1008|P1017|P2024|P2028)$/;
/** What node-postgres and its pool say without a code. */
const MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|connection timeout|Query read timeout|Client has encountered a connection error|the database system is|Can't reach database server|Server has closed the connection|Cannot use a pool after calling end/i;

/** Of an error and of what it stands for: what Prisma made of it, what it was thrown because of, each of several. */
function within(error: unknown, depth = 0): { code: unknown; message: unknown }[] {
  if (typeof error !== "object" || error === null || depth > 4) return [];
  const { code, message, cause, meta, errors } = error as {
    code?: unknown;
    message?: unknown;
    cause?: unknown;
    meta?: { driverAdapterError?: unknown };
    errors?: unknown;
  };
  const original = (cause as { originalCode?: unknown } | undefined)?.originalCode;
  const inner = [cause, meta?.driverAdapterError, ...(Array.isArray(errors) ? errors : [])];
  return [{ code, message }, { code: original, message: undefined }, ...inner.flatMap((each) => within(each, depth + 1))];
}

const saysSo = ({ code, message }: { code: unknown; message: unknown }) =>
  (typeof code === "string" && CODES.test(code)) || (typeof message === "string" && MESSAGES.test(message));

/** Conflicts with other transactions among them (retry.ts): whoever did not try again itself leaves it to the client. */
export const isUnavailable = (error: unknown): boolean => isConflict(error) || within(error).some(saysSo);

const KINDS: readonly [RegExp, UnavailableKind][] = [
  [/^53100$/, "DISK_FULL"],
  [/^53300$/, "NO_CONNECTION"],
  [/^53/, "NO_RESOURCES"],
  [/^25006$/, "READ_ONLY"],
  [/^57014$/, "TOO_SLOW"],
];

/** @param error one that `isUnavailable` */
function kindOf(error: unknown): UnavailableKind {
  if (isConflict(error)) return "IN_THE_WAY";
  for (const { code } of within(error)) {
    const found = typeof code === "string" ? KINDS.find(([codes]) => codes.test(code)) : undefined;
    if (found) return found[1];
  }
  return "UNREACHABLE";
}

/** A character that the database cannot hold: NUL, mostly. What we write ourselves has none. */
const UNSTORABLE = /^(22P05|22021)$/;

/** What a door tells of an error: what is ours as it is, also through Prisma, what Postgres says as ours; the rest is a fault of ours. */
export function toldOf(error: unknown): unknown {
  const thrown = thrownThrough(error);
  if (thrown instanceof HooklineError) return thrown;
  if (isUnavailable(error)) return new UnavailableError({ cause: error, kind: kindOf(error) });
  if (within(error).some(({ code }) => typeof code === "string" && UNSTORABLE.test(code)))
    return new BadInputError("a text has a character that the database cannot hold, such as NUL");
  return error;
}

/** For an operator: the first a minute of each kind, in Postgres's words, which no client is told. */
export const warnOf =
  (warnings: Warnings) =>
  (error: Error & { code?: string }): void => {
    const said = { sqlstate: error.code, err: error.message };
    if (UNSTORABLE.test(error.code ?? ""))
      warnings.warn("database", "UNSTORABLE", said, "a text that the database cannot hold was refused");
    // One that another transaction is in the way of is tried again.
    if (!isUnavailable(error) || isConflict(error)) return;
    const kind = kindOf(error);
    warnings.warn("database", kind, { kind, ...said }, UNAVAILABLE[kind].split(";", 1)[0] as string);
  };
