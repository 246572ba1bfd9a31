/** Prometheus metrics. No label ever holds a URL, a key or a tenant: routes by pattern, outcomes by name. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** @param route its pattern, never the URL; @param seconds of work */
  request(method: string, route: string, status: number, seconds: number): void;
  /** One HTTP call to a receiver. */
  attempt(dialect: string, outcome: string, seconds: number): void;
  /** Events that were committed. */
  events(count: number): void;
  /** A value that is read whenever somebody asks. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void;
}

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
    request: (method, route, status, seconds) => requests.observe({ method, route, status: String(status) }, seconds),
    attempt: (dialect, outcome, seconds) => attempts.observe({ dialect, outcome }, seconds),
    events: (count) => events.inc(count),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await read());
        },
      });
    },
  };
}
