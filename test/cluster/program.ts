/** `node src/main.ts` with HOOKLINE_WORKERS, and what a test asks of it. Each call is a connection of its own, so that all workers get some. */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Program, startProgram } from "../helpers/program.ts";

export const TOKEN = "cluster-0123456789abcdefghijklmnopqrstuvwxyz";

export interface Answer {
  status: number;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
  json(): any;
}

export interface Cluster extends Program {
  url: string;
  pid: number;
  /** Pids of the processes that serve, those that are starting included. */
  workers(): number[];
  get(path: string): Promise<Answer>;
  emit(events: object | readonly object[], key?: string): Promise<Answer>;
  /** One mutation: its payload. @throws for an error in it */
  mutate<Payload>(name: string, selection: string, input: object): Promise<Payload>;
  /** The sum of a metric's values. @param label of those that count */
  metric(name: string, label?: string): Promise<number>;
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** A process that has ended, but whose parent has not noticed, counts as gone. */
export const isRunning = (pid: number): boolean => /^State:\s+[^ZX]/m.test(read(`/proc/${pid}/status`));

export function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean).map(Number);
}

export const workersOf = (pid: number): number[] =>
  childrenOf(pid).filter((child) => isRunning(child) && read(`/proc/${child}/cmdline`).includes("cluster/worker.ts"));

export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; !(await condition()); await sleep(20)) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

export function call(url: string, method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${url}${path}`,
      {
        method,
        agent: false,
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
        signal: AbortSignal.timeout(20_000),
      },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on("data", (chunk: Buffer) => chunks.push(chunk));
        reply.once("error", reject);
        reply.once("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: reply.statusCode ?? 0, text, json: () => JSON.parse(text) });
        });
      },
    );
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

export async function startCluster(env: Record<string, string>): Promise<Cluster> {
  const program = startProgram({ HOOKLINE_ADMIN_TOKEN: TOKEN, HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8", ...env });
  const url = await program.up().catch(async (error: Error) => {
    // Nobody would end it.
    await program.kill();
    throw error;
  });
  const pid = program.child.pid as number;
  return {
    ...program,
    url,
    pid,
    workers: () => workersOf(pid),
    get: (path) => call(url, "GET", path),
    emit: (events, key) => call(url, "POST", "/v1/events", JSON.stringify(events), key === undefined ? {} : { "idempotency-key": key }),
    async mutate<Payload>(name: string, selection: string, input: object) {
      const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
      const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on Error { message } ${selection} } }`;
      const { data, errors } = (await call(url, "POST", "/graphql", JSON.stringify({ query, variables: { input } }))).json();
      if (errors || data[name].message !== undefined) throw new Error(JSON.stringify(errors ?? data[name]));
      return data[name] as Payload;
    },
    async metric(name, label = "") {
      const { text } = await call(url, "GET", "/metrics");
      const lines = text
        .split("\n")
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => line.includes(label));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    },
  };
}

/** @returns its global id */
export async function makeDefinition(cluster: Pick<Cluster, "mutate">, input: object): Promise<string> {
  const made = await cluster.mutate<{ definition: { id: string } }>(
    "createWebhookDefinition",
    "... on CreatedWebhookDefinition { definition { id } }",
    { name: "Cluster", eventTypes: ["*"], ...input },
  );
  return made.definition.id;
}
