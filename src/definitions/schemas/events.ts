/** A call's events by the schemas of their types. */
import type { Issue } from "../../errors.ts";
import { isOwnEvent } from "../match.ts";
import { type Judged, mistakesBy } from "./judge.ts";
import { MOST_MISTAKES } from "./messages.ts";

/** @param schemas JSON texts by type; a type without one takes any payload @returns at most `MOST_MISTAKES`, type by type */
export async function judgeEvents(
  organizationId: string,
  schemas: ReadonlyMap<string, string>,
  events: readonly { type: string; payload: string }[],
): Promise<Issue[]> {
  const byType = new Map<string, Judged[]>();
  for (const [i, { type, payload }] of events.entries()) {
    if (isOwnEvent(type) || !schemas.has(type)) continue;
    const list = byType.get(type) ?? [];
    byType.set(type, list);
    list.push({ path: `events.${i}.payload`, value: payload });
  }
  const issues: Issue[] = [];
  for (const [type, values] of byType) {
    if (issues.length >= MOST_MISTAKES) break;
    issues.push(...(await mistakesBy(organizationId, type, schemas.get(type) as string, values)));
  }
  return issues.slice(0, MOST_MISTAKES);
}
