/** What a field costs: one per node that a page can hold, so that nested pages multiply. */
export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

/**
 * Only fields with page arguments (and nodes(ids)) cost anything; below them everything is multiplied by the page's size.
 */
export function fieldCost(
  args: Record<string, unknown>,
  _context: unknown,
  field: { readonly args: readonly { readonly name: string }[] },
): { field: number; multiplier: number } {
  const paged = field.args.some((arg) => arg.name === "first" || arg.name === "last");
  const ids = Array.isArray(args["ids"]) ? args["ids"].length : 0;
  const size = paged ? Number(args["first"] ?? args["last"] ?? DEFAULT_PAGE) : ids;
  return { field: size, multiplier: Math.max(size, 1) };
}
