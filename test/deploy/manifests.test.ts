/** What stands in deploy/ and beside it: valid by its product's own schema or checker, and true to this repository. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { Job } from "kubernetes-models/batch/v1/Job";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { SECRETS } from "../../src/config/secret-files.ts";
import { readConfig, VARIABLES } from "../../src/config.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const KNOWN = new Set([...VARIABLES.map(({ name }) => name), ...SECRETS.map((name) => `${name}_FILE`)]);

// biome-ignore lint/suspicious/noExplicitAny: what YAML holds
type Manifest = any;
const KINDS: Record<string, new (data: Manifest) => { validate(): void }> = { Deployment, Job, PodDisruptionBudget, ConfigMap, Service };
const FILES = ["config", "migrate", "api", "worker"];
const manifests: Manifest[] = FILES.flatMap((name) =>
  parseAllDocuments(read(`deploy/kubernetes/${name}.yaml`)).map((document) => document.toJS()),
);
const byKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);

describe("deploy/kubernetes", () => {
  test.each(manifests.map((manifest) => [manifest.kind, manifest.metadata.name, manifest]))(
    "%s %s fits Kubernetes' schema",
    (kind, _name, manifest) => {
      const Kind = KINDS[kind];
      expect(Kind).toBeDefined();
      if (Kind) new Kind(manifest).validate();
      expect(() => Kind && new Kind({ ...manifest, metadata: { name: 1 } }).validate()).toThrow();
    },
  );

  test("api and worker have probes, limits, a budget, and time to drain; nothing runs as root", () => {
    expect(byKind("Deployment").map(({ metadata }) => metadata.name)).toEqual(["hookline-api", "hookline-worker"]);
    for (const { spec, metadata } of byKind("Deployment")) {
      const pod = spec.template.spec;
      const [container] = pod.containers;
      expect([container.startupProbe, container.livenessProbe, container.readinessProbe].map((probe) => probe.httpGet.path)).toEqual([
        "/healthz",
        "/healthz",
        "/readyz",
      ]);
      expect(container.resources.limits.memory).toBeDefined();
      expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(readConfig({}).shutdownGraceMs);
      expect(pod.enableServiceLinks).toBe(false);
      expect(pod.securityContext.runAsNonRoot).toBe(true);
      const budget = byKind("PodDisruptionBudget").find((each) => each.metadata.name === metadata.name);
      expect(budget.spec.selector).toEqual(spec.selector);
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    }
    const [service] = byKind("Service");
    expect(byKind("Deployment")[0].spec.selector.matchLabels).toEqual(service.spec.selector);
  });

  test("every variable exists, and every secret's file is mounted", () => {
    const [config] = byKind("ConfigMap");
    expect(Object.keys(config.data).filter((name) => !KNOWN.has(name))).toEqual([]);
    const files = Object.entries(config.data as Record<string, string>).filter(([name]) => name.endsWith("_FILE"));
    expect(files).toHaveLength(3);
    for (const workload of [...byKind("Deployment"), ...byKind("Job")]) {
      const pod = workload.spec.template.spec;
      const mount = pod.containers[0].volumeMounts.find((each: Manifest) => each.name === "secrets");
      for (const [, file] of files) expect(path.dirname(file)).toBe(mount.mountPath);
      expect(pod.volumes.find((each: Manifest) => each.name === "secrets").secret.secretName).toBe("hookline");
    }
  });
});

test("compose.yaml builds once, limits memory and logs, and names exact images and known variables", () => {
  const { services } = parse(read("compose.yaml"), { merge: true }) as Manifest;
  expect(Object.entries<Manifest>(services).filter(([, { build }]) => build !== undefined)).toHaveLength(1);
  expect(new Set([services.api.image, services.worker.image]).size).toBe(1);
  for (const service of Object.values<Manifest>(services)) {
    expect(service.mem_limit).toMatch(/^\d+[gm]$/);
    expect(service.logging.options["max-size"]).toBeDefined();
  }
  expect(services.postgres.image).toMatch(/^postgres:\d+\.\d+-\w+@sha256:[0-9a-f]{64}$/);
  for (const name of ["api", "worker"]) {
    expect(Object.keys(services[name].environment).filter((each) => !KNOWN.has(each))).toEqual([]);
    expect(Number.parseInt(services[name].stop_grace_period, 10) * 1000).toBeGreaterThan(readConfig({}).shutdownGraceMs);
  }
});

test("the Dockerfile runs the Node that package.json names, and asks /healthz", () => {
  const { dependencies } = JSON.parse(read("package.json")) as { dependencies: { node: string } };
  const dockerfile = read("Dockerfile");
  const pinned = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image as string);
  expect(new Set(pinned).size).toBe(1);
  expect(pinned[0]).toMatch(/@sha256:[0-9a-f]{64}$/);
  const images = pinned.map((image) => image.split("@")[0]);
  expect(new Set(images)).toEqual(new Set([`node:${dependencies.node}-bookworm-slim`]));
  expect(/^HEALTHCHECK.*\n {2}CMD.*$/m.exec(dockerfile)?.[0]).toContain("/healthz");
});

const hasAnalyze = existsSync("/usr/bin/systemd-analyze");
describe("deploy/systemd", () => {
  const unit = read("deploy/systemd/hookline.service");

  test("names files that exist, known variables, and more time than a drain takes", () => {
    for (const [, file] of unit.matchAll(/\/opt\/hookline\/((?:docs|src)\/[\w./-]+)/g))
      expect(existsSync(path.join(ROOT, file as string))).toBe(true);
    expect(unit).toMatch(/^ExecStart=\/opt\/hookline\/node_modules\/\.bin\/node src\/main\.ts$/m);
    const names = [...unit.matchAll(/^Environment=(.+)$/gm)].flatMap(([, line]) =>
      (line as string).split(" ").map((each) => each.split("=")[0] as string),
    );
    expect(names.filter((name) => !KNOWN.has(name))).toEqual([]);
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) * 1000).toBeGreaterThan(readConfig({}).shutdownGraceMs);
  });

  test.runIf(hasAnalyze)("systemd finds nothing wrong with it", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "hookline-unit-"));
    try {
      const file = path.join(folder, "hookline.service");
      writeFileSync(file, unit.replaceAll("/opt/hookline", ROOT));
      const checked = execFileSync("systemd-analyze", ["verify", "--man=no", "--generators=no", file], { stdio: "pipe" }).toString();
      expect(checked).toBe("");
      writeFileSync(file, unit.replace("KillMode=mixed", "KillMode=mixt"));
      const broken = execFileSync("bash", ["-c", `systemd-analyze verify --man=no --generators=no ${file} 2>&1 || true`]).toString();
      expect(broken).toContain("kill mode");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test("deploy/caddy overwrites what clients may not say, streams, and logs no key", () => {
  const caddyfile = read("deploy/caddy/Caddyfile");
  for (const line of [
    "header_up X-Forwarded-For {remote_host}",
    "header_up X-Forwarded-Proto {scheme}",
    "flush_interval -1",
    "/inbound/",
  ]) {
    expect(caddyfile).toContain(line);
  }
});
