/** What a definition's receiver did lately: errors in a row, and the last one. */
import type { Core } from "../core.ts";
import type { DefinitionCounter } from "../db/generated/prisma/client.ts";

/** By definition. */
export async function countersOf(
  core: Core,
  organizationId: string,
  definitionIds: readonly string[],
): Promise<Map<string, DefinitionCounter>> {
  const counters = await core.db.prisma.definitionCounter.findMany({ where: { organizationId, definitionId: { in: [...definitionIds] } } });
  return new Map(counters.map((counter) => [counter.definitionId, counter]));
}
