/**
 * Dialogues of a client with a face, recorded byte for byte: what was asked, what was answered, every header. What differs
 * from run to run (ids, tokens, dates, ports) stands as a placeholder, the same one wherever the same value comes again.
 * `npx vitest run test/api/faces/dialogues.test.ts -u` records anew.
 */
import { type IncomingMessage, request as send } from "node:http";

export interface Said {
  headers?: Record<string, string>;
  /** An object is sent as JSON, bytes and text as they are. */
  body?: object | string | Buffer;
  /** Asked again until the answer's text holds this; the last answer is recorded. */
  until?: string;
  /** Left out of the record: the way to the state that is asked about. */
  silent?: boolean;
}

export interface Heard {
  status: number;
  headers: Record<string, string>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: scripts read what they need
  json: any;
}

export interface Dialogue {
  /** From now on this value is written as «name». */
  know(name: string, value: string): void;
  chapter(title: string): void;
  /** @param line `POST /auth/local` */
  say(line: string, said?: Said): Promise<Heard>;
  transcript(): string;
}

/** Kinds of values that are never the same twice. */
const PASSING: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ["token", /\bhk[a-z]_[A-Za-z0-9_-]{49}/g],
  ["signature", /\bv1a?,[A-Za-z0-9+/]{20,}={0,2}/g],
  ["", /\b[a-z]{3}_[0-9a-f]{32}\b/g],
  ["uuid", /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g],
  ["HEX", /\b[0-9A-F]{32}\b/g],
  ["oid", /\b[0-9a-f]{24}\b/g],
];
const DATE = /\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?/g;
const HTTP_DATE = /\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\b/g;
const VERSION = /\bHookline\/\d+\.\d+\.\d+/g;
const STAMP = /("webhook-timestamp": ?")\d+/g;
/** Of the connection, not of the face; the length is compared with the body. */
const PASSING_HEADERS = new Set(["date", "connection", "keep-alive", "content-length"]);
const COUNTDOWNS = new Set(["retry-after", "ratelimit-reset"]);

export function startDialogue(url: string): Dialogue {
  const known = new Map<string, string>();
  const counts = new Map<string, number>();
  const lines: string[] = [];

  const placeholder = (kind: string, value: string): string => {
    const name = known.get(value);
    if (name !== undefined) return `«${name}»`;
    const family = kind === "" ? value.slice(0, 3) : kind;
    const count = (counts.get(family) ?? 0) + 1;
    counts.set(family, count);
    known.set(value, `${family}${count}`);
    return `«${family}${count}»`;
  };
  const written = (text: string): string => {
    let out = text;
    for (const [value, name] of [...known].sort(([a], [b]) => b.length - a.length)) out = out.replaceAll(value, `«${name}»`);
    for (const [kind, pattern] of PASSING) out = out.replaceAll(pattern, (value) => placeholder(kind, value));
    return out
      .replaceAll(DATE, "«date»")
      .replaceAll(HTTP_DATE, "«date»")
      .replaceAll(STAMP, "$1«time»")
      .replaceAll(VERSION, "Hookline/«version»");
  };

  return {
    know: (name, value) => void known.set(value, name),
    chapter: (title) => void lines.push(`# ${title}`, ""),
    async say(line, { headers = {}, body, until, silent = false } = {}) {
      const at = line.indexOf(" ");
      const [method, path] = [line.slice(0, at), line.slice(at + 1)];
      const isJson = typeof body === "object" && !Buffer.isBuffer(body);
      const bytes =
        body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(isJson ? JSON.stringify(body) : String(body));
      const all = { ...(isJson && { "content-type": "application/json" }), ...headers };
      let heard = await ask(url + path, method, all, bytes);
      for (const end = Date.now() + 20_000; until !== undefined && !heard.text.includes(until); ) {
        if (Date.now() > end) throw new Error(`${line} never answered ${until}: ${heard.text}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
        heard = await ask(url + path, method, all, bytes);
      }
      if (silent) return heard;
      lines.push(written(line), ...Object.entries(all).map(([name, value]) => written(`${name}: ${value}`)));
      if (bytes !== undefined) lines.push("", written(shown(bytes)));
      lines.push(`--> ${heard.status}`);
      for (const [name, value] of Object.entries(heard.headers).sort()) {
        if (PASSING_HEADERS.has(name)) continue;
        lines.push(COUNTDOWNS.has(name) ? `${name}: «seconds»` : written(`${name}: ${value}`));
      }
      if (heard.text !== "") lines.push("", written(heard.text));
      lines.push("", "");
      return heard;
    },
    transcript: () => lines.join("\n"),
  };
}

/** Bytes that are no text in hex. */
const shown = (bytes: Buffer): string => {
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) return `«hex ${bytes.toString("hex")}»`;
  return text.length > 600 ? `${text.slice(0, 40)}«${text.length} characters»` : text;
};

async function ask(url: string, method: string, headers: Record<string, string>, body: Buffer | undefined): Promise<Heard> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const outgoing = send(url, { method, headers: { ...length, ...headers }, agent: false }, resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const told = response.headers["content-length"];
  if (told !== undefined && method !== "HEAD" && response.statusCode !== 304 && Number(told) !== bytes.length)
    throw new Error(`${method} ${url}: Content-Length says ${told}, and ${bytes.length} bytes came`);
  const named = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
  const text = bytes.toString();
  const isJson = response.headers["content-type"]?.includes("json") === true && text !== "";
  return { status: response.statusCode ?? 0, headers: Object.fromEntries(named), text, json: isJson ? JSON.parse(text) : undefined };
}

/** What every route has to bear, whatever it does: each method, and each kind of body that is none. */
export async function hammer(
  dialogue: Dialogue,
  paths: readonly string[],
  given: { headers: Record<string, string>; writes: readonly string[] },
): Promise<void> {
  dialogue.chapter("every method of every path, by nobody");
  for (const path of paths) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) await dialogue.say(`${method} ${path}`);
  }
  dialogue.chapter("every method of every path, signed in");
  for (const path of paths) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
      await dialogue.say(`${method} ${path}`, { headers: given.headers });
  }
  dialogue.chapter("bodies that are none");
  const json = { "content-type": "application/json" };
  const bodies: { headers?: Record<string, string>; body: string | Buffer }[] = [
    { headers: json, body: "" },
    { headers: json, body: "{" },
    { headers: json, body: "null" },
    { headers: json, body: "[]" },
    { headers: json, body: '"text"' },
    { headers: json, body: '{"name":"\\u0000"}' },
    { headers: json, body: '{"name":"\\ud800"}' },
    { headers: json, body: Buffer.from('{"name":"\xe5"}', "latin1") },
    { headers: json, body: `${"[".repeat(100)}${"]".repeat(100)}` },
    { headers: { ...json, "content-encoding": "gzip" }, body: "{}" },
    { headers: { ...json, "content-encoding": "identity" }, body: "{}" },
    { headers: { "content-type": "application/json; charset=iso-8859-1" }, body: "{}" },
    { headers: { "content-type": "text/plain" }, body: "{}" },
    { headers: { "content-type": "application/x-www-form-urlencoded" }, body: "a=1&b=%zz" },
    { headers: { "content-type": "application/x-www-form-urlencoded" }, body: "a=1&".repeat(101) },
    { headers: { "content-type": "multipart/form-data; boundary=x" }, body: "--x--" },
    { body: "{}" },
  ];
  for (const line of given.writes) {
    for (const { headers, body } of bodies) await dialogue.say(line, { headers: { ...given.headers, ...headers }, body });
  }
}
