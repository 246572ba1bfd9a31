/** What a log may show. Masked text is `***`, whatever it was: its length would tell something too. */

export const MASK = "***";

/**
 * Names that say "secret". Custom headers are free text, so this errs on the side of hiding: a hidden header that was
 * harmless costs a look at the definition, a shown one costs a key. Signatures are shown: they prove, they do not open.
 */
const SECRET_WORD = /authoriz|authentic|token|secret|passw|passphrase|credential|cookie|session|api-?key|private-?key|access-?key/;
const SECRET_PART = /(?:^|[-_.])(?:auth|key|jwt|pass|pwd|pin|bearer)(?:[-_.]|$)/;
/** A credential is one under any name. */
const SECRET_VALUE = /^(?:bearer|basic|token|apikey|digest)\s/i;
/** They name a thing, and open nothing. */
const HARMLESS: ReadonlySet<string> = new Set(["idempotency-key", "x-idempotency-key", "www-authenticate", "proxy-authenticate"]);

export function isSecretHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return !HARMLESS.has(lower) && (SECRET_WORD.test(lower) || SECRET_PART.test(lower));
}

/** A copy for the log, names as they were. */
export function maskHeaders<Value extends string | readonly string[]>(
  headers: Readonly<Record<string, Value>>,
): Record<string, Value | string> {
  const shown: Record<string, Value | string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const hidden = isSecretHeader(name) || (typeof value === "string" && SECRET_VALUE.test(value));
    shown[name] = hidden ? MASK : value;
  }
  return shown;
}

/** Shorter ones would be found by chance in the middle of other words. */
const SHORTEST_SECRET = 6;

/** The values that `maskHeaders` hid in `shown`, and what stands behind their scheme: `Bearer abc` also as `abc`. */
export function hiddenValues(headers: Readonly<Record<string, string>>, shown: Readonly<Record<string, unknown>>): string[] {
  const hidden = Object.entries(headers).filter(([name, value]) => shown[name] !== value);
  const values = hidden.flatMap(([, value]) => [value, value.replace(/^\S+\s+/, "")]);
  return [...new Set(values)].filter((value) => value.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

/** A receiver may send back what it was sent (echo services, verbose error pages): the secrets of a call stay out of its log. */
export function withoutValues(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/**
 * An address for logs: userinfo, query values, fragment and the key of an inbound webhook become `***`. Takes absolute
 * URLs and paths, also ones that do not parse: those are what a log needs most.
 */
export function maskUrl(url: string): string {
  const [beforeFragment = "", ...fragment] = url.split("#");
  const mark = beforeFragment.indexOf("?");
  const address = mark < 0 ? beforeFragment : beforeFragment.slice(0, mark);
  const query = mark < 0 ? "" : `?${maskQuery(beforeFragment.slice(mark + 1))}`;
  return `${maskInboundKey(maskUserinfo(address))}${query}${fragment.length > 0 ? `#${MASK}` : ""}`;
}

function maskQuery(query: string): string {
  return query
    .split("&")
    .map((part) => {
      const equals = part.indexOf("=");
      return equals < 0 ? part : `${part.slice(0, equals)}=${MASK}`;
    })
    .join("&");
}

function maskUserinfo(address: string): string {
  const authority = /^(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,}/i.exec(address);
  if (!authority) return address;
  const from = authority[0].length;
  const slash = address.slice(from).search(/[\\/]/);
  const end = slash < 0 ? address.length : from + slash;
  const at = address.lastIndexOf("@", end - 1);
  return at < from ? address : `${address.slice(0, from)}${MASK}${address.slice(at)}`;
}

/** `/inbound/goals/{goalId}/{key}`, and whatever follows the key. */
function maskInboundKey(address: string): string {
  const match = /\/inbound\/+[^/]+\/+[^/]+\/+/i.exec(address);
  return match ? `${address.slice(0, match.index + match[0].length)}${MASK}` : address;
}

/** Names of properties and JSON keys that say "secret", as those of headers do. */
export const isSecretName = (name: string): boolean => isSecretHeader(name.replace(/([a-z0-9])([A-Z])/g, "$1-$2"));

/** A credential under any name. */
export const isSecretValue = (value: string): boolean => SECRET_VALUE.test(value);

/** Long, with letters and digits: what a path of words or a short id is not. A path may be a target's only secret. */
const KEY_SEGMENT = /^(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_.~%-]{20,}$/;

/**
 * A receiver's address as those see it who may not read secrets: userinfo, query values, fragment, and whatever part of the path
 * looks like a key are `***`.
 */
export function maskTarget(url: string): string {
  const masked = maskUrl(url);
  const end = masked.indexOf("#");
  const [address = "", ...query] = (end < 0 ? masked : masked.slice(0, end)).split("?");
  const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/i.exec(address)?.[0] ?? "";
  const path = address
    .slice(authority.length)
    .split("/")
    .map((segment) => (KEY_SEGMENT.test(segment) ? MASK : segment))
    .join("/");
  // A part of the query without a name is a value.
  const values = query.join("?").split("&");
  const shown = values.map((part) => (part === "" || part.includes("=") ? part : MASK)).join("&");
  return `${authority}${path}${query.length > 0 ? `?${shown}` : ""}${end < 0 ? "" : masked.slice(end)}`;
}

/** There is nothing that `maskTarget` would hide. */
const PLAIN_TARGET = /^[^?#@]*$/;
const LONG_SEGMENT = /\/[^/?#]{20}/;
/** A value of a query that looks like a key, whatever its name. */
const KEY_VALUE = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_.~%+/=-]{16,}$/;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * What of a target a receiver may say back that `maskTarget` hides, and what stands for it: key segments of the path, the parts of the
 * query, and those values of it that are secrets by their name or look like keys, also by themselves. The longest first.
 */
export function targetSecrets(url: string): (readonly [value: string, instead: string])[] {
  if (PLAIN_TARGET.test(url) && !LONG_SEGMENT.test(url)) return [];
  const [address = "", ...rest] = (url.split("#")[0] as string).split("?");
  const found = new Map<string, string>();
  const add = (value: string, instead: string) => {
    for (const each of [value, decoded(value)]) if (each.length >= SHORTEST_SECRET && each !== instead) found.set(each, instead);
  };
  for (const segment of address.split("/").slice(3)) if (KEY_SEGMENT.test(segment)) add(segment, MASK);
  for (const part of rest.join("?").split("&")) {
    const equals = part.indexOf("=");
    const [name, value] = [part.slice(0, Math.max(0, equals)), part.slice(equals + 1)];
    add(part, equals < 0 ? MASK : `${name}=${MASK}`);
    if (equals < 0 || isSecretName(decoded(name)) || KEY_VALUE.test(value)) add(value, MASK);
  }
  return [...found].sort((a, b) => b[0].length - a[0].length);
}
