/**
 * XML in and out (S7, S8). Element names are the JSON names; a list is `<string>` (or `<object>`) elements; an empty
 * element is null; no attributes, no namespaces, no DOCTYPE. What is written here is read here.
 */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { echo, parts } from "../../../text.ts";
import { isRawNumber } from "../../../wire/json-exact.ts";
import { FaceError } from "./errors.ts";

const MAX_DEPTH = 64;
/** Characters, and what the parser pays for one by one: a megabyte of empty elements holds everybody up for a second. */
const MAX_SIZE = 256 * 1024;
const MAX_TAGS = 5_000;
const MAX_REFERENCES = 5_000;

type Node = Record<string, unknown>;

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  trimValues: false,
  // Numeric character references count as "HTML entities" there.
  htmlEntities: true,
});

/** @throws FaceError 400 */
export function readXml(text: string): { root: string; value: unknown } {
  if (text.length > MAX_SIZE) throw new FaceError(413, `an XML body may have ${MAX_SIZE / 1024} KiB; send JSON`);
  if (!parts(text, "<", MAX_TAGS)) throw new FaceError(400, `an XML body may have ${MAX_TAGS} tags; send JSON`);
  if (!parts(text, "&", MAX_REFERENCES)) throw new FaceError(400, `an XML body may have ${MAX_REFERENCES} references; send JSON`);
  if (/<!DOCTYPE/i.test(text)) throw new FaceError(400, "the body must not have a DOCTYPE");
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new FaceError(400, `the body is not valid XML: ${valid.err.msg}`);
  const unknown = unknownReference(text);
  if (unknown !== undefined) throw new FaceError(400, `the body is not valid XML: there is no entity ${echo(unknown)}`);
  const roots = parse(text).filter((node) => !("#text" in node));
  const root = roots.length === 1 ? nameOf(roots[0] as Node) : undefined;
  if (root === undefined) throw new FaceError(400, "the body must have one root element");
  const value = contentOf(roots[0]?.[root] as Node[], 1);
  // A list without an element is a list all the same: `<Events/>` is none of them, an absent one is the default.
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    for (const [name, inner] of Object.entries(value))
      if (inner === null && name.toLowerCase() === "events") Object.assign(value, { [name]: [] });
  return { root: decodeName(root), value };
}

const REFERENCE = /^&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});/;

/** An entity that XML itself does not know, or a character it has no place for: outside CDATA and comments, where `&` is text. */
function unknownReference(text: string): string | undefined {
  for (let at = 0; at < text.length; ) {
    const [amp, left] = [text.indexOf("&", at), text.indexOf("<!", at)];
    if (amp < 0) return undefined;
    if (left >= 0 && left < amp) {
      const [start, end] = text.startsWith("<![CDATA[", left)
        ? [left + 9, "]]>"]
        : text.startsWith("<!--", left)
          ? [left + 4, "-->"]
          : [left, ">"];
      const close = text.indexOf(end, start);
      if (close < 0) return undefined;
      at = close + end.length;
      continue;
    }
    const reference = REFERENCE.exec(text.slice(amp, amp + 12))?.[0];
    if (reference === undefined || !isCharacter(reference)) return text.slice(amp, amp + 40).split(/[;\s<]/, 1)[0];
    at = amp + reference.length;
  }
  return undefined;
}

function isCharacter(reference: string): boolean {
  if (reference[1] !== "#") return true;
  const code = reference[2] === "x" ? Number.parseInt(reference.slice(3), 16) : Number(reference.slice(2, -1));
  if (code < 0x20) return code === 9 || code === 10 || code === 13;
  return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
}

/** The parser has limits of its own, against nesting and entities. */
function parse(text: string): Node[] {
  try {
    return parser.parse(text) as Node[];
  } catch (error) {
    throw new FaceError(400, `the body is not usable XML: ${(error as Error).message}`);
  }
}

const nameOf = (node: Node): string => Object.keys(node)[0] ?? "";

function contentOf(children: Node[], depth: number): unknown {
  if (depth > MAX_DEPTH) throw new FaceError(400, `the body is nested deeper than ${MAX_DEPTH} elements`);
  const elements = children.filter((child) => !("#text" in child));
  if (elements.length === 0) {
    const text = children.map((child) => String(child["#text"])).join("");
    return text === "" ? null : text;
  }
  const entries = elements.map((element) => {
    const name = nameOf(element);
    return [name, contentOf(element[name] as Node[], depth + 1)] as const;
  });
  if (entries.every(([name]) => LIST_ITEMS.has(name))) return entries.map(([, value]) => value);
  // Assigned as own properties: an element may be called __proto__.
  return Object.fromEntries(entries.map(([name, value]) => [decodeName(name), value]));
}

/** What a list is made of. A key that is called so is written in another way (`encodeName`). */
const LIST_ITEMS: ReadonlySet<string> = new Set(["string", "object"]);

/** The document, with its declaration. */
export function writeXml(root: string, value: unknown): string {
  return `<?xml version="1.0" encoding="utf-8"?>${element(root, value)}`;
}

/** @param root `Webhook`: an array becomes `<ArrayOfWebhook><Webhook>…` */
export function writeXmlList(root: string, values: readonly unknown[]): string {
  const items = values.map((value) => element(root, value)).join("");
  return `<?xml version="1.0" encoding="utf-8"?><ArrayOf${root}>${items}</ArrayOf${root}>`;
}

/** @param tag a name as XML takes it */
function element(tag: string, value: unknown): string {
  const inner = content(value);
  return inner === "" ? `<${tag}/>` : `<${tag}>${inner}</${tag}>`;
}

function content(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) {
    return value
      .map((item) => element(typeof item === "object" && item !== null && !isRawNumber(item) ? "object" : "string", item))
      .join("");
  }
  if (isRawNumber(value)) return value.rawJSON;
  if (typeof value === "object") {
    return Object.entries(value)
      .map(([key, inner]) => element(encodeName(key), inner))
      .join("");
  }
  return escaped(String(value));
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };

function escaped(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what XML 1.0 has no place for
      .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
      .replace(/[&<>\r]/g, (character) => ESCAPES[character] as string)
  );
}

/** .NET's way: what cannot stand in an element's name becomes `_xHHHH_`; no name at all `_x_`. */
function encodeName(name: string): string {
  if (name === "") return "_x_";
  // A parser refuses, or renames, what every object inherits.
  if (LIST_ITEMS.has(name) || name in Object.prototype || name === "prototype")
    return `_x${name.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_${name.slice(1)}`;
  const safe = name.replace(/_(?=x(?:[0-9A-Fa-f]{4})?_)/g, "_x005F_");
  return safe.replace(/^[^A-Za-z_]|[^A-Za-z0-9_.-]/g, (c) => `_x${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`);
}

function decodeName(name: string): string {
  if (name === "_x_") return "";
  return name.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * XML writes every value as text. What comes back as it would be written of the stored value is that value, with its types;
 * inside objects, key by key.
 */
export function keepTypes(stored: unknown, given: unknown): unknown {
  if (content(stored) === content(given)) return stored;
  if (!isMap(stored) || !isMap(given)) return given;
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, Object.hasOwn(stored, key) ? keepTypes(stored[key], value) : value]),
  );
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
