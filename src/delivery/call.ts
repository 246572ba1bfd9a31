/** What a call is, and what can be known of it before a socket is opened. */
import type { Answer } from "../wire/dialect.ts";
import type { Egress } from "./egress.ts";

export interface Call {
  url: string;
  /** Those of the connection itself (host, content-length, accept-encoding …) are set here and ignored in this list. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  /** For the whole attempt: DNS, connect, TLS, headers and body. Waiting for a connection of a busy origin does not count. */
  timeoutMs: number;
  /** Whose share of the lookups of names it takes: an organization's id. */
  owner?: string;
  /** Gives the call up: the answer is INTERRUPTED. */
  signal?: AbortSignal;
  /** False takes any certificate: only for superoffice, by a process setting. */
  validateCertificate?: boolean;
  /** POST unless given. */
  method?: string;
}

export interface Sent {
  answer: Answer;
  /** Whole milliseconds from the first step of the call to its answer. */
  durationMs: number;
}

export interface Target {
  url: URL;
  origin: string;
  path: string;
  /** Connections are shared by calls with the same key. */
  key: string;
  validate: boolean;
}

const MAX_TARGETS = 10_000;

/**
 * Targets by URL. The URL's form is judged once per URL, for the rule does not change; its addresses at every connection.
 * A string is the reason why there will be no call.
 */
export function targetBook(egress: Egress): (call: Call) => Target | string {
  const known = new Map<string, Target | string>();
  return ({ url: text, validateCertificate: validate = true }) => {
    const apart = validate ? "" : "any-certificate ";
    const found = known.get(apart + text);
    if (found !== undefined) return found;
    const checked = egress.checkUrl(text);
    let target: Target | string;
    if (checked.ok) {
      const { origin, pathname, search } = checked.url;
      target = { url: checked.url, origin, path: pathname + search, key: apart + origin, validate };
    } else {
      target = checked.reason;
    }
    if (known.size >= MAX_TARGETS) known.clear();
    known.set(apart + text, target);
    return target;
  };
}

/** What the connection sets itself: a second value would be a way to smuggle a request. */
const OWN_HEADERS = new Set(
  "accept-encoding connection content-length expect host keep-alive proxy-connection te trailer transfer-encoding upgrade".split(" "),
);

/** Names and values in turn, as undici takes them. */
export function wireHeaders(headers: Readonly<Record<string, string>>): string[] {
  const list = ["accept-encoding", "identity"];
  for (const name of Object.keys(headers)) {
    if (!OWN_HEADERS.has(name.toLowerCase())) list.push(name, headers[name] as string);
  }
  return list;
}
