/** The system under test: Postgres, two API and two worker processes, and the doors the rows use. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { type Postgres, startPostgres } from "./postgres.ts";
import { makeProcess, type Process } from "./process.ts";

/** Signs the certificates of test/helpers/receiver.ts. */
const TEST_CA = path.resolve(import.meta.dirname, "../fixtures/tls/ca.pem");

export interface Platform {
  readonly postgres: Postgres;
  readonly apis: readonly [Process, Process];
  readonly workers: readonly [Process, Process];
  readonly all: readonly Process[];
  readonly token: string;
  /** @throws what GraphQL or the mutation's union said went wrong */
  graphql<Data>(query: string, variables?: object, as?: { api?: Process; token?: string }): Promise<Data>;
  /** A GraphQL mutation with one input: its payload. @throws for a typed error */
  mutate<Payload>(name: string, selection: string, input: object, token?: string): Promise<Payload>;
  /** What its processes are given of secrets: for commands beside them. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts what is down, and points the proxies at Postgres. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

export interface World {
  /** Instead of an embedded one; ended with the platform. */
  postgres?: Postgres;
  /** Laid over a process's environment. */
  env?: (role: "api" | "worker", name: string) => Record<string, string>;
  /** Words before its command. */
  wrap?: (role: "api" | "worker", name: string) => readonly string[];
}

export async function startPlatform(world: World = {}): Promise<Platform> {
  const postgres = world.postgres ?? (await startPostgres());
  const token = `fault-${randomBytes(24).toString("hex")}`;
  const shared = {
    HOOKLINE_MASTER_KEY: randomBytes(32).toString("base64"),
    HOOKLINE_ADMIN_TOKEN: token,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    HOOKLINE_LOG_LEVEL: "warn",
    NODE_ENV: "production",
    NODE_EXTRA_CA_CERTS: TEST_CA,
  };
  const database = new URL(postgres.url);
  const make = (name: string, role: "api" | "worker") =>
    makeProcess({ name, role, env: { ...shared, ...world.env?.(role, name) }, wrap: world.wrap?.(role, name) ?? [] }, database);
  const apis = [await make("api-1", "api"), await make("api-2", "api")] as const;
  const workers = [await make("worker-1", "worker"), await make("worker-2", "worker")] as const;
  const all = [...apis, ...workers];

  const graphql: Platform["graphql"] = async <Data>(query: string, variables: object = {}, as: { api?: Process; token?: string } = {}) => {
    const api = as.api ?? apis[0];
    const reply = await fetch(`${api.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${as.token ?? token}` },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(30_000),
    });
    const { data, errors } = (await reply.json()) as { data?: Data; errors?: { message: string }[] };
    if (errors?.length || !data) throw new Error(`GraphQL ${reply.status}: ${JSON.stringify(errors)}`);
    return data;
  };
  async function heal(): Promise<void> {
    for (const process of all) {
      process.postgres.target = postgres.port;
      process.postgres.resume();
      process.signal("SIGCONT");
      if (!process.alive) await process.start();
    }
    await Promise.all(all.map((process) => process.ready()));
  }
  try {
    // One alone migrates; the others would only wait for it.
    await apis[0].start();
    await apis[0].ready();
    await heal();
  } catch (error) {
    for (const process of all) await process.kill();
    await postgres.close();
    throw error;
  }
  return {
    postgres,
    apis,
    workers,
    all,
    token,
    graphql,
    env: shared,
    async mutate<Payload>(name: string, selection: string, input: object, as?: string) {
      const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
      const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on Error { code message } ${selection} } }`;
      const data = await graphql<Record<string, { code?: string; message?: string }>>(
        query,
        { input },
        as === undefined ? {} : { token: as },
      );
      const payload = data[name];
      if (payload?.message !== undefined && payload.code !== undefined) throw new Error(`${name}: ${payload.code} ${payload.message}`);
      return payload as Payload;
    },
    heal,
    async close() {
      for (const process of all) {
        process.signal("SIGCONT");
        await process.kill();
        await process.postgres.close();
      }
      await postgres.close();
    },
  };
}
