/** What an organization may use and uses now, for people: read from the tables, over all processes. */

import { lowestId } from "../clock.ts";
import type { Core } from "../core.ts";
import { ZERO_ID } from "../db/values.ts";
import { firstDay, type Gate } from "./gate.ts";
import { type Quotas, quotasOf } from "./quotas.ts";
import { countEventsSince, countLiving, countQueued, readQuotas } from "./sql/read-quotas.ts";

/** Events are counted over so many seconds. */
const SECONDS = 10;
/** No organization has more. */
const MOST_DEFINITIONS = 1_000_000;

export async function showQuotas(core: Core, organizationId: string): Promise<Quotas> {
  const [row] = await readQuotas.rows(core.db.tenant(organizationId), [organizationId, firstDay(core), ZERO_ID]);
  return quotasOf(row, core.config.quotas);
}

/** Counted no further than the quotas go. @param processId this one, whose own subscriptions the gate knows */
export async function showUsage(core: Core, gate: Gate, processId: string, organizationId: string): Promise<Quotas> {
  const db = core.db.tenant(organizationId);
  const [row] = await readQuotas.rows(db, [organizationId, firstDay(core), processId]);
  const quotas = quotasOf(row, core.config.quotas);
  const since = lowestId(new Date(core.clock.now().getTime() - SECONDS * 1_000));
  const [events] = await countEventsSince.rows(db, [organizationId, since, SECONDS * quotas.eventsPerSecond]);
  const [queued] = await countQueued.rows(db, [organizationId, quotas.queuedRequests]);
  const [definitions] = await countLiving.rows(db, [organizationId, MOST_DEFINITIONS]);
  const own = gate.organizations.get(organizationId);
  return {
    eventsPerSecond: Math.ceil((events?.count ?? 0) / SECONDS),
    definitions: definitions?.count ?? 0,
    queuedRequests: queued?.count ?? 0,
    storedBytes: (row?.stored ?? 0) + (own?.untold ?? 0),
    subscriptions: (row?.elsewhere ?? 0) + (own?.subscriptions ?? 0),
  };
}
