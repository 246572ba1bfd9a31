/**
 * Prometheus metrics. No label ever holds a URL, a key or a tenant: routes by pattern, outcomes by name. What every
 * process of an installation says alike, because it stands in the database, is merged by `max`; what is each one's own,
 * by `sum`.
 */
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";

/** What one process counted, in a form that goes from process to process. */
export type Counts = MetricObjectWithValues<MetricValue<string>>[];

type Labels = Record<string, string>;

/** Values that come out of a reading which several share. */
export interface Figure<T> {
  name: string;
  help: string;
  /** It only ever grows: a counter. */
  counts?: boolean;
  labels?: readonly string[];
  of(reading: T): Iterable<readonly [value: number, labels?: Labels]>;
}

export interface Metrics {
  readonly contentType: string;
  readonly registry: Registry;
  text(): Promise<string>;
  /** The same for `textOf` and `merged`. */
  counts(): Promise<Counts>;
  /** @param route its pattern, never the URL; @param seconds of work */
  request(method: string, route: string, status: number, seconds: number): void;
  /** One HTTP call to a receiver. */
  attempt(dialect: string, outcome: string, seconds: number): void;
  /** Events that were committed. */
  events(count: number): void;
  /** A mail about a stopped definition was taken by the mail server, or not. */
  mail(outcome: "sent" | "failed"): void;
  /** A name and a password, or a token, that did not fit. */
  signInFailed(): void;
  /** So much was refused for a quota. */
  overQuota(quota: string, count?: number): void;
  /** One run of a chore in this process; without an outcome: it may have some. */
  chore(chore: string, outcome?: "done" | "failed"): void;
  /**
   * A value that is read whenever somebody asks.
   * @param over how the values of several processes become one: `max` or `min` for what each of them reads of the same thing
   */
  gauge(name: string, help: string, read: () => number | Promise<number>, over?: "sum" | "max" | "min"): void;
  /** @param read undefined: there is no reading, and no value is shown @param shared every process says the same */
  figures<T>(read: () => Promise<T | undefined>, figures: readonly Figure<T>[], shared: boolean): void;
}

/** Several processes as one. */
export const textOf = (all: readonly Counts[]): Promise<string> => AggregatorRegistry.aggregate([...all]).metrics();
export const merged = (all: readonly Counts[]): Promise<Counts> =>
  AggregatorRegistry.aggregate([...all]).getMetricsAsJSON() as Promise<Counts>;

/** Between looks at the event loop, whose lag counts from the look before: more of them wake a process that rests. */
const LOOP_LOOK_MS = 250;

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LOOK_MS });
  const registers = [registry];
  const requests = new Histogram({
    name: "hookline_http_request_seconds",
    help: "Seconds until a request was answered, by method, route pattern and status.",
    labelNames: ["method", "route", "status"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const attempts = new Histogram({
    name: "hookline_attempt_seconds",
    help: "Seconds that calls to receivers took, by dialect and outcome.",
    labelNames: ["dialect", "outcome"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const events = new Counter({
    name: "hookline_events_total",
    help: "Events that this process accepted: committed, and not answered from an idempotency key.",
    registers,
  });
  const mails = new Counter({
    name: "hookline_mails_total",
    help: "Tries to hand a mail to the mail server, by outcome: sent or failed. A failed one is tried again.",
    labelNames: ["outcome"],
    registers,
  });
  const signIns = new Counter({
    name: "hookline_sign_in_failures_total",
    help: "Sign-ins that were refused for a wrong name or password, over all doors of this process.",
    registers,
  });
  const chores = new Counter({
    name: "hookline_chore_runs_total",
    help: "Runs of background chores in this process, by outcome: done or failed. A failed one is tried again.",
    labelNames: ["chore", "outcome"],
    registers,
  });
  const refusals = new Counter({
    name: "hookline_quota_refusals_total",
    help: "Calls, definitions and subscriptions that were refused for a quota, by quota.",
    labelNames: ["quota"],
    registers,
  });
  // A rate needs a first value of 0.
  for (const outcome of ["sent", "failed"]) mails.inc({ outcome }, 0);
  return {
    contentType: registry.contentType,
    registry,
    text: () => registry.metrics(),
    counts: () => registry.getMetricsAsJSON() as Promise<Counts>,
    request: (method, route, status, seconds) => requests.observe({ method, route, status: String(status) }, seconds),
    attempt: (dialect, outcome, seconds) => attempts.observe({ dialect, outcome }, seconds),
    events: (count) => events.inc(count),
    mail: (outcome) => mails.inc({ outcome }),
    signInFailed: () => signIns.inc(),
    overQuota: (quota, count = 1) => refusals.inc({ quota }, count),
    chore(chore, outcome) {
      for (const each of ["done", "failed"]) chores.inc({ chore, outcome: each }, each === outcome ? 1 : 0);
    },
    gauge(name, help, read, over = "sum") {
      // A second server on the same core takes the first one's place.
      registry.removeSingleMetric(name);
      new Gauge({
        name,
        help,
        registers,
        aggregator: over,
        async collect() {
          this.set(await read());
        },
      });
    },
    figures(read, figures, shared) {
      for (const { name, help, labels = [], counts = false, of } of figures) {
        registry.removeSingleMetric(name);
        new (counts ? Counter : Gauge)({
          name,
          help,
          registers,
          labelNames: [...labels],
          aggregator: shared ? "max" : "sum",
          async collect() {
            const reading = await read();
            this.reset();
            // Without labels it resets to 0, which would be a lie.
            if (labels.length === 0) this.remove();
            if (reading !== undefined) for (const [value, by = {}] of of(reading)) this.inc(by, value);
          },
        });
      }
    },
  };
}
