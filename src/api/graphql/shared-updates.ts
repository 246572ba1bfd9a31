/**
 * One change of the feed goes to many subscribers that ask for the same fields: it is executed once for all of them.
 * Measured on the prototypes: 61 667 messages/s against 17 077 when each subscriber executes for itself.
 *
 * Two executions are the same when the change, the document, the variables that its selection uses, and what the caller
 * may see are the same. The arguments of the subscription itself (filter, cursor) chose the change; its answer does not
 * depend on them.
 */
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  executeSubscriptionEvent,
  Kind,
  type OperationDefinitionNode,
  type ValidatedSubscriptionArgs,
  validateSubscriptionArgs,
  visit,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { bounded } from "./bounded.ts";
import { type Context, callerOf } from "./context.ts";

type Result = ExecutionResult | Promise<ExecutionResult>;

/** Survives copies of a result, and is in no JSON. */
const CURSOR = Symbol("cursor");

/** Of the change that a result tells of, whether its fields were asked for or not; undefined for changes without one. */
export const cursorOf = (result: ExecutionResult): string | undefined => (result as { [CURSOR]?: string })[CURSOR];

function withCursor(result: ExecutionResult, change: object): ExecutionResult {
  const { cursor } = change as { cursor?: unknown };
  return typeof cursor === "string" ? Object.assign(result, { [CURSOR]: cursor }) : result;
}

/** By document: Yoga keeps parsed documents. */
const used = new WeakMap<DocumentNode, ReadonlySet<string>>();

/** The variables that a document's answers depend on. */
export function variablesOf(document: DocumentNode): ReadonlySet<string> {
  const known = used.get(document);
  if (known) return known;
  const roots = document.definitions
    .filter((definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION)
    .flatMap((operation) => operation.selectionSet.selections);
  const names = new Set<string>();
  visit(document, {
    enter(node, _key, _parent, _path, ancestors) {
      if (node.kind === Kind.VARIABLE_DEFINITION) return false;
      // The arguments of the subscription itself.
      if (node.kind === Kind.ARGUMENT && roots.includes(ancestors.at(-1) as never)) return false;
      if (node.kind === Kind.VARIABLE) names.add(node.name.value);
      return undefined;
    },
  });
  used.set(document, names);
  return names;
}

/** What else the answer depends on, as one text per subscription. */
function keyOf({ document, operation, rawVariableValues, contextValue }: ValidatedSubscriptionArgs): string {
  const caller = callerOf(contextValue as Context);
  // One that is absent has its default, null has not: as a text both are null.
  const given = rawVariableValues ?? {};
  const variables = [...variablesOf(document)].sort().flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]]));
  return JSON.stringify([operation.name?.value, variables, caller.organizationId, caller.portal, caller.role, [...caller.scopes].sort()]);
}

function createSharing() {
  const answers = new WeakMap<object, Map<DocumentNode, Map<string, Result>>>();
  /** @param change of the feed */
  return (key: string, args: ValidatedSubscriptionArgs, change: object): Result => {
    const documents = answers.get(change) ?? new Map<DocumentNode, Map<string, Result>>();
    const results = documents.get(args.document) ?? new Map<string, Result>();
    const known = results.get(key);
    if (known) return known;
    answers.set(change, documents.set(args.document, results));
    const executed = bounded(() => executeSubscriptionEvent({ ...args, rootValue: change }));
    const result = executed instanceof Promise ? executed.then((each) => withCursor(each, change)) : withCursor(executed, change);
    results.set(key, result);
    return result;
  };
}

/** What graphql's own mapping of a subscription does, with one promise for a change instead of six. */
function answered(changes: AsyncIterator<object>, answer: (change: object) => Result): AsyncGenerator<ExecutionResult, void, void> {
  const end = async (): Promise<IteratorResult<ExecutionResult, void>> => {
    await changes.return?.();
    return { done: true, value: undefined };
  };
  return {
    async next() {
      const step = await changes.next();
      if (step.done) return { done: true, value: undefined };
      try {
        const value = answer(step.value);
        return { done: false, value: value instanceof Promise ? await value : value };
      } catch (error) {
        await end();
        throw error;
      }
    },
    return: end,
    async throw(error) {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

/** Replaces Yoga's way of running subscriptions. */
export function sharedUpdates(): Plugin<object> {
  const share = createSharing();
  async function subscribe(args: ExecutionArgs): Promise<ExecutionResult | AsyncGenerator<ExecutionResult, void, void>> {
    const validated = validateSubscriptionArgs(args);
    if (!("schema" in validated)) return { errors: validated };
    const source = await createSourceEventStream(validated);
    if (!(Symbol.asyncIterator in source)) return source;
    const key = keyOf(validated);
    return answered((source as AsyncIterable<object>)[Symbol.asyncIterator](), (change) => share(key, validated, change));
  }
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe as never);
    },
  };
}
