/** The figures of /metrics that stand in the database, the same whichever process says them, and those of its own pools. */
import { timeOf } from "../clock.ts";
import type { Core } from "../core.ts";
import type { Database } from "../db/client.ts";
import type { LaneState } from "../delivery/lane-state.ts";
import type { Figure } from "../observe/metrics.ts";
import { createReading } from "../observe/reading.ts";
import { countConnections, countDefinitions, countLanes, countPartitions, oldestHead } from "./sql/figures.ts";

export interface Figures {
  lanes: Map<string, { lanes: number; queued: number }>;
  /** Seconds since the event of the oldest request that may be sent came; 0 when none waits. */
  oldestSeconds: number;
  definitions: Map<string, number>;
  partitions: { parent: string; partitions: number; ahead: number; age: number }[];
  connections: number;
  mostConnections: number;
}

/** One after another, on one connection at a time: deliveries need the others. */
export async function readFigures({ pool }: Pick<Database, "pool">): Promise<Figures> {
  const lanes = await countLanes.rows(pool, []);
  const [oldest] = await oldestHead.rows(pool, []);
  const definitions = await countDefinitions.rows(pool, []);
  const partitions = await countPartitions.rows(pool, []);
  const [server] = await countConnections.rows(pool, []);
  return {
    lanes: new Map(lanes.map(({ state, ...counts }) => [state, counts])),
    oldestSeconds: oldest ? Math.max(0, (oldest.now.getTime() - timeOf(oldest.request_id)) / 1_000) : 0,
    definitions: new Map(definitions.map((row) => [row.state, row.definitions])),
    partitions,
    connections: server?.connections ?? 0,
    mostConnections: server?.most ?? 0,
  };
}

const LANE_STATES: readonly LaneState[] = ["IDLE", "READY", "LEASED", "WAITING", "BLOCKED", "PAUSED"];
const DEFINITION_STATES = ["ACTIVE", "STOPPED", "TOO_MANY_ERRORS"];
const QUEUED_STATES = LANE_STATES.filter((state) => state !== "IDLE");
const label = (state: string) => state.toLowerCase();

export const FIGURES: readonly Figure<Figures>[] = [
  {
    name: "hookline_queued_requests",
    help: "Backlog: requests that are accepted and not settled, by the state of their lane. In blocked and paused lanes they wait for somebody.",
    labels: ["lane_state"],
    of: ({ lanes }) => QUEUED_STATES.map((state) => [lanes.get(state)?.queued ?? 0, { lane_state: label(state) }]),
  },
  {
    name: "hookline_oldest_waiting_seconds",
    help: "Age of the oldest queued request at the head of a lane that is neither blocked nor paused, of a strict lane the first that was not resent; 0 when none waits.",
    of: ({ oldestSeconds }) => [[oldestSeconds]],
  },
  {
    name: "hookline_lanes",
    help: "Lanes by state. Blocked: the head was given up and somebody must decide. Paused: by an operator, or with its webhook.",
    labels: ["state"],
    of: ({ lanes }) => LANE_STATES.map((state) => [lanes.get(state)?.lanes ?? 0, { state: label(state) }]),
  },
  {
    name: "hookline_definitions",
    help: "Webhook definitions by state. too_many_errors: its receiver failed too often in a row, or is gone.",
    labels: ["state"],
    of: ({ definitions }) => DEFINITION_STATES.map((state) => [definitions.get(state) ?? 0, { state: label(state) }]),
  },
  {
    name: "hookline_partitions",
    help: "Partitions of the log's tables.",
    labels: ["table"],
    of: ({ partitions }) => partitions.map((row) => [row.partitions, { table: row.parent }]),
  },
  {
    name: "hookline_partition_newest_ahead_seconds",
    help: "How far ahead of now the newest partition ends. At 0 nothing more can be accepted.",
    labels: ["table"],
    of: ({ partitions }) => partitions.map((row) => [row.ahead, { table: row.parent }]),
  },
  {
    name: "hookline_partition_oldest_seconds",
    help: "How long ago the oldest partition with a beginning begins.",
    labels: ["table"],
    of: ({ partitions }) => partitions.map((row) => [Math.max(0, row.age), { table: row.parent }]),
  },
  {
    name: "hookline_database_connections",
    help: "Connections to the database server, of all its databases.",
    of: ({ connections }) => [[connections]],
  },
  {
    name: "hookline_database_connections_max",
    help: "How many connections the database server takes (max_connections).",
    of: ({ mostConnections }) => [[mostConnections]],
  },
];

type Pools = Database["pools"];
const byPool = (of: (pool: Pools["hot"]) => number) => (pools: Pools) =>
  Object.entries(pools).map(([pool, each]) => [of(each), { pool }] as const);

const POOL_FIGURES: readonly Figure<Pools>[] = [
  {
    name: "hookline_pool_connections",
    help: "Connections to the database that this process holds, by pool and whether they are in use.",
    labels: ["pool", "state"],
    of: (pools) =>
      Object.entries(pools).flatMap(([pool, { totalCount, idleCount }]) => [
        [totalCount - idleCount, { pool, state: "busy" }] as const,
        [idleCount, { pool, state: "idle" }] as const,
      ]),
  },
  {
    name: "hookline_pool_connections_max",
    help: "How many connections a pool of this process may hold.",
    labels: ["pool"],
    of: byPool(({ options }) => options.max),
  },
  {
    name: "hookline_pool_waiting",
    help: "Callers that wait for a connection of this process's pool now.",
    labels: ["pool"],
    // One that finds an idle connection stands in the queue for a moment, too.
    of: byPool(({ waitingCount, idleCount, totalCount, options }) => (idleCount > 0 || totalCount < options.max ? 0 : waitingCount)),
  },
  {
    name: "hookline_pool_waits_total",
    help: "Callers that found every connection of the pool in use.",
    labels: ["pool"],
    counts: true,
    of: byPool(({ waits }) => waits.count),
  },
  {
    name: "hookline_pool_wait_seconds_total",
    help: "Seconds that callers waited for a connection of the pool.",
    labels: ["pool"],
    counts: true,
    of: byPool(({ waits }) => waits.seconds),
  },
  {
    name: "hookline_read_refusals_total",
    help: "Reads that were refused since their organization's share of the pool was in use for too long.",
    counts: true,
    of: ({ tenant }) => [[tenant.shares.refused]],
  },
];

/** Shows them at /metrics. Nothing is read unless somebody asks there. */
export function watchFigures({ db, clock, metrics, log }: Core): void {
  const reading = createReading(() => readFigures(db), {
    monotonic: () => clock.monotonic(),
    onFailure: (error) => log.warn({ err: error.message }, "the figures of /metrics could not be read"),
  });
  metrics.figures(() => reading.get(), FIGURES, true);
  metrics.figures(async () => db.pools, POOL_FIGURES, false);
  const says = "1: the database answered when the figures were last read; 0: it did not.";
  metrics.gauge("hookline_database_up", says, async () => ((await reading.get()) ? 1 : 0), "min");
}
