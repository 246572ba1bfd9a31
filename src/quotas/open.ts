/** The quotas of one process: opened by the engine, asked by ingest, definitions, subscriptions and the doors. README.md. */
import type { Core } from "../core.ts";
import { createReading } from "../observe/reading.ts";
import { levelAt } from "./bucket.ts";
import { createGate, type Gate } from "./gate.ts";
import { QUOTA_NAMES, type Quotas } from "./quotas.ts";
import { createTelling } from "./telling.ts";
import { showQuotas, showUsage } from "./usage.ts";

export interface OpenQuotas extends Pick<Gate, "admit" | "refused" | "ended" | "subscribe" | "unsubscribe"> {
  /** Reads an organization's, so that the next question is answered from memory. */
  prepare(organizationId: string): Promise<void>;
  quotas(organizationId: string): Promise<Quotas>;
  usage(organizationId: string): Promise<Quotas>;
  /** Tells what was not told yet. */
  stop(): Promise<void>;
}

const REFUSALS = [...QUOTA_NAMES, "tokenEventsPerSecond"];

/** The part of each quota that the organization nearest to it uses, as far as this process knows. */
function nearest(gate: Gate, now: number): Record<string, number> {
  const parts: Record<string, number> = { eventsPerSecond: 0, queuedRequests: 0, storedBytes: 0, subscriptions: 0 };
  const part = (name: string, used: number, limit: number) => {
    parts[name] = Math.max(parts[name] ?? 0, limit > 0 ? Math.min(1, used / limit) : 1);
  };
  for (const { quotas, bucket, queued, stored, subscriptions, elsewhere } of gate.organizations.values()) {
    if (!quotas) continue;
    if (bucket) part("eventsPerSecond", bucket.rate - levelAt(bucket, now), bucket.rate);
    part("queuedRequests", queued.count + queued.since, quotas.queuedRequests);
    part("storedBytes", stored.count + stored.since, quotas.storedBytes);
    part("subscriptions", subscriptions + elsewhere, quotas.subscriptions);
  }
  return parts;
}

function watch({ metrics, clock }: Core, gate: Gate): void {
  // A database that does not answer holds nobody's look up, and what was known is shown.
  const recounted = createReading(() => gate.recountNearest(), { monotonic: () => clock.monotonic() });
  // A rate needs a first value of 0.
  for (const quota of REFUSALS) metrics.overQuota(quota, 0);
  metrics.figures(
    async () => {
      await recounted.get();
      return nearest(gate, clock.monotonic());
    },
    [
      {
        name: "hookline_quota_used_ratio",
        help: "The part of a quota, 0 to 1, that the organization nearest to it uses, as far as the processes know.",
        labels: ["quota"],
        of: (parts) => Object.entries(parts).map(([quota, used]) => [used, { quota }]),
      },
    ],
    true,
  );
}

export function openQuotas(core: Core, processId: string): OpenQuotas {
  const gate = createGate(core, processId, () => telling.dirty());
  const telling = createTelling(core, processId, () => gate.organizations);
  watch(core, gate);
  return {
    ...{ admit: gate.admit, refused: gate.refused, ended: gate.ended, subscribe: gate.subscribe, unsubscribe: gate.unsubscribe },
    async prepare(organizationId) {
      const own = gate.of(organizationId);
      if (!own.quotas) await gate.load(own);
    },
    quotas: (organizationId) => showQuotas(core, organizationId),
    usage: (organizationId) => showUsage(core, gate, processId, organizationId),
    async stop() {
      gate.stop();
      await telling.stop();
    },
  };
}
