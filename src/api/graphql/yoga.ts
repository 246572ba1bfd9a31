/** Yoga's engine: parsing and validation with their caches, limits, execution, masked errors. Both doors run on it (operation.ts, socket.ts). */
import { type DocumentNode, GraphQLError, parse, type Source } from "graphql";
import { createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import type { Log } from "../../observe/log.ts";
import { GRAPHQL } from "../limits.ts";
import { boundedAnswers } from "./bounded.ts";
import type { Context } from "./context.ts";
import { createDocumentCache, NO_CACHE } from "./document-cache.ts";
import { createErrorMask } from "./errors.ts";
import { documentLimits, exceeded, nestingLimit } from "./limits.ts";
import { portalGate } from "./portal.ts";
import { readVariables } from "./read-variables.ts";
import { schema } from "./schema.ts";
import { sharedUpdates } from "./shared-updates.ts";

export type Yoga = YogaServerInstance<Context, object>;

/** Documents are cached, so is what was found about them. */
const judged = new WeakMap<DocumentNode, GraphQLError | null>();

/** @throws GraphQLError for a syntax error, and for a document that asks too much */
function parseWithinLimits(source: string | Source): DocumentNode {
  const problem = nestingLimit(typeof source === "string" ? source : source.body);
  if (problem) throw problem;
  try {
    return parse(source, { maxTokens: GRAPHQL.tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError) || !/more than \d+ tokens/.test(error.message)) throw error;
    throw exceeded("tokens", GRAPHQL.tokens);
  }
}

/** Documents that ask too much end here, before validation and execution: HTTP 400, no data. */
function withinLimits(): Plugin<Context> {
  return {
    onParse({ setParseFn }) {
      setParseFn(parseWithinLimits as never);
      return ({ result, replaceParseResult }) => {
        if (!result || result instanceof Error) return;
        let problem = judged.get(result);
        if (problem === undefined) {
          problem = documentLimits(result) ?? null;
          judged.set(result, problem);
        }
        if (problem) replaceParseResult(problem as never);
      };
    },
    onExecute({ args, setResultAndStopExecution }) {
      const problem = readVariables(args);
      if (problem) setResultAndStopExecution({ errors: [problem] });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const problem = readVariables(args);
      if (problem) setResultAndStopExecution({ errors: [problem] });
    },
  };
}

export function createYogaDoor(log: Log): Yoga {
  const mask = createErrorMask(log);
  return createYoga<Context, object>({
    schema,
    graphqlEndpoint: "/graphql",
    // HTTP is ours (http.ts, answer.ts): the page, health checks, CORS, bodies and their limits.
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    logging: false,
    maxRequestBodySize: false,
    disposeOnProcessTerminate: false,
    maskedErrors: { maskError: (error) => mask(error) },
    parserAndValidationCache: { documentCache: createDocumentCache(), errorCache: NO_CACHE, validationCache: true },
    plugins: [withinLimits(), portalGate(mask), boundedAnswers(), sharedUpdates()],
  });
}
