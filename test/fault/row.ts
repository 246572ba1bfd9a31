/** What a row of FAULTS.md is given, and how it is judged. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Account, account, type Logged } from "./accounting.ts";
import { startWatcher, type Watcher } from "./live.ts";
import type { Platform } from "./platform.ts";
import { createProducer, type Producer } from "./producer.ts";
import type { Behaviour, Recorder } from "./recorder.ts";

interface Titled {
  id: string;
  title: string;
  /** In the set that CI runs. */
  short: boolean;
  /** About starts, copies, restores and failover: `--edges`. */
  edge?: boolean;
}

export interface Row extends Titled {
  /** A platform of its own, ended with the row; the shared one unless given. */
  world?: (bench: Bench) => Promise<Platform>;
  run(test: RowTest): Promise<void>;
}

/** A row about processes that it starts itself, each on a folder of its own. */
export interface LoneRow extends Titled {
  alone(bench: Bench): Promise<void>;
}

/** What every row has. */
export interface Bench {
  /** At its full length: `--long`. */
  readonly full: boolean;
  /** 0 up to 1, from the run's seed. */
  random(): number;
  say(line: string): void;
  check(holds: boolean, what: string): void;
  sleep(ms: number): Promise<unknown>;
}

export interface Target {
  /** Global id. */
  id: string;
  path: string;
  /** The event type that it wants. */
  type: string;
  /** Deleted by the row itself. */
  gone?: boolean;
}

export interface TargetSettings {
  behaviour?: Behaviour;
  /** Another address of the recorder: another origin, with connections of its own. */
  host?: string;
  /** Instead of the recorder. */
  url?: string;
  ordering?: "DEFINITION" | "KEY" | "NONE";
  retrySchedule?: number[];
  onExhausted?: "SKIP" | "BLOCK";
  timeoutMs?: number;
  concurrency?: number;
  /** Its requests may end without being delivered. */
  mayFail?: boolean;
  /** Attempts end before a call is made. */
  unsent?: boolean;
}

export interface RowTest extends Bench {
  readonly platform: Platform;
  readonly recorder: Recorder;
  readonly producer: Producer;
  /** A subscriber beside it. */
  readonly live: Watcher;
  /** A definition that wants an event type of its own, or another target's. */
  target(name: string, settings?: TargetSettings & { type?: string }): Promise<Target>;
  /** Marks the moment of a fault: repeats are allowed from here. */
  fault(): void;
  /** Every accepted event of these targets is settled in the log. */
  settled(timeoutMs?: number): Promise<void>;
  logged(): Promise<Logged[]>;
  /** Accepted → received, milliseconds, of first successes since `from`. */
  latencies(target: Target, from?: number): number[];
  /** Rule P over everything of this row. */
  account(): Promise<Account>;
  /** What was sent so far is no longer asked for: the database of now never heard of it. */
  forget(): void;
}

/** Milliseconds under which a p99 on a shared machine says nothing. */
export const NOISE_MS = 60;

const ENDLESS = Array.from({ length: 20 }, () => 0.2);

export interface RowResult {
  problems: string[];
  notes: string[];
  /** What processes said, of a row that failed. */
  evidence?: string[];
  account: Account | undefined;
}

/** Figures and findings of a row. */
export function makeBench(random: () => number, full: boolean): Bench & { problems: string[]; notes: string[] } {
  const problems: string[] = [];
  const notes: string[] = [];
  return {
    ...{ full, random, problems, notes, sleep },
    say: (line) => notes.push(line),
    check: (holds, what) => {
      if (!holds) problems.push(what);
    },
  };
}

export async function runAlone(row: LoneRow, random: () => number, full: boolean): Promise<RowResult> {
  const bench = makeBench(random, full);
  await row.alone(bench).catch((error: Error) => bench.problems.push(error.stack ?? String(error)));
  return { problems: bench.problems, notes: bench.notes, account: undefined };
}

export async function runRow(row: Row, platform: Platform, recorder: Recorder, bench: ReturnType<typeof makeBench>): Promise<RowResult> {
  const { random, problems, notes } = bench;
  const run = `${row.id.toLowerCase()}-${Math.floor(random() * 1e9).toString(36)}`;
  const producer = createProducer([platform.apis[0], platform.apis[1]], platform.token, run);
  const targets: (Target & { settings: TargetSettings })[] = [];
  const faults: number[] = [];
  const deathsBefore = platform.all.map((process) => process.deaths.length);
  let judged: Account | undefined;

  const live = await startWatcher(platform);

  const test: RowTest = {
    ...bench,
    platform,
    recorder,
    producer,
    live,
    async target(name, { type = `${run}.${name}`, ...settings } = {}) {
      const path = `/${run}/${name}`;
      if (settings.behaviour) recorder.on(path, settings.behaviour);
      const { behaviour: _behaviour, host = "127.0.0.1", url, mayFail: _mayFail, unsent: _unsent, ...policy } = settings;
      const own = `http://${host}:${recorder.receiver.port}${path}`;
      const created = await platform.mutate<{ definition: { id: string } }>(
        "createWebhookDefinition",
        "... on CreatedWebhookDefinition { definition { id } }",
        {
          name: `${run} ${name}`,
          targetUrl: url ?? own,
          eventTypes: [type],
          retrySchedule: ENDLESS,
          ...policy,
        },
      );
      const target = { id: created.definition.id, path, type, settings };
      targets.push(target);
      return target;
    },
    fault: () => faults.push(performance.now()),
    forget() {
      producer.log.length = 0;
      targets.length = 0;
    },
    async settled(timeoutMs = 120_000) {
      const wanted = producer.log.filter((sent) => sent.outcome === "accepted").map((sent) => sent.n);
      for (const deadline = performance.now() + timeoutMs; ; await sleep(50)) {
        const logged = await test.logged();
        const open = logged.filter((request) => ["PENDING", "SENDING", "WAITING"].includes(request.state));
        const missing = wanted.filter((n) => !logged.some((request) => request.n === n));
        if (open.length === 0 && missing.length === 0) return;
        if (performance.now() > deadline) {
          throw new Error(
            `${open.length} requests are not settled after ${timeoutMs} ms, ${missing.length} events have none: ${JSON.stringify(open.slice(0, 3))}; ${await lanesNow(platform, open[0]?.laneId)}`,
          );
        }
      }
    },
    async logged() {
      const ids = targets.map((target) => uuid(target.id));
      const rows = await platform.postgres.query<Logged & { definition: string }>(
        `SELECT r.id, r.definition_id AS definition, (e.payload::json->>'n')::int AS n, r.lane_id AS "laneId", r.lane_number::int AS "laneNumber", r.state,
           count(a.number)::int AS attempts, count(a.number) FILTER (WHERE a.outcome = 'INTERRUPTED')::int AS interrupted,
           COALESCE(bool_or(a.manual), false) AS manual
         FROM webhook_request r JOIN event e ON e.id = r.event_id LEFT JOIN attempt a ON a.request_id = r.id
         WHERE r.definition_id = ANY($1::uuid[]) AND NOT r.is_test GROUP BY r.organization_id, r.id, e.payload ORDER BY r.lane_id, r.lane_number`,
        [ids],
      );
      return rows.map(({ definition, ...request }) => ({ ...request, path: targets[ids.indexOf(definition)]?.path ?? "" }));
    },
    latencies(target, from = 0) {
      const accepted = new Map(producer.log.map((sent) => [sent.n, sent]));
      const first = new Map<number, number>();
      for (const call of recorder.of(target.path)) if (call.status === 200 && !first.has(call.n)) first.set(call.n, call.start);
      return [...first].flatMap(([n, at]) => {
        const sent = accepted.get(n);
        return sent?.outcome === "accepted" && sent.acceptedAt >= from ? [Math.max(0, at - sent.acceptedAt)] : [];
      });
    },
    async account() {
      judged = account({
        sent: producer.log,
        seen: targets.flatMap((target) => recorder.of(target.path)),
        logged: await test.logged(),
        definitions: targets.map(({ path, type, settings }) => ({
          path,
          type,
          strict: settings.ordering !== "NONE",
          recorded: settings.url === undefined && !settings.unsent,
        })),
        faults,
        exits: platform.all.flatMap((process, i) => process.deaths.slice(deathsBefore[i])),
        mayFail: new Set(targets.filter(({ settings }) => settings.mayFail || settings.url).map(({ path }) => path)),
        window: 64,
      });
      problems.push(...judged.broken);
      problems.push(...(await live.judge(new Map((await test.logged()).map(({ id, state }) => [id, state])))));
      return judged;
    },
  };
  try {
    await row.run(test);
  } catch (error) {
    problems.push((error as Error).stack ?? String(error));
  }
  const ran = performance.now();
  await live.stop();
  // What the processes said of it: the evidence of a failed row.
  const evidence = platform.all.map((process) => `${process.name} said: ${process.complaints.slice(-1_500) || "nothing"}`);
  // Evidence is taken; what is left of this row must not reach into the next.
  await platform.heal().catch((error: Error) => problems.push(`does not heal: ${error.message}`));
  await platform
    .mutate("stopWebhookDefinitions", "... on WebhookDefinitionList { __typename }", {
      ids: targets.filter((target) => !target.gone).map(({ id }) => id),
    })
    .catch((error: Error) => targets.length > 0 && problems.push(error.message));
  const healing = (performance.now() - ran) / 1_000;
  if (healing > 2) notes.push(`healed in ${healing.toFixed(1)} s`);
  return { problems, notes, evidence, account: judged };
}

async function lanesNow(platform: Platform, laneId: string | undefined): Promise<string> {
  const rows = await platform.postgres.query("SELECT l.*, now() AS now FROM lane l WHERE id = $1", [laneId]);
  return `its lane: ${JSON.stringify(rows[0])}`;
}

/** Of a global id. */
export function uuid(globalId: string): string {
  const hex = globalId.slice(globalId.indexOf("_") + 1);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
