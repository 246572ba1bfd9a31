/** Yoga: from the parameters of one GraphQL request to its answer. http.ts feeds it, socket.ts shares its engine. */
import { type DocumentNode, GraphQLError, parse, type Source } from "graphql";
import { createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import type { Log } from "../../observe/log.ts";
import { GRAPHQL } from "../limits.ts";
import { boundedAnswers } from "./bounded.ts";
import type { Context } from "./context.ts";
import { createDocumentCache, NO_CACHE } from "./document-cache.ts";
import { createErrorMask, withoutInput } from "./errors.ts";
import { costLimits, documentLimits, exceeded, nestingLimit } from "./limits.ts";
import { typedVariables } from "./numbers.ts";
import { schema } from "./schema.ts";
import { sharedUpdates } from "./shared-updates.ts";

/** What http.ts hands over: the body is read and checked there. */
export interface ServerContext extends Context {
  /** Of the body, or of the URL of a GET; their numbers as they were written. */
  parameters: GraphQLParameters | undefined;
}

export interface GraphQLParameters {
  query?: string;
  variables?: Record<string, unknown>;
  operationName?: string;
  extensions?: Record<string, unknown>;
}

export type Yoga = YogaServerInstance<ServerContext, object>;

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
function withinLimits(): Plugin<ServerContext> {
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
      args.variableValues = typedVariables(args.schema, args.document, args.operationName, args.variableValues) as never;
      const problem = costLimits(args.schema, args.document, args.operationName, args.variableValues);
      if (problem) setResultAndStopExecution({ errors: [problem] });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      args.variableValues = typedVariables(args.schema, args.document, args.operationName, args.variableValues) as never;
      const problem = costLimits(args.schema, args.document, args.operationName, args.variableValues);
      if (problem) setResultAndStopExecution({ errors: [problem] });
    },
  };
}

/** Literals and variables stay out of what is said about them, before execution too: that is not masked. */
function quietInput(): Plugin<ServerContext> {
  return {
    onResultProcess({ result, setResult }) {
      if (!("errors" in result) || !result.errors) return;
      setResult({ ...result, errors: result.errors.map((error) => (error instanceof GraphQLError ? withoutInput(error) : error)) });
    },
  };
}

/** The body was read, checked and parsed before Yoga: it takes the parameters as they are. */
function readyParameters(): Plugin<ServerContext> {
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      const { parameters } = serverContext as unknown as ServerContext;
      if (parameters) setRequestParser(() => parameters as never);
    },
  };
}

export function createYogaDoor(log: Log): Yoga {
  const mask = createErrorMask(log);
  return createYoga<ServerContext, object>({
    schema,
    graphqlEndpoint: "/graphql",
    // The page is ours (graphiql.ts), so are health checks, CORS (none) and the body's limits.
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
    plugins: [readyParameters(), withinLimits(), quietInput(), boundedAnswers(), sharedUpdates()],
  });
}
