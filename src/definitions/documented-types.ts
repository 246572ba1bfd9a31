/**
 * Event types as an OpenAPI 3.1 document (`webhooks`) or an AsyncAPI 3 document (messages of its channels) describes them. Pure.
 * Each schema is made to stand alone: what it refers to in `components` comes along as its `$defs`.
 */
import type { Issue } from "../errors.ts";
import { bundled } from "./bundled-schema.ts";
import { createReferences, type References, TooMuchError, type Tree } from "./document-references.ts";
import { isPlainObject } from "./text.ts";

export interface DocumentedType {
  /** Where it stands: `document.webhooks.order.created`. */
  at: string;
  name: string;
  description: string | null;
  /** Null: the document has none. */
  schema: unknown;
  examples: unknown[];
  deprecated: boolean;
}

export interface Documented {
  types: DocumentedType[];
  issues: Issue[];
}

const DESCRIPTION = 4_000;
const MOST_EXAMPLES = 20;
const MOST_TYPES = 1_000;
/** Told of one document; each of the others is another round. */
const MOST_ISSUES = 20;
/** References that refer to references. */
const HOPS = 32;

const asTree = (value: unknown): Tree => (isPlainObject(value) ? value : {});
const own = (tree: Tree, key: string): unknown => (Object.hasOwn(tree, key) ? tree[key] : undefined);
/** Every member, read. */
function entriesOf(references: References, tree: unknown): [string, unknown][] {
  const entries = Object.entries(asTree(tree));
  for (const [name] of entries) references.read(name);
  return entries;
}
const textOf = (...values: unknown[]): string | null =>
  (values.find((value) => typeof value === "string" && value !== "") as string | undefined)?.slice(0, DESCRIPTION) ?? null;

/** What a local `$ref` stands for. @throws Error for one that leads nowhere, or elsewhere @throws TooMuchError */
function resolved(references: References, value: unknown): Tree {
  references.read(value);
  let found = value;
  for (let hop = 0; isPlainObject(found) && typeof found["$ref"] === "string"; hop++) {
    const ref = found["$ref"];
    references.read(ref);
    if (!ref.startsWith("#/")) throw new Error(`$ref ${JSON.stringify(ref)}: only what stands in the document itself is looked up`);
    if (hop === HOPS) throw new Error(`$ref ${JSON.stringify(ref)} leads on to references without end`);
    found = references.at(ref);
    if (found === undefined) throw new Error(`$ref ${JSON.stringify(ref)} leads nowhere`);
  }
  return asTree(found);
}

/** Those that there are, the first of them. */
function given(references: References, examples: readonly unknown[]): unknown[] {
  for (const each of examples) references.read(each);
  const first = examples.filter((each) => each !== undefined).slice(0, MOST_EXAMPLES);
  for (const each of first) references.readWhole(each);
  return first;
}

/** `{name: {value}}` of OpenAPI, with `example` before it. */
function openApiExamples(references: References, media: Tree): unknown[] {
  const named = entriesOf(references, media["examples"]).map(([, each]) => own(resolved(references, each), "value"));
  return given(references, [own(media, "example"), ...named]);
}

/** What a body that is JSON may be called, what says it best first. */
const JSON_TYPES = [
  /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i,
  /^text\/json\s*(?:;|$)/i,
  /^[\w.-]+\/[\w.-]+\+json\s*(?:;|$)/i,
  /^application\/\*/i,
  /^\*\/\*/,
];
const METHODS = ["post", "put", "patch", "get", "delete", "options", "head", "trace"];

/** A reference may say so itself. */
const said = (item: unknown) => [asTree(item)["description"], asTree(item)["summary"]];

function ofWebhook(references: References, name: string, item: unknown, at: string): DocumentedType {
  const path = resolved(references, item);
  const method = METHODS.find((each) => isPlainObject(own(path, each)));
  const operation = asTree(method && path[method]);
  const content = asTree(resolved(references, operation["requestBody"])["content"]);
  const types = entriesOf(references, content).map(([name]) => name);
  const type = JSON_TYPES.map((form) => types.find((each) => form.test(each.trim()))).find((each) => each !== undefined);
  const media = asTree(type && content[type]);
  const schema = own(media, "schema");
  return {
    ...{ at, name },
    description: textOf(operation["description"], operation["summary"], ...said(item), path["description"], path["summary"]),
    schema: schema === undefined ? null : bundled(references, schema),
    examples: openApiExamples(references, media),
    deprecated: operation["deprecated"] === true,
  };
}

const ASYNCAPI = "application/vnd.aai.asyncapi";
const JSON_SCHEMA = /^application\/(?:schema|vnd\.aai\.asyncapi|vnd\.oai\.openapi)(?:\+json|\+yaml)?\s*(?:;|$)/i;
/** AsyncAPI's own is a superset of it. */
const DRAFT_7 = /vnd\.aai\.asyncapi|version=draft-07/i;

/** What a message has itself goes before its traits, and a later trait before an earlier one. */
function withTraits(references: References, message: Tree): Tree {
  const traits = Array.isArray(message["traits"]) ? message["traits"].map((each) => resolved(references, each)) : [];
  return Object.fromEntries([...traits, message].flatMap((each) => entriesOf(references, each)));
}

function ofMessage(references: References, key: string, item: unknown, at: string): DocumentedType {
  const message = withTraits(references, resolved(references, item));
  const payload = own(message, "payload");
  // Multi Format Schema Object: the schema stands one level below.
  const isPointer = String(asTree(payload)["$ref"] ?? "").startsWith("#/");
  const formatted = isPointer ? resolved(references, payload) : payload;
  const multi = isPlainObject(formatted) && typeof formatted["schemaFormat"] === "string" && "schema" in formatted;
  const format = multi ? String(asTree(formatted)["schemaFormat"]) : ASYNCAPI;
  if (!JSON_SCHEMA.test(format))
    throw new Error(`its payload's schemaFormat must be JSON Schema or AsyncAPI's own, and is ${JSON.stringify(format.slice(0, 100))}`);
  const schema = multi ? asTree(formatted)["schema"] : payload;
  const examples = Array.isArray(message["examples"]) ? message["examples"].map((each) => own(asTree(each), "payload")) : [];
  return {
    ...{ at, name: typeof message["name"] === "string" ? message["name"] : key },
    description: textOf(message["description"], message["summary"], message["title"]),
    schema: schema === undefined ? null : bundled(references, schema, DRAFT_7.test(format)),
    examples: given(references, examples),
    deprecated: message["deprecated"] === true || message["x-deprecated"] === true,
  };
}

interface Place {
  at: string;
  read(): DocumentedType;
}

/** @throws TooMuchError */
function placesOf(references: References, document: Tree): Place[] | Issue {
  if (typeof document["openapi"] === "string") {
    if (!/^3\.[1-9]/.test(document["openapi"])) return { path: "document.openapi", message: "must be 3.1: older ones have no webhooks" };
    if (!isPlainObject(document["webhooks"]))
      return { path: "document.webhooks", message: "must be an object: event types by their names" };
    return Object.entries(document["webhooks"]).map(([name, item]) => {
      const at = `document.webhooks.${name}`;
      return { at, read: () => ofWebhook(references, name, item, at) };
    });
  }
  if (typeof document["asyncapi"] !== "string")
    return { path: "document", message: 'must be OpenAPI ("openapi": "3.1.0") or AsyncAPI ("asyncapi": "3.0.0")' };
  if (!/^3\./.test(document["asyncapi"])) return { path: "document.asyncapi", message: "must be 3.x" };
  const messagesOf = (holder: unknown, at: string): Place[] =>
    entriesOf(references, asTree(holder)["messages"]).map(([key, message]) => {
      const place = `${at}.messages.${key}`;
      return { at: place, read: () => ofMessage(references, key, message, place) };
    });
  const inChannels = Object.entries(asTree(document["channels"])).flatMap(([name, channel]) => {
    const at = `document.channels.${name}`;
    try {
      return messagesOf(resolved(references, channel), at);
    } catch (error) {
      const read = (): never => {
        throw error;
      };
      return [{ at, read }];
    }
  });
  const places = inChannels.length > 0 ? inChannels : messagesOf(document["components"], "document.components");
  return places.length > 0 ? places : { path: "document.channels", message: "must hold messages: each is an event type" };
}

/** Two that say the same are one: a message that several channels carry. */
function isSame(references: References, one: DocumentedType, other: DocumentedType): boolean {
  references.readWhole(one);
  return JSON.stringify({ ...one, at: "" }) === JSON.stringify({ ...other, at: "" });
}

/** @param document an object that is checked for depth and size @returns at most 1 000 types, or what is wrong: at most 20 issues */
export function documentedTypes(document: Tree): Documented {
  const types = new Map<string, DocumentedType>();
  const issues: Issue[] = [];
  const references = createReferences(document);
  try {
    const places = placesOf(references, document);
    if (!Array.isArray(places)) return { types: [], issues: [places] };
    for (const { at, read } of places) {
      if (issues.length >= MOST_ISSUES) break;
      try {
        const type = read();
        const same = types.get(type.name);
        if (!same) types.set(type.name, type);
        else if (!isSame(references, same, type))
          issues.push({ path: at, message: `has the name ${type.name} as ${same.at} has, and says otherwise` });
      } catch (error) {
        if (error instanceof TooMuchError) throw error;
        issues.push({ path: at, message: (error as Error).message });
      }
      if (types.size > MOST_TYPES) throw new TooMuchError(`must name at most ${MOST_TYPES} event types`);
    }
  } catch (error) {
    if (!(error instanceof TooMuchError)) throw error;
    return { types: [], issues: [{ path: "document", message: error.message }] };
  }
  return { types: [...types.values()], issues };
}
