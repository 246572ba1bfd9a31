/** Prometheus rules and Grafana dashboard in deploy/: every metric and label they use is what a running server shows. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { CHORE_JOBS, createHousekeeping, watchChores } from "../../src/housekeeping.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";
import { parseMetrics, type Shown } from "../helpers/metrics.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(path.join(ROOT, "deploy", file), "utf8");

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string };
}
const rules: Rule[] = (parse(read("prometheus/hookline.rules.yaml")) as { groups: { rules: Rule[] }[] }).groups.flatMap((g) => g.rules);
const dashboard = JSON.parse(read("grafana/hookline.json")) as {
  panels: {
    id: number;
    title: string;
    gridPos: { x: number; y: number; w: number; h: number };
    targets: { expr: string; legendFormat: string }[];
  }[];
};
const targets = dashboard.panels.flatMap((panel) => panel.targets.map((target) => ({ title: panel.title, ...target })));

let app: TestApp;
let receiver: Receiver;
let shown: Shown;

beforeAll(async () => {
  app = await testApp({}, { worker: true });
  receiver = await startReceiver();
  await app.queue.start(CHORE_JOBS);
  watchChores(app.t.core, app.queue);
  const housekeeping = createHousekeeping(app.t.core, app.queue, app.doors.ingest);
  await housekeeping.start();
  for (const job of CHORE_JOBS) await app.queue.send(app.t.core.db.pool, job, {});
  const create = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename } }`;
  await data(app, app.adminToken, create, { input: { name: "Good", targetUrl: receiver.url, eventTypes: ["*"] } });
  await data(app, app.adminToken, `mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename } }`, {
    input: { type: "order.created", payload: {} },
  });
  const scrape = async () => parseMetrics(await (await fetch(`${app.url}/metrics`)).text());
  // Until every chore has ended well once, and an attempt was made.
  await vi.waitFor(
    async () => {
      shown = await scrape();
      expect(shown.get("hookline_chore_last_success_timestamp_seconds")?.samples).toHaveLength(CHORE_JOBS.length);
      expect(shown.get("hookline_attempt_seconds")?.samples.length).toBeGreaterThan(0);
    },
    { timeout: 80_000, interval: 500 },
  );
  await housekeeping.stop();
}, 120_000);
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});

/** Names and labels of metrics in PromQL: `name{label="…"}`, `by (label)`. */
function used(expr: string): { name: string; labels: string[] }[] {
  const bare = expr.replace(/"[^"]*"/g, '""');
  const grouped = [...bare.matchAll(/\b(?:by|without)\s*\(([^)]*)\)/g)].flatMap((m) => (m[1] ?? "").split(",").map((l) => l.trim()));
  return [...bare.matchAll(/\b((?:hookline|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map((m) => ({
    name: m[1] as string,
    labels: [...(m[2] ?? "").matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((l) => l[1] as string).concat(grouped),
  }));
}

/** Added by Prometheus itself, to every sample. */
const OF_PROMETHEUS = new Set(["job", "instance"]);

/** What the expression uses and the server does not show. */
function missing(expr: string): string[] {
  return used(expr).flatMap(({ name, labels }) => {
    const base = name.replace(/_(count|sum|bucket)$/, "");
    const metric = shown.get(name) ?? (shown.get(base)?.type === "histogram" ? shown.get(base) : undefined);
    if (!metric) return [`${name} is not shown`];
    const known = new Set(metric.samples.flatMap((sample) => Object.keys(sample.labels)));
    return labels.filter((label) => !known.has(label) && !OF_PROMETHEUS.has(label)).map((label) => `${name} has no label ${label}`);
  });
}

describe("deploy/prometheus", () => {
  test.each(rules.map((rule) => [rule.alert, rule]))("B40 %s asks for what a server shows, and says what to do", (_name, rule) => {
    expect(used(rule.expr).length + (rule.expr.includes("up{") ? 1 : 0)).toBeGreaterThan(0);
    expect(missing(rule.expr)).toEqual([]);
    expect(rule.labels.severity).toMatch(/^(warning|critical)$/);
    // Two sentences at least: what is wrong, what to do.
    expect(rule.annotations.summary.length).toBeGreaterThan(40);
    expect(rule.annotations.summary.match(/[.:;] ?/g)?.length ?? 0).toBeGreaterThan(1);
  });

  test("names are alerts' own, and docs/operations.md has each", () => {
    const names = rules.map((rule) => rule.alert);
    expect(new Set(names).size).toBe(names.length);
    const docs = readFileSync(path.join(ROOT, "docs/operations.md"), "utf8");
    expect(names.filter((name) => !docs.includes(name))).toEqual([]);
  });
});

describe("deploy/grafana", () => {
  test.each(targets.map((target) => [`${target.title}: ${target.expr}`, target]))("B40 %s", (_name, { expr, legendFormat }) => {
    expect(used(expr).length).toBeGreaterThan(0);
    expect(missing(expr)).toEqual([]);
    const labels = new Set([...used(expr).flatMap((u) => u.labels), "instance"]);
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels).toContain(label);
  });

  test("panels have ids of their own and do not lie on each other", () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w }, (_, dx) => Array.from({ length: h }, (_, dy) => `${x + dx} ${y + dy}`)).flat(),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
    expect(new Set(dashboard.panels.map((panel) => panel.id)).size).toBe(dashboard.panels.length);
  });
});

test("the check itself finds a metric and a label that are not there", () => {
  expect(missing('sum by (nobody) (rate(hookline_events_total{who="x"}[5m])) + hookline_nothing')).toEqual(
    [
      "hookline_events_total has no label who",
      "hookline_events_total has no label nobody",
      "hookline_nothing is not shown",
      "hookline_nothing is not shown",
    ].slice(0, 3),
  );
});

test("every metric of ours has a help text, a unit where it measures, and few values of each label", () => {
  for (const [name, { help, type, samples }] of shown) {
    if (!name.startsWith("hookline_")) continue;
    expect(help.length, name).toBeGreaterThan(15);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    for (const { labels } of samples) {
      for (const value of Object.values(labels)) expect(value, name).not.toMatch(/https?:|whsec_|hkl_|[0-9a-f]{32}/);
    }
    const series = samples.filter(({ labels }) => labels["le"] === undefined).length;
    expect(series, name).toBeLessThan(200);
  }
});
