/**
 * XML in and out (S7, S8). Element names are the JSON names; a list is `<string>` (or `<object>`) elements; an empty
 * element is null; no attributes, no namespaces, no DOCTYPE. What is written here is read here.
 */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { parts } from "../../../text.ts";
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
  const roots = parse(text).filter((node) => !("#text" in node));
  const root = roots.length === 1 ? nameOf(roots[0] as Node) : undefined;
  if (root === undefined) throw new FaceError(400, "the body must have one root element");
  return { root: decodeName(root), value: contentOf(roots[0]?.[root] as Node[], 1) };
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
    return [decodeName(name), contentOf(element[name] as Node[], depth + 1)] as const;
  });
  if (entries.every(([name]) => name === "string" || name === "object")) return entries.map(([, value]) => value);
  // Assigned as own properties: an element may be called __proto__.
  return Object.fromEntries(entries);
}

/** The document, with its declaration. */
export function writeXml(root: string, value: unknown): string {
  return `<?xml version="1.0" encoding="utf-8"?>${element(root, value)}`;
}

/** @param root `Webhook`: an array becomes `<ArrayOfWebhook><Webhook>…` */
export function writeXmlList(root: string, values: readonly unknown[]): string {
  const items = values.map((value) => element(root, value)).join("");
  return `<?xml version="1.0" encoding="utf-8"?><ArrayOf${root}>${items}</ArrayOf${root}>`;
}

function element(name: string, value: unknown): string {
  const tag = encodeName(name);
  const inner = content(value);
  return inner === "" ? `<${tag}/>` : `<${tag}>${inner}</${tag}>`;
}

function content(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) {
    return value.map((item) => element(typeof item === "object" && item !== null ? "object" : "string", item)).join("");
  }
  if (typeof value === "object") {
    return Object.entries(value)
      .map(([key, inner]) => element(key, inner))
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

/** .NET's way: what cannot stand in an element's name becomes `_xHHHH_`. */
function encodeName(name: string): string {
  const safe = name.replace(/_(?=x[0-9A-Fa-f]{4}_)/g, "_x005F_");
  return safe.replace(/^[^A-Za-z_]|[^A-Za-z0-9_.-]/g, (c) => `_x${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`);
}

function decodeName(name: string): string {
  return name.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
