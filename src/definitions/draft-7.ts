/** JSON Schema draft 7, which AsyncAPI's schemas are a superset of, as 2020-12 writes it. Pure. */
import { isPlainObject } from "./text.ts";

type Tree = Record<string, unknown>;

/** `items` as a list is `prefixItems`, what follows it is `items`; `dependencies` are of two kinds. */
export function withoutDraft7(schema: Tree): Tree {
  const { items, additionalItems, dependencies, ...rest } = schema;
  const entries = isPlainObject(dependencies) ? Object.entries(dependencies) : [];
  const required = entries.filter(([, value]) => Array.isArray(value));
  const schemas = entries.filter(([, value]) => !Array.isArray(value));
  const listed = Array.isArray(items);
  return {
    ...rest,
    ...(listed && { prefixItems: items }),
    ...(listed ? additionalItems !== undefined && { items: additionalItems } : items !== undefined && { items }),
    ...(required.length > 0 && { dependentRequired: Object.fromEntries(required) }),
    ...(schemas.length > 0 && { dependentSchemas: Object.fromEntries(schemas) }),
  };
}
