/**
 * A URL as somebody types it into the log's filter: whole, a host alone, a path or a query. Two readings of one rule, for
 * rows in memory (`urlTest`) and for SQL (url-clause.ts); test/requests/typed-url.test.ts holds them together. Pure.
 *
 * What does not matter: case of scheme and host, a host's Unicode or punycode, a default port, user and password, a
 * fragment, slashes at the end of the path, and the case of a percent-encoding's digits.
 */

import { maskTarget } from "../wire/mask.ts";

export type Typed =
  /** `https://shop.example/hooks?k=1`. */
  | { kind: "URL"; url: string }
  /** `shop.example`, `shop.example:8443/hooks`: by either scheme. A host without a path: whatever its path. */
  | { kind: "HOST"; host: string; rest: string | undefined; text: string }
  /** `/hooks/orders`, `orders`, `?k=1`: stands somewhere behind the host. */
  | { kind: "PART"; text: string };

/** `%c3%a5` and `%C3%A5` are one. */
const encoded = (text: string) => text.replace(/%[0-9a-f]{2}/gi, (code) => code.toUpperCase());

function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}

/** Behind the host: path without slashes at its end, and query. */
const restOf = ({ pathname, search }: URL) => encoded(withoutSlashes(pathname) + search);
const wholeOf = (url: URL) => `${url.protocol}//${url.host}${restOf(url)}`;

const HTTP = /^https?:$/;
const web = (text: string): URL | undefined => {
  const url = URL.parse(text);
  return url !== null && HTTP.test(url.protocol) && url.host !== "" ? url : undefined;
};

/** As the URL parser writes a path: spaces and other letters percent-encoded. */
function partOf(text: string): string {
  const base = text.startsWith("?") ? `https://x/${text}` : `https://x/${text.startsWith("/") ? text.slice(1) : text}`;
  const url = URL.parse(base);
  if (!url) return encoded(text);
  const part = encoded(url.pathname + url.search);
  return text.startsWith("/") ? part : part.slice(1);
}

export function typedUrl(given: string): Typed {
  const text = given.trim();
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const url = web(text);
    return url ? { kind: "URL", url: wholeOf(url) } : { kind: "PART", text: encoded(text) };
  }
  if (/^[/?]/.test(text)) return { kind: "PART", text: partOf(text) };
  const url = web(`https://${text}`);
  // A port is no default one before the scheme is known.
  const plain = web(`http://${text}`);
  if (!url || !plain) return { kind: "PART", text: partOf(text) };
  const host = url.host.length <= plain.host.length ? url.host : plain.host;
  const bare = url.pathname === "/" && url.search === "";
  return { kind: "HOST", host, rest: bare ? undefined : restOf(url), text: bare ? withoutSlashes(text) : partOf(text) };
}

/** Behind the host, as those see it who may not read secrets. */
const maskedRest = (url: URL) =>
  maskTarget(`${url.protocol}//${url.host}${url.pathname}${url.search}`).slice(url.protocol.length + 2 + url.host.length);

/** Whether a row's URL is what was typed. @param masked a part is looked for in what those see who may not read secrets */
export function urlTest(given: string, masked = false): (url: string) => boolean {
  const typed = typedUrl(given);
  return (text) => {
    const url = web(text);
    if (!url) return text === given;
    const whole = wholeOf(url);
    if (typed.kind === "URL") return whole === typed.url;
    if (typed.kind === "HOST" && url.host === typed.host && (typed.rest === undefined || restOf(url) === typed.rest)) return true;
    return typed.text !== "" && encoded(masked ? maskedRest(url) : url.pathname + url.search).includes(typed.text);
  };
}

/** How a whole URL may be stored: as it was typed, and as the URL parser writes it, with its fragment and without. */
export function urlForms(typed: string): string[] {
  const text = typed.trim();
  const whole = /^https?:/i.test(text) ? [text] : /^[a-z][a-z0-9+.-]*:/i.test(text) ? [] : [`https://${text}`, `http://${text}`];
  const forms = whole.flatMap((each) => {
    const url = web(each);
    if (!url) return [];
    const canonical = url.href;
    url.hash = "";
    return [canonical, url.href];
  });
  return [...new Set([typed, ...forms])];
}
