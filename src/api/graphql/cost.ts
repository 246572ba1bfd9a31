/** What a field costs: one per node that a page can hold, so that nested pages multiply. */
import { GraphQLError } from "graphql";
import { GRAPHQL } from "../limits.ts";

const DEFAULT_PAGE = 20;

function badInput(message: string): never {
  throw new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}

function sizeOf(args: Record<string, unknown>, name: "first" | "last"): number | undefined {
  const size = args[name];
  if (typeof size !== "number") return undefined;
  if (size < 0 || size > GRAPHQL.pageSize) badInput(`${name} must be 0 to ${GRAPHQL.pageSize}`);
  return size;
}

/**
 * Only fields with page arguments (and nodes(ids)) cost anything; below them everything is multiplied by the page's size.
 * @throws GraphQLError BAD_USER_INPUT for a page over 100
 */
export function fieldCost(
  args: Record<string, unknown>,
  _context: unknown,
  field: { readonly args: readonly { readonly name: string }[] },
): { field: number; multiplier: number } {
  const paged = field.args.some((arg) => arg.name === "first" || arg.name === "last");
  const ids = Array.isArray(args["ids"]) ? args["ids"].length : 0;
  if (ids > GRAPHQL.pageSize) badInput(`ids must be at most ${GRAPHQL.pageSize}`);
  const size = paged ? (sizeOf(args, "first") ?? sizeOf(args, "last") ?? DEFAULT_PAGE) : ids;
  return { field: size, multiplier: Math.max(size, 1) };
}
