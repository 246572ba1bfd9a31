/**
 * `maskTarget` (wire/mask.ts) as SQL, of what stands behind the host: by it lists find a part of an address for those who see it
 * masked. test/requests/typed-url.test.ts holds the two together.
 */

/** A segment that looks like a key. */
const KEY = "/(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_.~%-]{20,}(?=/|$)";
const INBOUND = "(/inbound/+[^/]+/+[^/]+/+).*";

/** @param url SQL of a text without a fragment */
export function maskedTargetSql(url: string): string {
  const address = `split_part(${url}, '?', 1)`;
  // The first slash behind `https://`.
  const behind = `strpos(substr(${address}, 9), '/')`;
  const path = `CASE WHEN ${behind} = 0 THEN '' ELSE substr(${address}, ${behind} + 8) END`;
  const query = `CASE WHEN strpos(${url}, '?') = 0 THEN '' ELSE substr(${url}, strpos(${url}, '?') + 1) END`;
  const maskedPath = `regexp_replace(regexp_replace(${path}, '${INBOUND}', '\\1***', 'i'), '${KEY}', '/***', 'g')`;
  const maskedQuery = String.raw`regexp_replace(regexp_replace(${query}, '=[^&]*', '=***', 'g'), '(^|&)[^=&]+(?=&|$)', '\1***', 'g')`;
  return `(left(${address}, CASE WHEN ${behind} = 0 THEN length(${address}) ELSE ${behind} + 7 END) || ${maskedPath}
    || CASE WHEN strpos(${url}, '?') = 0 THEN '' ELSE '?' || ${maskedQuery} END)`;
}
