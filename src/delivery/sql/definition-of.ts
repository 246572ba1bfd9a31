/**
 * A definition as a row for FROM, found by its id and judged after that. Where `deleted_at IS NULL` stands beside the id, a plan that was made while
 * there were few definitions walks the whole index of those that are there, for each lane (a partial index costs nothing then): with a
 * hundred of them that was half of what holding lanes cost, and plans are kept.
 */
export const definitionOf = (id: string): string => `(SELECT * FROM webhook_definition WHERE id = ${id} OFFSET 0)`;
