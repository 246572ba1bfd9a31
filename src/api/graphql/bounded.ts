/**
 * An answer is at most 32 MiB, over HTTP, SSE and WebSocket: every text that a resolver gives is charged to its operation, and
 * with the first byte too many the whole answer is one error.
 */
import { defaultFieldResolver, type ExecutionResult, GraphQLError, type GraphQLSchema, getNamedType, isObjectType } from "graphql";
import type { Plugin } from "graphql-yoga";
import { answerTooLarge, Budget, currentBudget, withBudget } from "../../requests/budget.ts";
import { JsonSource } from "../../wire/json-source.ts";

/** Shorter texts are charged by their characters. */
const SHORT = 1_024;
const CHARGED = new Set(["String", "JSON"]);

/** Bytes in the answer, roughly for what is short. A value of Hookline's own making is no deeper than what was taken in. */
export function bytesIn(value: unknown): number {
  if (typeof value === "string") return value.length < SHORT ? value.length : Buffer.byteLength(JSON.stringify(value));
  if (value instanceof JsonSource) return value.length;
  if (typeof value !== "object" || value === null) return 8;
  let sum = 2;
  const waiting: unknown[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const [name, each] of Object.entries(next as object)) {
      sum += Array.isArray(next) ? 1 : name.length + 4;
      if (typeof each === "object" && each !== null && !(each instanceof JsonSource)) waiting.push(each);
      else sum += bytesIn(each);
    }
  }
  return sum;
}

const isPromise = (value: unknown): value is Promise<unknown> => typeof (value as { then?: unknown } | null)?.then === "function";

function charged<T>(value: T): T {
  if (value !== null && value !== undefined) currentBudget()?.answer(bytesIn(value));
  return value;
}

/** Every field that gives a text, or any JSON, is charged from now on. */
export function chargeAnswers(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      if (!CHARGED.has(getNamedType(field.type).name)) continue;
      const resolve = field.resolve ?? defaultFieldResolver;
      field.resolve = (...given) => {
        const value: unknown = resolve(...given);
        return isPromise(value) ? value.then(charged) : charged(value);
      };
    }
  }
  return schema;
}

function tooLarge(): ExecutionResult {
  const { message, code, status } = answerTooLarge();
  return { errors: [new GraphQLError(message, { extensions: { code, http: { status } } })] };
}

type Result = ExecutionResult | Promise<ExecutionResult>;

/** Executes one operation, or one event of a subscription. */
export function bounded(execute: () => Result): Result {
  const budget = new Budget();
  const judged = (result: ExecutionResult) => (budget.exceeded ? tooLarge() : result);
  const result = withBudget(budget, execute);
  return result instanceof Promise ? result.then(judged) : judged(result);
}

/** For queries and mutations; shared-updates.ts does the same for each event of a subscription. */
export function boundedAnswers(): Plugin<object> {
  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn((args) => bounded(() => executeFn(args) as Result));
    },
  };
}
