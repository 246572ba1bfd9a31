/** A JSON value of an input as it was written, on its way to where it is stored as text: it is neither made into objects nor written anew. */
import { parseJson } from "../../wire/json-exact.ts";

export class WrittenJson {
  /** Without white space between its tokens; without NUL and halves of surrogate pairs. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** For who shows it, such as the message of an error in a variable. */
  toJSON(): unknown {
    return parseJson(this.text);
  }
}

/**
 * The value as the general way reads it: what is hashed under an idempotency key must not hang on how the call was read, which
 * an escaped pair of surrogates in an event beside it may decide.
 */
export const readAnew = (value: unknown): unknown => (value instanceof WrittenJson ? value.toJSON() : value);

/** @param value of an input of the type JSON, whichever way it was read */
export const writtenText = (value: unknown): string => (value instanceof WrittenJson ? value.text : JSON.stringify(value));

/** Of an event: null is a value as any other, and only what is absent is an empty object, as over REST. */
export const payloadText = (value: unknown): string => (value === undefined ? "{}" : writtenText(value));
