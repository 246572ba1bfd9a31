/** What a transformation returned, read outside the sandbox: nothing in it is trusted. Pure. */
import { checkHeaders } from "../../wire/headers.ts";

export type Transformed =
  | { kind: "SEND" /** JSON text. */; body: string; headers: Record<string, string> /** "" or `/…`. */; urlSuffix: string }
  | { kind: "ERROR"; code: "TRANSFORMATION_ERROR"; message: string };

const MAX_SUFFIX = 1024;

/** @param value the three parts as JSON text, JSON text, text */
export function readTransformed(value: { value: string; headers: string | null; urlSuffix: string | null }): Transformed {
  const headers: unknown = value.headers === null ? {} : JSON.parse(value.headers);
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) return error("headers must be an object of strings");
  const [issue] = checkHeaders(headers as Record<string, unknown>);
  if (issue) return error(`${issue.path} ${issue.message}`);
  const suffix = value.urlSuffix ?? "";
  const problem = suffix === "" ? undefined : suffixProblem(suffix);
  if (problem) return error(`urlSuffix ${problem}`);
  return { kind: "SEND", body: value.value, headers: headers as Record<string, string>, urlSuffix: suffix };
}

function error(message: string): Transformed {
  return { kind: "ERROR", code: "TRANSFORMATION_ERROR", message };
}

/** It may lengthen the target's path and add to its query, no more: not climb out of it, not name another host. */
function suffixProblem(suffix: string): string | undefined {
  if (!/^\/(?!\/)/.test(suffix)) return "must start with a single /";
  if (suffix.length > MAX_SUFFIX) return `must be at most ${MAX_SUFFIX} characters`;
  if (!/^[\x21-\x7e]*$/.test(suffix) || /[\\#]/.test(suffix)) return "must be visible ASCII without \\ and #; write the rest as %XX";
  const path = (suffix.split("?")[0] ?? "").replace(/%2e/gi, ".");
  return path.split("/").some((segment) => segment === "." || segment === "..") ? "must not contain . or .. segments" : undefined;
}
