/** A schema of a document made to stand alone: what it refers to there comes along under `$defs`. Pure. */
import { isRawNumber } from "../wire/json-exact.ts";
import type { References, Tree } from "./document-references.ts";
import { withoutDraft7 } from "./draft-7.ts";
import { isPlainObject } from "./text.ts";

/** `#/components/schemas/Order/properties/id`: the schema comes along whole, with the way inside it. */
const COMPONENT = /^#\/components\/schemas\/([^/]+)(\/.*)?$/;

/** Keywords whose values are no schemas: a `$ref` in them is data. */
const DATA = new Set(["const", "enum", "default", "example", "examples"]);
/** Keywords whose values are schemas by names that anybody chose. */
const NAMED = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"]);
const OPENAPI_DIALECT = /^https?:\/\/spec\.openapis\.org\/oas\/3\.\d\/dialect\//;
const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-07\//;
const LATEST = /^https?:\/\/json-schema\.org\/draft\/2020-12\//;
/** Values copied for one schema, of which each takes a character at least: what is larger is refused anyway. */
const MOST_VALUES = 65_536;

/** A schema that `#…` is looked up in before the document, and where it stands in the result. */
interface Resource {
  schema: unknown;
  at: string;
  /** It has an `$id`: what it refers to is its own first. */
  own: boolean;
  /** Lists of `items`, and what else draft 7 wrote otherwise, are rewritten. */
  draft7: boolean;
}

const encoded = (key: string) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));

/** Said of a schema's place in its document: it has another one here, and what referred to it refers to that. */
function isOfPlace(key: string, value: string, isRoot: boolean): boolean {
  if (key === "$anchor") return true;
  if (key === "$id") return !isRoot;
  return key === "$schema" && (OPENAPI_DIALECT.test(value) || DRAFT_7.test(value) || (!isRoot && LATEST.test(value)));
}

function put(tree: Tree, key: string, value: unknown): void {
  // Also a member called __proto__.
  Object.defineProperty(tree, key, { value, enumerable: true, writable: true, configurable: true });
}

/**
 * @param references of the document
 * @param draft7 what says nothing else is of draft 7, as in AsyncAPI
 * @throws Error for a reference that leads nowhere, or elsewhere
 * @throws TooMuchError
 */
export function bundled(references: References, schema: unknown, draft7 = false): unknown {
  let copied = 0;
  const own: Tree = isPlainObject(schema) && isPlainObject(schema["$defs"]) ? schema["$defs"] : {};
  const wanted: { name: string; schema: unknown }[] = [];
  /** By pointer into the document: the name under `$defs`. */
  const names = new Map<string, string>();
  const taken = new Map<string, unknown>();
  /** By what several are called: the number that the next one tries. */
  const numbers = new Map<string, number>();

  /** @param pointer of the document, such as `#/components/schemas/Order` */
  function bring(pointer: string, found: unknown, called: string): string {
    const before = names.get(pointer);
    if (before !== undefined) return before;
    let name = called;
    for (let nth = numbers.get(called) ?? 2; taken.has(name) || Object.hasOwn(own, name); nth++) {
      name = `${called}_${nth}`;
      numbers.set(called, nth + 1);
    }
    names.set(pointer, name);
    taken.set(name, undefined);
    wanted.push({ name, schema: found });
    return name;
  }

  function toDocument(ref: string): string | undefined {
    const found = references.at(ref);
    if (found === undefined) return undefined;
    const [, key, inside = ""] = COMPONENT.exec(ref) ?? [];
    const component = key === undefined ? undefined : references.at(`#/components/schemas/${key}`);
    if (key !== undefined && component !== undefined)
      return `#/$defs/${encoded(bring(`#/components/schemas/${key}`, component, references.nameOf(key)))}${inside}`;
    return `#/$defs/${encoded(bring(ref, found, references.nameOf(ref.slice(ref.lastIndexOf("/") + 1))))}`;
  }

  function refOf(ref: string, resource: Resource): string {
    if (ref === "#") return `#${resource.at}`;
    if (ref.startsWith("#/")) {
      const inside = references.within(resource.schema, ref) === undefined ? undefined : `#${resource.at}${ref.slice(1)}`;
      const local = resource.own ? (inside ?? toDocument(ref)) : (toDocument(ref) ?? inside);
      if (local !== undefined) return local;
      throw new Error(`$ref ${JSON.stringify(ref)} leads nowhere`);
    }
    const named = references.named(ref, resource.schema);
    if (named === undefined) throw new Error(`$ref ${JSON.stringify(ref)}: only what stands in the document itself is looked up`);
    return toDocument(named) as string;
  }

  function copy(value: unknown, at: string, resource: Resource): unknown {
    references.read(value);
    copied += 1;
    if (copied > MOST_VALUES) throw new Error(`its schema, with what it refers to, has more than ${MOST_VALUES} values`);
    if (Array.isArray(value)) return value.map((each, i) => copy(each, `${at}/${i}`, resource));
    if (!isPlainObject(value) || isRawNumber(value)) return value;
    const { $id, $schema } = value;
    const here: Resource = typeof $id === "string" ? { ...resource, schema: value, at, own: true } : resource;
    const within = typeof $schema === "string" ? { ...here, draft7: DRAFT_7.test($schema) } : here;
    const result: Tree = {};
    for (const [key, inner] of Object.entries(value)) {
      references.read(key);
      const below = `${at}/${encoded(key)}`;
      if (typeof inner === "string" && isOfPlace(key, inner, at === "")) continue;
      if (key === "$ref" && typeof inner === "string") put(result, key, refOf(inner, within));
      else if (key === "$dynamicRef" && typeof inner === "string" && !references.isDynamic(inner))
        put(result, "$ref", refOf(inner, within));
      else if (DATA.has(key) || key.startsWith("x-")) {
        references.readWhole(inner);
        put(result, key, inner);
      } else if (NAMED.has(key) && isPlainObject(inner)) {
        const named: Tree = {};
        for (const [name, one] of Object.entries(inner)) {
          references.read(name);
          put(named, name, copy(one, `${below}/${encoded(name)}`, within));
        }
        put(result, key, named);
      } else put(result, key, copy(inner, below, within));
    }
    return within.draft7 ? withoutDraft7(result) : result;
  }

  const root = copy(schema, "", { schema, at: "", own: false, draft7 });
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
    const at = `/$defs/${encoded(next.name)}`;
    taken.set(next.name, copy(next.schema, at, { schema: next.schema, at, own: false, draft7 }));
  }
  if (taken.size === 0) return root;
  const { $defs = {}, ...rest } = isPlainObject(root) ? root : {};
  return { ...rest, $defs: { ...($defs as Tree), ...Object.fromEntries(taken) } };
}
