/**
 * The log's URL filter as SQL over `webhook_request r`, whose URLs are kept as the URL parser writes them. Plain functions of
 * texts: a regular expression of a URL's length takes Postgres seconds.
 */
import { type RawBuilder, type SqlBool, sql } from "kysely";
import { maskedTargetSql } from "../db/masked-url.ts";
import { typedUrl } from "./typed-url.ts";

/** Percent-encodings that are looked for in any case; more of them are compared as the parser writes them. */
const MOST_CODES = 12;

/** `%c3`, `%C3`: each way to write a percent-encoding but with capitals. */
function others(code: string): string[] {
  const [first = "", second = ""] = [code[1], code[2]];
  const cases = (digit: string) => [...new Set([digit, digit.toLowerCase()])];
  return cases(first)
    .flatMap((a) => cases(second).map((b) => `%${a}${b}`))
    .filter((each) => each !== code);
}

const CLEAR = sql<string>`split_part(r.url, '#', 1)`;
const MASKED = sql<string>`${sql.raw(maskedTargetSql("split_part(r.url, '#', 1)"))}`;

/** The row's URL without its fragment, the percent-encodings that were typed in capitals. */
function urlLike(typed: string, url = CLEAR): RawBuilder<string> {
  const codes = [...new Set(typed.match(/%[0-9A-F]{2}/g) ?? [])].filter((code) => /[A-F]/.test(code)).slice(0, MOST_CODES);
  return codes
    .flatMap((code) => others(code).map((other) => [other, code] as const))
    .reduce<RawBuilder<string>>((all, [from, to]) => sql`replace(${all}, ${from}, ${to})`, url);
}

/** Without slashes at the end of the path. */
const whole = (url: RawBuilder<string>) =>
  sql<string>`rtrim(split_part(${url}, '?', 1), '/') || substr(${url}, length(split_part(${url}, '?', 1)) + 1)`;

/** Behind the host: its first slash stands behind `https://`. */
const behind = (url: RawBuilder<string>) => sql<string>`substr(${url}, strpos(substr(${url}, 9), '/') + 8)`;

function standsIn(text: string, masked: boolean): RawBuilder<SqlBool> {
  const within = (url: RawBuilder<string>) => sql<SqlBool>`strpos(${behind(urlLike(text, url))}, ${text}) > 0`;
  if (!masked) return within(CLEAR);
  // Masking takes regular expressions: only of those rows in which it stands at all, unless it names the mask itself.
  return text.includes("*") ? within(MASKED) : sql<SqlBool>`CASE WHEN ${within(CLEAR)} THEN ${within(MASKED)} ELSE false END`;
}

/** @param masked a part is looked for in what those see who may not read secrets; a whole URL says nothing that they do not know */
export function urlClause(given: string, masked: boolean): RawBuilder<SqlBool> {
  const typed = typedUrl(given);
  if (typed.kind === "URL") return sql`${whole(urlLike(typed.url))} = ${typed.url}`;
  // Nothing is found by nothing.
  const inside = typed.text === "" ? sql<SqlBool>`false` : standsIn(typed.text, masked);
  if (typed.kind === "PART") return inside;
  const { host, rest } = typed;
  const there =
    rest === undefined
      ? sql<SqlBool>`split_part(split_part(r.url, '?', 1), '/', 3) = ${host}`
      : sql<SqlBool>`${whole(urlLike(rest))} IN (${`https://${host}${rest}`}, ${`http://${host}${rest}`})`;
  return sql`(${there} OR ${inside})`;
}
