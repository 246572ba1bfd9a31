/**
 * The rules of custom headers, checked when a definition is saved and again when it sends: what was stored by an older
 * version, or made by a transformation, meets the same gate.
 */
import type { Issue } from "../errors.ts";

const MAX_COUNT = 20;
const MAX_ONE = 4 * 1024;
const MAX_TOTAL = 16 * 1024;

/** RFC 9110 token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible ASCII, space and tab: no CR, LF or NUL, nothing that a proxy decodes in its own way. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** What the sender or the transport sets itself, and what would change where or how a message ends. */
const RESERVED: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "date",
  "via",
  "forwarded",
  "cookie",
  "content-type",
  "user-agent",
  "x-hook-test",
]);
const RESERVED_PREFIXES = ["proxy-", "x-forwarded-", "webhook-", "x-superoffice-"];
/** `Signature`, `X-Hub-Signature-256`, `Signature-Input` …: a receiver must be able to trust these. */
const SIGNATURE = /(?:^|-)signature(?:-|$)/;

/**
 * Every mistake of the whole input, which is refused if there is one.
 * @param path where the headers stand in the input, for the issues
 */
export function checkHeaders(headers: Readonly<Record<string, unknown>>, path = "headers"): Issue[] {
  return checkHeaderList(
    Object.entries(headers).map(([name, value]) => ({ name, value })),
    (_, name) => `${path}.${name}`,
    path,
  );
}

/**
 * The same for a list, where a name may stand twice.
 * @param place the path of the header at that index
 */
export function checkHeaderList(
  headers: readonly { name: string; value: unknown }[],
  place: (index: number, name: string) => string = (index) => `headers.${index}`,
  path = "headers",
): Issue[] {
  const issues: Issue[] = [];
  if (headers.length > MAX_COUNT) issues.push({ path, message: `must be at most ${MAX_COUNT} headers` });
  const seen = new Set<string>();
  let total = 0;
  for (const [index, { name, value }] of headers.entries()) {
    const at = place(index, name);
    const lower = name.toLowerCase();
    const message = nameProblem(name) ?? (seen.has(lower) ? "is given twice; case makes no difference" : undefined) ?? valueProblem(value);
    if (message) issues.push({ path: at, message });
    seen.add(lower);
    total += name.length + (typeof value === "string" ? value.length : 0);
  }
  if (total > MAX_TOTAL) issues.push({ path, message: "must be at most 16 KiB together" });
  return issues;
}

function nameProblem(name: string): string | undefined {
  if (!TOKEN.test(name)) return "is no header name: letters, digits and !#$%&'*+-.^_`|~ are allowed";
  const lower = name.toLowerCase();
  if (RESERVED.has(lower) || SIGNATURE.test(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))) {
    return "is set by the platform and cannot be a custom header";
  }
  return undefined;
}

function valueProblem(value: unknown): string | undefined {
  if (typeof value !== "string") return "must be a string";
  if (value.trim() === "") return "must not be empty";
  if (value.length > MAX_ONE) return "must be at most 4 KiB";
  return VALUE.test(value) ? undefined : "must be visible ASCII, spaces and tabs";
}
