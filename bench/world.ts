/** What a benchmark stands on: one embedded Postgres, one receiver, and servers on fresh databases. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { Pool } from "undici";
import { startEmbedded } from "../src/embedded/start.ts";
import { type Program, start, waitUntil } from "./machine.ts";

export const TOKEN = "bench-token-of-at-least-32-characters";
const KEY = Buffer.alloc(32, 7).toString("base64");

export interface World {
  databaseUrl(): Promise<string>;
  /** Pid of the Postgres server. */
  postgres: number;
  receiver: Program & { url: string; reset(options?: { delayMs?: number; remember?: boolean }): Promise<void>; count(): Promise<number> };
  close(): Promise<void>;
}

export interface Platform {
  pid: number;
  url: string;
  pool: Pool;
  graphql<T>(query: string, variables?: object): Promise<T>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

export async function openWorld(): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), "hookline-bench-"));
  const postgres = await startEmbedded(folder);
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  const pid = await postmaster(folder);
  let port = 0;
  const receiver = await start("bench/receiver.ts", {}, async (child) => {
    const [message] = (await once(child, "message")) as [{ port: number }];
    port = message.port;
  });
  let databases = 0;
  return {
    async databaseUrl() {
      const name = `bench_${++databases}`;
      await admin.query(`CREATE DATABASE ${name}`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    postgres: pid,
    receiver: {
      ...receiver,
      url: `http://127.0.0.1:${port}`,
      async reset(options = {}) {
        await receiver.ask({ reset: { delayMs: 0, remember: false, ...options } });
      },
      count: async () => (await receiver.ask<{ count: number }>({ count: true })).count,
    },
    async close() {
      await receiver.stop();
      await admin.end();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function postmaster(folder: string): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  return Number((await readFile(path.join(folder, "postgres/data/postmaster.pid"), "utf8")).split("\n")[0]);
}

export async function startPlatform(databaseUrl: string, env: Record<string, string> = {}): Promise<Platform> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = await start(
    "src/main.ts",
    {
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      HOOKLINE_ADMIN_TOKEN: TOKEN,
      HOOKLINE_MASTER_KEY: KEY,
      HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
      HOOKLINE_LOG_LEVEL: "warn",
      NODE_ENV: "production",
      ...env,
    },
    () =>
      waitUntil(
        () =>
          fetch(`${url}/readyz`).then(
            (r) => r.ok,
            () => false,
          ),
        60_000,
        "the platform's start",
      ),
  );
  const pool = new Pool(url, { connections: 64, pipelining: 1 });
  return {
    pid: program.pid,
    url,
    pool,
    async graphql(query, variables = {}) {
      const response = await fetch(`${url}/graphql`, { method: "POST", headers: HEADERS, body: JSON.stringify({ query, variables }) });
      const body = (await response.json()) as { data?: unknown; errors?: unknown };
      if (!body.data) throw new Error(JSON.stringify(body.errors));
      return body.data as never;
    },
    async stop() {
      await pool.close();
      await program.stop();
    },
  };
}

export const HEADERS = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };

/** So many definitions, the i-th for events of type `bench.i`. */
export async function makeDefinitions(platform: Platform, count: number, targetUrl: string): Promise<void> {
  const make = (i: number) =>
    `d${i}: createWebhookDefinition(input: {name: "Bench ${i}", targetUrl: "${targetUrl}/${i}", eventTypes: ["bench.t${i}"]}) { __typename ... on Error { message } }`;
  for (let i = 0; i < count; i += 5) {
    await platform.graphql(`mutation { ${Array.from({ length: Math.min(5, count - i) }, (_, k) => make(i + k)).join(" ")} }`);
  }
}

const FILLER = "x".repeat(900);

/** About 1 KB. */
export function event(i: number, type: string): string {
  return `{"type":"${type}","entity":"order","entityId":"${i}","payload":{"n":${i},"filler":"${FILLER}"}}`;
}

export async function post(platform: Platform, body: string): Promise<void> {
  const { statusCode, body: answer } = await platform.pool.request({ path: "/v1/events", method: "POST", headers: HEADERS, body });
  const text = await answer.text();
  if (statusCode !== 202) throw new Error(`${statusCode} ${text}`);
}
