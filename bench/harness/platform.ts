/** Hookline as its users start it: `node src/main.ts` with an environment, driven through its public doors alone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../../test/helpers/free-port.ts";
import { leavings } from "./leavings.ts";
import { type Program, start } from "./process.ts";

export const TOKEN = "bench-token-of-at-least-32-characters";
const MASTER_KEY = Buffer.alloc(32, 7).toString("base64");
export const HEADERS = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };

export interface Platform extends Program {
  url: string;
  token: string;
  graphql<T>(query: string, variables?: object): Promise<T>;
}

export interface PlatformOptions {
  env?: Record<string, string>;
  /** Another tree than this one. */
  cwd?: string;
  flags?: string[];
}

/** @param databaseUrl absent: the embedded Postgres */
export async function startPlatform(databaseUrl: string | undefined, options: PlatformOptions = {}): Promise<Platform> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const dataDir = await mkdtemp(path.join(tmpdir(), "hookline-bench-data-"));
  leavings.folders.add(dataDir);
  const env = {
    PORT: String(port),
    HOOKLINE_DATA_DIR: dataDir,
    HOOKLINE_ADMIN_TOKEN: TOKEN,
    HOOKLINE_MASTER_KEY: MASTER_KEY,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    HOOKLINE_LOG_LEVEL: "error",
    NODE_ENV: "production",
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...options.env,
  };
  const program = await start("src/main.ts", { ...options, env, ready: () => isReady(url) });
  return {
    ...program,
    url,
    token: TOKEN,
    graphql: (query, variables = {}) => graphql(url, TOKEN, query, variables),
    async stop(signal) {
      await program.stop(signal);
      await rm(dataDir, { recursive: true, force: true });
      leavings.folders.delete(dataDir);
    },
  };
}

export const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  );

/** @throws with the errors, where there is no data */
export async function graphql<T>(url: string, token: string, query: string, variables: object = {}): Promise<T> {
  const headers = { ...HEADERS, authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const body = (await response.json()) as { data?: unknown; errors?: unknown };
  if (!body.data || body.errors) throw new Error(`${response.status} ${JSON.stringify(body.errors ?? body)}`);
  return body.data as T;
}

export interface Definitions {
  count: number;
  /** The i-th definition is sent to `<targetUrl>/<i>`. */
  targetUrl: string;
  ordering?: "DEFINITION" | "KEY" | "NONE";
  /** Of event types: the i-th definition takes `bench.t<i>`, or all of them this one type. */
  eventType?: string;
  typePrefix?: string;
  token?: string;
  /** Further fields of the input, as GraphQL: `onExhausted: BLOCK`. */
  extra?: string;
}

/** Made a few in each call, eight calls at once. @returns their ids, in order */
export async function makeDefinitions(platform: Platform, wanted: Definitions): Promise<string[]> {
  const { count, targetUrl, ordering, eventType, typePrefix = "bench.t", token = TOKEN, extra } = wanted;
  const PER_CALL = 5;
  const ids: string[] = [];
  const make = (i: number) =>
    `d${i}: createWebhookDefinition(input: {name: "Bench ${typePrefix}${i}", targetUrl: "${targetUrl}/${i}", eventTypes: ["${eventType ?? `${typePrefix}${i}`}"]${
      ordering ? `, ordering: ${ordering}` : ""
    }${extra ? `, ${extra}` : ""}}) { __typename ... on CreatedWebhookDefinition { definition { id } } ... on Error { message } }`;
  const calls = Math.ceil(count / PER_CALL);
  const worker = async (w: number) => {
    for (let c = w; c < calls; c += 8) {
      const first = c * PER_CALL;
      const fields = Array.from({ length: Math.min(PER_CALL, count - first) }, (_, k) => make(first + k));
      const data = await graphql<Record<string, { definition?: { id: string }; message?: string }>>(
        platform.url,
        token,
        `mutation { ${fields.join(" ")} }`,
      );
      for (const [name, made] of Object.entries(data)) {
        if (!made.definition) throw new Error(`a definition could not be made: ${made.message}`);
        ids[Number(name.slice(1))] = made.definition.id;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, w) => worker(w)));
  return ids;
}
