/**
 * JSON Schema 2020-12 by Ajv, in a thread of its own (thread.ts). Each schema has an Ajv of its own, so that one organization's
 * `$id` means nothing to another's. `format` is an annotation, as 2020-12 says; keywords that it does not know are let be.
 */
import type { AnySchemaObject, ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Kept } from "../../kept.ts";
import { type Judgement, type Judging, type Mistake, MOST_MISTAKES } from "./messages.ts";
import { judgeMultiplesByDecimals } from "./multiple-of.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";
/** Compiled schemas that a thread keeps, and how much text of schemas; the one used longest ago goes first. */
const MOST_KEPT = { entries: 200, characters: 2 * 2 ** 20 };

/** A member is one of the payload's own (ownProperties), never one that every object has. */
const OPTIONS = { strict: false, allErrors: true, validateFormats: false, inlineRefs: false, logger: false, ownProperties: true } as const;

/** Ajv finds no anchor of the root itself: one below it stands for it. */
function named(schema: AnySchemaObject): AnySchemaObject {
  const { $anchor, ...rest } = schema;
  if (typeof $anchor !== "string" || "$id" in schema) return schema;
  const $defs = typeof rest["$defs"] === "object" && rest["$defs"] !== null ? rest["$defs"] : {};
  return { ...rest, $defs: { ...$defs, [`root ${$anchor}`]: { $anchor, $ref: "#" } } };
}

/** @throws Error whose message says why this is no schema that can be used */
function compile(text: string, meta: Ajv2020): ValidateFunction {
  const parsed = JSON.parse(text) as AnySchemaObject | boolean;
  if (typeof parsed === "boolean") return new Ajv2020(OPTIONS).compile(parsed);
  const schema = named(parsed);
  const dialect: unknown = schema["$schema"];
  if (dialect !== undefined && dialect !== DIALECT && dialect !== `${DIALECT}#`) throw new Error(`at /$schema: must be ${DIALECT}`);
  // Ajv's own word: what it makes of such a schema says yes to everything at first.
  if ("$async" in schema) throw new Error("at /$async: is no keyword of JSON Schema 2020-12");
  if (!meta.validateSchema(schema)) {
    const [first] = meta.errors ?? [];
    throw new Error(`at ${first?.instancePath || "its root"}: ${first?.message ?? "is no JSON Schema"}`);
  }
  return judgeMultiplesByDecimals(new Ajv2020({ ...OPTIONS, validateSchema: false, meta: true })).compile(schema);
}

const explained = (error: unknown): string => {
  if (error instanceof RangeError) return "refers to itself without end, or is nested too deeply";
  const message = (error as Error).message;
  // Ajv: can't resolve reference <ref> from id <id>
  return /^can't resolve reference/.test(message)
    ? `${message.replace(/ from id .*$/, "")}: only what stands in the schema itself is looked up`
    : message;
};

/** What is too much or not allowed, by its name. */
function messageOf({ keyword, message = "does not fit", params }: ErrorObject): string {
  const name: unknown = params["additionalProperty"] ?? params["unevaluatedProperty"] ?? params["propertyName"];
  if (name !== undefined) return `${message}: ${JSON.stringify(name)}`;
  if (keyword === "enum") return `${message}: ${JSON.stringify(params["allowedValues"])}`;
  return keyword === "const" ? `${message} ${JSON.stringify(params["allowedValue"])}` : message;
}

function mistakesOf(validate: ValidateFunction, values: readonly string[]): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const [value, text] of values.entries()) {
    if (mistakes.length >= MOST_MISTAKES) break;
    if (validate(JSON.parse(text))) continue;
    for (const error of (validate.errors ?? []).slice(0, MOST_MISTAKES - mistakes.length))
      mistakes.push({ value, pointer: error.instancePath, message: messageOf(error) });
    // Nothing of this payload is kept.
    validate.errors = null;
  }
  return mistakes;
}

export function createJudge(): (job: Judging) => Judgement {
  const meta = new Ajv2020({ strict: false, validateFormats: false, logger: false });
  const kept = new Kept<ValidateFunction>(MOST_KEPT);

  function compiled(text: string): ValidateFunction {
    const known = kept.use(text);
    if (known) return known;
    const validate = compile(text, meta);
    kept.set(text, validate, text.length);
    return validate;
  }

  return ({ schema, values }) => {
    try {
      return { mistakes: mistakesOf(compiled(schema), values) };
    } catch (error) {
      return { problem: explained(error), mistakes: [] };
    }
  };
}
