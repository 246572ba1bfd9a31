/** `npm start` as people run it: a process of its own with an empty data folder and, unless `DATABASE_URL` says where, the embedded Postgres. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onInstallation } from "../../../src/cli/direct.ts";
import { signInLink } from "../../../src/cli/users.ts";
import { readConfig } from "../../../src/config.ts";
import { freePort } from "../../helpers/free-port.ts";

const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

export interface Installation {
  url: string;
  dataDir: string;
  /** Of the first administrator. */
  token: string;
  /** Of the first administrator; works once. */
  signInLink(): Promise<string>;
  /** Data of a GraphQL operation; throws its errors. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
  graphql(query: string, variables?: Record<string, unknown>, token?: string): Promise<any>;
  /** POST /v1/events. */
  emit(events: object | object[]): Promise<void>;
  databaseUrl(): Promise<string>;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/** @param env on top of the defaults, such as HOOKLINE_RETRY_SCALE; each start reads it anew. @param own below it */
export async function startInstallation(env: Record<string, string> = {}, own: Record<string, string> = {}): Promise<Installation> {
  const data = await mkdtemp(join(tmpdir(), "hookline-web-"));
  const port = await freePort();
  const token = `web-test-${"0123456789abcdef".repeat(2)}`;
  const url = `http://127.0.0.1:${port}`;
  const settings = () => ({
    ...own,
    PORT: String(port),
    HOOKLINE_DATA_DIR: data,
    HOOKLINE_ADMIN_TOKEN: token,
    HOOKLINE_LOG_LEVEL: "error",
    ...env,
  });
  let child: ChildProcess | undefined;
  let printed = "";

  async function start(): Promise<void> {
    printed = "";
    const { DATABASE_URL: _, ...inherited } = process.env;
    const started = spawn(process.execPath, [MAIN], {
      env: {
        ...inherited,
        NODE_ENV: "",
        ...settings(),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
    }
    for (const deadline = Date.now() + 100_000; ; ) {
      const ready = await fetch(`${url}/readyz`).catch(() => undefined);
      if (ready?.ok && printed.includes("sign-in")) return;
      if (started.exitCode !== null || Date.now() > deadline) {
        await kill();
        throw new Error(`the server did not start:\n${printed}`);
      }
      await sleep(50);
    }
  }

  async function kill(): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGTERM");
    await gone;
  }

  await start();
  return {
    url,
    dataDir: data,
    token,
    signInLink: async () => (await signInLink(readConfig(settings()), undefined)).url,
    async graphql(query, variables = {}, as = token) {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${as}` },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = (await response.json()) as { data?: unknown; errors?: unknown };
      if (errors) throw new Error(JSON.stringify(errors));
      return data;
    },
    async emit(events) {
      const response = await fetch(`${url}/v1/events`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify(events),
      });
      if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
    },
    databaseUrl: () => onInstallation(readConfig(settings()), "test", async (url) => url),
    kill,
    start,
    async remove() {
      await kill();
      await rm(data, { recursive: true, force: true });
    },
  };
}
