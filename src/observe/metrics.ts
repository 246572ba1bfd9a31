/** Prometheus metrics. No label ever holds a URL, a key or a tenant: routes by pattern, outcomes by name. */
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

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** The same for `textOf` and `merged`. */
  counts(): Promise<Counts>;
  /** @param route its pattern, never the URL; @param seconds of work */
  request(method: string, route: string, status: number, seconds: number): void;
  /** One HTTP call to a receiver. */
  attempt(dialect: string, outcome: string, seconds: number): void;
  /** Events that were committed. */
  events(count: number): void;
  /**
   * A value that is read whenever somebody asks.
   * @param over how the values of several processes become one: `max` for what each of them reads of the same thing
   */
  gauge(name: string, help: string, read: () => number | Promise<number>, over?: "sum" | "max"): void;
}

/** Several processes as one. */
export const textOf = (all: readonly Counts[]): Promise<string> => AggregatorRegistry.aggregate([...all]).metrics();
export const merged = (all: readonly Counts[]): Promise<Counts> =>
  AggregatorRegistry.aggregate([...all]).getMetricsAsJSON() as Promise<Counts>;

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: "hookline_http_request_seconds",
    help: "Requests answered, by method, route and status.",
    labelNames: ["method", "route", "status"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const attempts = new Histogram({
    name: "hookline_attempt_seconds",
    help: "Calls made to receivers, by dialect and outcome.",
    labelNames: ["dialect", "outcome"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const events = new Counter({ name: "hookline_events_total", help: "Events taken in.", registers });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    counts: () => registry.getMetricsAsJSON() as Promise<Counts>,
    request: (method, route, status, seconds) => requests.observe({ method, route, status: String(status) }, seconds),
    attempt: (dialect, outcome, seconds) => attempts.observe({ dialect, outcome }, seconds),
    events: (count) => events.inc(count),
    gauge(name, help, read, over = "sum") {
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
  };
}
