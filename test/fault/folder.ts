/** `npm start` on a data folder: started, killed, copied; what is in it is asked through its own door. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { processesIn } from "../../src/embedded/processes.ts";
import { freePort } from "../helpers/free-port.ts";

const MAIN = path.resolve(import.meta.dirname, "../../src/main.ts");
const UP_MS = 120_000;

export const token = "edges-0123456789abcdefghijklmnopqrstuvwxyz";

export const newFolder = () => mkdtempSync(path.join(tmpdir(), "hookline edges-"));
export const clusterOf = (folder: string) => path.join(folder, "postgres/data");

/** As an operator copies: owners, rights and links as they are. */
export function copyOf(folder: string): string {
  const copy = newFolder();
  try {
    execFileSync("cp", ["-a", `${folder}/.`, copy], { stdio: "pipe" });
  } catch {
    // Of a folder that is in use: files may go while it copies.
  }
  return copy;
}

/** Every file with its size, but those that each start writes. */
export function listing(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !/\/(hookline\.(lock|pid)|postgres\.log|sign-in\.link)/.test(file))
    .map((file) => `${file.slice(folder.length)} ${statSync(file, { throwIfNoEntry: false })?.isFile() ? statSync(file).size : ""}`)
    .sort()
    .join("\n");
}

export interface Run {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it printed, both ways. */
  output(): string;
  /** Waits until it is ready, or has ended. @returns whether it is ready @throws after two minutes */
  up(): Promise<boolean>;
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>;
  /** SIGTERM. */
  stop(): Promise<number | null>;
  /** SIGKILL; its Postgres goes on, unless `all`: as when the power fails. */
  kill(all?: boolean): Promise<void>;
}

export interface RunOptions {
  env?: Record<string, string>;
  /** Instead of `node src/main.ts`. */
  command?: readonly string[];
  cwd?: string;
}

export async function start(folder: string, options: RunOptions = {}): Promise<Run> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const [program, ...words] = options.command ?? [process.execPath, MAIN];
  const child = spawn(program as string, words, {
    cwd: options.cwd,
    env: {
      PATH: String(process.env["PATH"]),
      PORT: String(port),
      HOOKLINE_DATA_DIR: folder,
      HOOKLINE_LOG_LEVEL: "warn",
      HOOKLINE_ADMIN_TOKEN: token,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const ended = new Promise<number | null>((resolve) => child.once("close", () => resolve(child.exitCode)));
  return {
    child,
    url,
    output: () => output,
    ended,
    async up() {
      for (const deadline = performance.now() + UP_MS; ; await sleep(50)) {
        if (hasEnded()) return false;
        if ((await readiness(url)) === 200) return true;
        if (performance.now() > deadline) throw new Error(`neither ready nor ended after ${UP_MS} ms: ${output}`);
      }
    },
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
    async kill(all = false) {
      child.kill("SIGKILL");
      await ended;
      if (all) await endPostgres(folder);
    },
  };
}

export const readiness = (url: string) =>
  fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).then(
    async (reply) => {
      await reply.arrayBuffer();
      return reply.status;
    },
    () => 0,
  );

/** SIGKILL to everything that works in the cluster, or makes one. */
export async function endPostgres(folder: string): Promise<void> {
  const home = path.join(folder, "postgres");
  const clusters = existsSync(home) ? readdirSync(home).flatMap((name) => [path.join(home, name), path.join(home, name, "data")]) : [];
  for (const deadline = performance.now() + 10_000; ; await sleep(20)) {
    const left = clusters.filter(existsSync).flatMap((cluster) => processesIn(cluster) ?? []);
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`processes ${left} stay in ${home}`);
    for (const pid of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {}
    }
  }
}

/** @returns the status; 0: no answer */
export async function post(url: string, n: number, as = token): Promise<number> {
  try {
    const reply = await fetch(`${url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${as}`, "content-type": "application/json", "idempotency-key": `edge-${n}` },
      body: JSON.stringify({ type: "edge.happened", entity: "edge", entityId: "1", payload: { n } }),
    });
    await reply.arrayBuffer();
    return reply.status;
  } catch {
    return 0;
  }
}

export async function graphql<Data>(url: string, query: string, variables: object = {}, as = token): Promise<Data> {
  const reply = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${as}`, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await reply.json()) as { data?: Data; errors?: unknown };
  if (errors || !data) throw new Error(`GraphQL ${reply.status}: ${JSON.stringify(errors)}`);
  return data;
}

/** What must be there after whatever happens: how many events, and its definitions. */
export async function contents(url: string, as = token): Promise<string> {
  const { events, webhookDefinitions } = await graphql<{
    events: { totalCount: number };
    webhookDefinitions: { edges: { node: { name: string } }[] };
  }>(url, "{ events(first: 1) { totalCount } webhookDefinitions(first: 10) { edges { node { name } } } }", {}, as);
  return `${events.totalCount} events, ${webhookDefinitions.edges.map(({ node }) => node.name).join(" ")}`;
}

export async function define(url: string, name: string, targetUrl: string): Promise<void> {
  const query =
    "mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename ... on Error { message } } }";
  const input = { name, targetUrl, eventTypes: ["edge.*"], retrySchedule: Array.from({ length: 20 }, () => 0.5) };
  const { createWebhookDefinition: made } = await graphql<{ createWebhookDefinition: { message?: string } }>(url, query, { input });
  if (made.message !== undefined) throw new Error(made.message);
}

export const remove = (folder: string) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** The last sentence that it printed. */
export const lastWords = (run: Run) => run.output().trim().split("\n").at(-1) ?? "";

export const textOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
