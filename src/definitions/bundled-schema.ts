/** A schema of a document made to stand alone: what it refers to there comes along under `$defs`. Pure. */
import { isRawNumber } from "../wire/json-exact.ts";
import { isPlainObject } from "./text.ts";

type Tree = Record<string, unknown>;

/** `#/components/schemas/Order/properties/id`: the schema's name, and the way inside it. */
const COMPONENT = /^#\/components\/schemas\/([^/]+)(\/.*)?$/;

/** Keywords whose values are no schemas: a `$ref` in them is data. */
const DATA = new Set(["const", "enum", "default", "example", "examples"]);
/** Keywords whose values are schemas by names that anybody chose. */
const NAMED = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

const nameOf = (key: string) => decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~");

/** @throws Error for a reference that leads nowhere, or elsewhere */
export function bundled(document: Tree, schema: unknown): unknown {
  const components = isPlainObject(document["components"]) ? document["components"]["schemas"] : undefined;
  const schemas: Tree = isPlainObject(components) ? components : {};
  const wanted: string[] = [];
  const taken = new Map<string, unknown>();

  const refOf = (ref: string): string => {
    const [, key, inside = ""] = COMPONENT.exec(ref) ?? [];
    if (key === undefined)
      throw new Error(
        `$ref ${JSON.stringify(ref)}: in a schema it must begin with #/components/schemas/, and stand in the document itself`,
      );
    const name = nameOf(key);
    if (!Object.hasOwn(schemas, name)) throw new Error(`$ref ${JSON.stringify(ref)} leads nowhere`);
    if (!taken.has(name)) {
      taken.set(name, undefined);
      wanted.push(name);
    }
    return `#/$defs/${key}${inside}`;
  };
  const entries = (tree: Tree, each: (key: string, value: unknown) => unknown): Tree =>
    Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, each(key, value)]));
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (!isPlainObject(value) || isRawNumber(value)) return value;
    return entries(value, (key, inner) => {
      if (key === "$ref" && typeof inner === "string") return refOf(inner);
      if (DATA.has(key)) return inner;
      return NAMED.has(key) && isPlainObject(inner) ? entries(inner, (_, one) => copy(one)) : copy(inner);
    });
  };

  const root = copy(schema);
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) taken.set(name, copy(schemas[name]));
  if (taken.size === 0) return root;
  const own = isPlainObject(root) ? root : {};
  const defs = isPlainObject(own["$defs"]) ? own["$defs"] : {};
  const both = [...taken.keys()].find((name) => Object.hasOwn(defs, name));
  if (both !== undefined) throw new Error(`$defs.${both} of the schema has the name of a schema in components; rename one of them`);
  return { ...own, $defs: { ...defs, ...Object.fromEntries(taken) } };
}
