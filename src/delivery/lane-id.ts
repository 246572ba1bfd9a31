/** Which lane: its id follows from what it is for, and a reference names it among all tenants. Pure. */
import { createHash } from "node:crypto";

/** `organization/lane`: what wake-ups and workers carry, since every key begins with the organization. */
export type LaneRef = string;

export const laneRef = (organizationId: string, laneId: string): LaneRef => `${organizationId}/${laneId}`;

/** @returns undefined for anything that `laneRef` did not make */
export function parseLaneRef(ref: LaneRef): { organizationId: string; laneId: string } | undefined {
  const [organizationId, laneId, more] = ref.split("/");
  return organizationId?.length === 36 && laneId?.length === 36 && more === undefined ? { organizationId, laneId } : undefined;
}

/** References as the two parallel arrays that statements take, in the order in which everybody locks lanes. */
export function laneKeys(refs: Iterable<LaneRef>): [organizationIds: string[], laneIds: string[]] {
  const sorted = [...refs].sort();
  return [sorted.map((ref) => ref.slice(0, 36)), sorted.map((ref) => ref.slice(37))];
}

/**
 * As the SQL function lane_id: a UUIDv8 of SHA-256.
 * @param epoch the definition's ordering_epoch
 * @param key "" unless ordered by KEY
 */
export function laneIdOf(definitionId: string, epoch: number, key: string): string {
  if (key !== "") return hashedId(`${definitionId}/${epoch}/${key}`);
  // Asked for each event; of lanes by key there may be millions.
  const name = `${definitionId}/${epoch}`;
  const known = whole.get(name);
  if (known !== undefined) return known;
  if (whole.size >= MAX_KEPT) whole.clear();
  const id = hashedId(`${name}/`);
  whole.set(name, id);
  return id;
}

const MAX_KEPT = 20_000;
const whole = new Map<string, string>();

/** A UUIDv8 of the name's SHA-256. */
export function hashedId(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
