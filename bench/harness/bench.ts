/** What every row stands on: a Postgres, a receiver, loads, baselines, and how a stretch of work is measured. */
import { payloads } from "../../test/fixtures/payloads/payloads.ts";
import { freePort } from "../../test/helpers/free-port.ts";
import type { Prepare, Run } from "../frozen/program.ts";
import type { Load, LoadResult } from "./generator.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { cpuMs, endOthers, type Program, start, waitUntil } from "./process.ts";
import type { Received, ReceiverReset } from "./receiver.ts";
import { hundreds, median } from "./stats.ts";

export interface Receiver extends Program {
  url: string;
  reset(how?: ReceiverReset): Promise<void>;
  count(): Promise<number>;
  received(): Promise<Received>;
  /** First arrivals: number → ms of the machine's monotonic clock. */
  arrivals(): Promise<Map<number, number>>;
  /** Waits for so many calls. */
  has(count: number, timeoutMs?: number): Promise<void>;
}

/** Rate and cost of one measured stretch. */
export interface Figure {
  perSecond: number;
  /** Microseconds of CPU for each unit. */
  serverMicros: number;
  postgresMicros: number;
}

export interface Baseline extends Program {
  /** Where it listens, for those that do. */
  url: string;
  run(run: Run): Promise<{ seconds: number; starts: number[] }>;
}

export type BaselineName = "http" | "db" | "door" | "echo" | "rate" | "naive" | "bare";

export interface Bench {
  postgres: Postgres;
  receiver: Receiver;
  /** Runs of which the median counts. */
  runs: number;
  /** Of counts and minutes; below 1 a run only tries the rows and shows nothing. */
  scale: number;
  scaled(count: number): number;
  /** Units of a run of some four seconds: shorter ones differ by half. @param warm the run before it @param least at least so many, in hundreds */
  lasting(warm: Figure, least: number): number;
  /** In a process apart; calls at the same time are of as many processes. */
  load(load: Load): Promise<LoadResult>;
  baseline(name: BaselineName): Promise<Baseline>;
  receiverOfItsOwn(): Promise<Receiver>;
  /** Rate and CPU while `work` runs, from a checkpoint on. @param servers pids whose trees are the server's side */
  measured(servers: readonly number[], units: number, work: () => Promise<void>): Promise<Figure>;
  /** Prints a line of the row's report, and keeps it. */
  say(line: string): void;
  lines: string[];
  /** After a row that failed: ends what it started. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const LASTING_SECONDS = 4;

const NEEDS_DATABASE: ReadonlySet<BaselineName> = new Set(["db", "rate", "naive", "bare"]);

async function startReceiver(): Promise<Receiver> {
  const port = await freePort();
  const program = await start("bench/harness/receiver.ts", { env: { PORT: String(port) } });
  const received = () => program.ask<Received>({ count: true });
  const receiver: Receiver = {
    ...program,
    url: `http://127.0.0.1:${port}`,
    async reset(how = {}) {
      await program.ask({ reset: how });
    },
    received,
    count: async () => (await received()).count,
    arrivals: async () => new Map(await program.ask<[number, number][]>({ arrivals: true })),
    has: (count, timeoutMs = 180_000) => waitUntil(async () => (await received()).count >= count, timeoutMs, `arrival of ${count} calls`),
  };
  return receiver;
}

/** @param options.statements counts what each statement costs (pg_stat_statements) */
export async function openBench({ statements, ...options }: { runs: number; scale: number; statements: boolean }): Promise<Bench> {
  const postgres = await startPostgres(statements);
  const receiver = await startReceiver();
  const texts = payloads();
  const programs: Program[] = [receiver];
  const lines: string[] = [];
  const startGenerator = async () => {
    const generator = await start("bench/harness/generator.ts");
    programs.push(generator);
    return generator;
  };
  // Started beforehand, so that no measured stretch has the start of a process in it.
  const idle: Program[] = [await startGenerator()];
  const scaled = (count: number) => Math.max(1, Math.round(count * options.scale));
  return {
    postgres,
    receiver,
    ...options,
    scaled,
    lasting: ({ perSecond }, least) => hundreds(scaled(Math.max(least, perSecond * LASTING_SECONDS))),
    async load(load) {
      const generator = idle.pop() ?? (await startGenerator());
      const result = await generator.ask<LoadResult>(load);
      idle.push(generator);
      return result;
    },
    async baseline(name) {
      const program = await start(`bench/frozen/${name}.ts`, { env: { NODE_ENV: "production" } });
      programs.push(program);
      const prepare: Prepare = { payloads: texts, receiverUrl: receiver.url };
      const databases = NEEDS_DATABASE.has(name) ? [await postgres.database()] : [];
      if (databases[0] !== undefined) prepare.databaseUrl = databases[0];
      const { url = "" } = await program.ask<{ url?: string }>({ prepare });
      const stop = async () => {
        await program.stop();
        await postgres.drop(databases);
      };
      return { ...program, url, run: (run) => program.ask({ run }), stop };
    },
    async receiverOfItsOwn() {
      const another = await startReceiver();
      programs.push(another);
      return another;
    },
    async measured(servers, units, work) {
      const look = async () => {
        const server = (await Promise.all(servers.map(cpuMs))).reduce((sum, ms) => sum + ms, 0);
        return { server, postgres: await cpuMs(postgres.pid) };
      };
      await postgres.checkpoint();
      const before = await look();
      const began = performance.now();
      await work();
      const seconds = (performance.now() - began) / 1000;
      const after = await look();
      const micros = (key: "server" | "postgres") => ((after[key] - before[key]) * 1000) / units;
      return { perSecond: units / seconds, serverMicros: micros("server"), postgresMicros: micros("postgres") };
    },
    say(line) {
      console.log(`  ${line}`);
      lines.push(line);
    },
    lines,
    clear: () => endOthers([receiver.pid, ...idle.map(({ pid }) => pid)]),
    async close() {
      for (const program of programs.reverse()) await program.stop();
      await endOthers([]);
      await postgres.stop();
    },
  };
}

export const cpuOf = (figure: Figure): number => figure.serverMicros + figure.postgresMicros;

export const mediansOf = (figures: readonly Figure[]): Figure => ({
  perSecond: median(figures.map((f) => f.perSecond)),
  serverMicros: median(figures.map((f) => f.serverMicros)),
  postgresMicros: median(figures.map((f) => f.postgresMicros)),
});

export function lineOf(name: string, figures: readonly Figure[]): string {
  const m = mediansOf(figures);
  const rates = figures.map((f) => Math.round(f.perSecond));
  const cpu = `${Math.round(m.serverMicros)} + ${Math.round(m.postgresMicros)} µs CPU (server + Postgres)`;
  return `${name.padEnd(34)} ${String(Math.round(m.perSecond)).padStart(7)} /s  ${cpu.padEnd(44)} runs ${rates.join(" ")}`;
}
