/** Whether an error says that Postgres cannot be reached or takes no work now: what a client should simply try again. */
import { isConflict } from "./retry.ts";

/** Our own UnavailableError, Node's, Postgres's classes 08 (connection) and 53 (resources), shutdown and recovery (57P), statement timeouts, read-only. */
const CODES =
  /^(UNAVAILABLE|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08\w{3}|53\w{3}|57P0\w|57014|25006|P1001|P1002|P1008|P1017|P2024|P2028)$/;
/** What node-postgres and its pool say without a code. */
const MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|connection timeout|Query read timeout|Client has encountered a connection error|the database system is|Can't reach database server|Server has closed the connection|Cannot use a pool after calling end/i;

/** Conflicts with other transactions among them (retry.ts): whoever did not try again itself leaves it to the client. */
export function isUnavailable(error: unknown, depth = 0): boolean {
  if (typeof error !== "object" || error === null || depth > 4) return false;
  if (isConflict(error)) return true;
  const { code, message, cause, meta, errors } = error as {
    code?: unknown;
    message?: unknown;
    cause?: unknown;
    meta?: { driverAdapterError?: unknown };
    errors?: unknown;
  };
  const original = (cause as { originalCode?: unknown } | undefined)?.originalCode;
  if ([code, original].some((each) => typeof each === "string" && CODES.test(each))) return true;
  if (typeof message === "string" && MESSAGES.test(message)) return true;
  return [cause, meta?.driverAdapterError, ...(Array.isArray(errors) ? errors : [])].some((inner) => isUnavailable(inner, depth + 1));
}
