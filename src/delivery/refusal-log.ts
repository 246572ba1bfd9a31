/** The operator's side of EGRESS_BLOCKED: which address was refused, and what would allow it. Tenants never see either. */
import type { Clock } from "../clock.ts";
import type { Log } from "../observe/log.ts";
import type { Refusal } from "./egress.ts";

/** A target that is tried again and again is one line a minute. */
const QUIET_MS = 60_000;
const MOST_KNOWN = 1_000;

export function createRefusalLog(core: { log: Log; clock: Pick<Clock, "monotonic"> }): (refusal: Refusal) => void {
  const told = new Map<string, number>();
  return ({ host, address, cidr }) => {
    const now = core.clock.monotonic();
    const key = `${host} ${address}`;
    const last = told.get(key);
    if (last !== undefined && now - last < QUIET_MS) return;
    if (told.size >= MOST_KNOWN) told.clear();
    told.set(key, now);
    core.log.warn(
      { code: "EGRESS_BLOCKED", host, address, allow: cidr },
      `a call was refused: ${host} leads to ${address}; if it may be called, add ${cidr} to HOOKLINE_EGRESS_ALLOW`,
    );
  };
}
