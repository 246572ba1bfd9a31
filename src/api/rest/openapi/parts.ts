/** The words that the parts of the document share. Each door has a part of its own, which the document is put together of. */

export type Schema = Record<string, unknown>;
export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  security?: Record<string, string[]>[];
  parameters?: object[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema; example?: unknown }> };
  responses: Record<string, object>;
}
export type Method = "get" | "post" | "put" | "patch" | "delete";

export interface Part {
  tag: { name: string; description: string };
  paths: Record<string, Partial<Record<Method, Operation>>>;
  schemas: Record<string, Schema>;
}

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
export const json = (description: string, schema: Schema) => ({ description, content: { "application/json": { schema } } });
export const plain = (description: string) => ({ description });
export const listOf = (items: Schema): Schema => ({ type: "array", items });

/** An object that has these members, all of them, and no others. */
export const exactly = (properties: Record<string, Schema>, optional: readonly string[] = []): Schema => ({
  type: "object",
  additionalProperties: false,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});
/** An object in which only `required` must stand; others are ignored. */
export const given = (properties: Record<string, Schema>, required: readonly string[] = []): Schema => ({
  type: "object",
  ...(required.length > 0 && { required }),
  properties,
});

export const text = (description?: string, more: Schema = {}): Schema => ({ type: "string", ...(description && { description }), ...more });
export const maybe = (schema: Schema): Schema => ({ ...schema, type: [schema["type"], "null"].flat() });

const parameter = (where: "path" | "query" | "header", required: boolean) => (name: string, description: string, schema: Schema) => ({
  name,
  in: where,
  ...(required && { required }),
  description,
  schema,
});
export const inPath = parameter("path", true);
export const inQuery = parameter("query", false);
export const inHeader = parameter("header", false);

/** A body as JSON; `example` is one that is taken. */
export const body = (schema: Schema, example: unknown, also: readonly string[] = []) => ({
  required: true,
  content: Object.fromEntries(
    ["application/json", ...also].map((type) => [type, type === "application/json" ? { schema, example } : { schema }]),
  ),
});

/** How a door says what is wrong: each status of `texts`, in its own form. */
export function refusals(schema: Schema, texts: Record<number, string>, type = "application/json"): Record<string, object> {
  return Object.fromEntries(
    Object.entries(texts).map(([status, description]) => [status, { description, content: { [type]: { schema } } }]),
  );
}

/** Said by every door that takes a body. */
export const BODY_REFUSALS = {
  413: "The body is larger than this operation takes.",
  415: "A Content-Encoding, or a content type that is not named here.",
};
/** Said by every door when it cannot answer now. */
export const LATER = {
  429: "Too many calls, or wrong passwords, for now: wait as long as Retry-After says.",
  503: "The database is away, or as many calls wait as may: wait as long as Retry-After says.",
};
