/** The typed errors of mutations, and how every other error looks in `errors`. */
import { PothosValidationError } from "@pothos/core";
import { GraphQLError } from "graphql";
import { toldOf } from "../../db/unavailable.ts";
import {
  ConflictError,
  ForbiddenError,
  HooklineError,
  type Issue,
  NotFoundError,
  RateLimitedError,
  TooLargeError,
  UnauthenticatedError,
  UnavailableError,
  ValidationError,
} from "../../errors.ts";
import type { Log } from "../../observe/log.ts";
import { told } from "../../text.ts";
import { builder } from "./builder.ts";

const ErrorInterface = builder.interfaceRef<HooklineError>("Error").implement({
  description: "Why a mutation did nothing. `... on Error { code message }` selects it whatever the error's type.",
  fields: (t) => ({
    message: t.exposeString("message", { description: "For people: what is wrong and how to mend it. Its wording may change." }),
    code: t.exposeString("code", { description: "For programs: upper case, such as `NOT_FOUND`; never changes its meaning." }),
  }),
});

const IssueType = builder.objectRef<Issue>("ValidationIssue").implement({
  description: "One place in the input, and the rule that it breaks.",
  fields: (t) => ({
    path: t.exposeString("path", {
      description: "Where in the input, such as `targetUrl` or `events.3.type`; empty for the input as a whole.",
    }),
    message: t.exposeString("message", { description: "For people, to be read behind the path: `must have at most 255 characters`." }),
  }),
});

builder.objectType(ValidationError, {
  name: "ValidationError",
  description: "The input breaks rules; nothing was changed. Its code is VALIDATION_FAILED unless it says more.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [IssueType],
      description: "All broken rules at once, so that one round mends them.",
      resolve: (error) => [...error.issues],
    }),
  }),
});
builder.objectType(NotFoundError, {
  name: "NotFoundError",
  description: "An id of the input is unknown, deleted or another organization's: they are not told apart.",
  interfaces: [ErrorInterface],
});
builder.objectType(ConflictError, {
  name: "ConflictError",
  description: "The object's present state does not allow it, or something unique is taken; the same input may do later.",
  interfaces: [ErrorInterface],
});
builder.objectType(ForbiddenError, {
  name: "ForbiddenError",
  description: "The caller's role or token does not allow it: the message names the scope or role that would.",
  interfaces: [ErrorInterface],
});
builder.objectType(UnauthenticatedError, {
  name: "UnauthenticatedError",
  description: "Nobody is signed in, or name and password do not belong together: they are not told apart.",
  interfaces: [ErrorInterface],
});
builder.objectType(RateLimitedError, {
  name: "RateLimitedError",
  description: "Too many calls or tries for now; nothing was changed, and the same call may be made later.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    retryAfterSeconds: t.exposeInt("retryAfterSeconds", { description: "Seconds to wait before another try is worth while." }),
  }),
});

export const ERROR_TYPES = [ValidationError, NotFoundError, ConflictError, ForbiddenError, UnauthenticatedError, RateLimitedError];

/** What a mutation can only say in words of the typed errors. */
export function asTyped(error: unknown): unknown {
  return error instanceof TooLargeError ? new ValidationError([{ path: "", message: error.message }]) : error;
}

function coded(error: HooklineError, original: GraphQLError | undefined): GraphQLError {
  const waits = error instanceof UnavailableError || error instanceof RateLimitedError;
  const retry = waits ? { http: { status: error.status, headers: { "retry-after": String(error.retryAfterSeconds) } } } : {};
  return new GraphQLError(error.message, {
    nodes: original?.nodes,
    path: original?.path,
    extensions: { code: error.code, ...(error instanceof RateLimitedError && { retryAfterSeconds: error.retryAfterSeconds }), ...retry },
  });
}

function withoutValue(message: string): string {
  const found = message.indexOf(", found: ");
  if (found >= 0) return told(`${message.slice(0, found)}.`);
  const cannot = message.indexOf(" cannot represent ");
  const value = cannot < 0 ? -1 : message.indexOf(": ", cannot);
  return told(value < 0 ? message : `${message.slice(0, value)}.`);
}

/**
 * graphql-js prints the whole input object that breaks a rule, the password in it too: answers get into logs and
 * screenshots, so the rule is told and the value is not.
 */
export function withoutInput(error: GraphQLError): GraphQLError {
  const message = withoutValue(error.message);
  if (message === error.message) return error;
  const { nodes, source, positions, path, originalError, extensions } = error;
  return new GraphQLError(message, { nodes, source, positions, path, originalError, extensions });
}

/**
 * Users' mistakes keep message and code; ours are logged and masked. Given as Yoga's maskError, and to the WebSocket door.
 */
export function createErrorMask(log: Log): (error: unknown) => GraphQLError {
  return (error) => {
    const graphql = error instanceof GraphQLError ? error : undefined;
    const cause = graphql ? graphql.originalError : error;
    const known = cause instanceof GraphQLError ? undefined : toldOf(cause);
    if (known instanceof HooklineError) return coded(known, graphql);
    if (cause instanceof GraphQLError) return withoutInput(cause);
    if (cause instanceof PothosValidationError) {
      return new GraphQLError(cause.message, { nodes: graphql?.nodes, path: graphql?.path, extensions: { code: "BAD_USER_INPUT" } });
    }
    if (graphql && cause == null) return withoutInput(graphql);
    log.error({ err: cause, path: graphql?.path }, "a resolver failed");
    return new GraphQLError("something went wrong on our side", {
      nodes: graphql?.nodes,
      path: graphql?.path,
      extensions: { code: "INTERNAL_SERVER_ERROR", http: { status: 500 } },
    });
  };
}
