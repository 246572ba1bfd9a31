/** The system under test: Postgres, two API and two worker processes, and the doors the rows use. */
import { randomBytes } from "node:crypto";
import { type Postgres, startPostgres } from "./postgres.ts";
import { makeProcess, type Process } from "./process.ts";

export interface Platform {
  readonly postgres: Postgres;
  readonly apis: readonly [Process, Process];
  readonly workers: readonly [Process, Process];
  readonly all: readonly Process[];
  readonly token: string;
  /** @throws what GraphQL or the mutation's union said went wrong */
  graphql<Data>(query: string, variables?: object, api?: Process): Promise<Data>;
  /** A GraphQL mutation with one input: its payload. @throws for a typed error */
  mutate<Payload>(name: string, selection: string, input: object): Promise<Payload>;
  /** Starts what is down, and points the proxies at Postgres. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** @param env laid over every process's environment */
export async function startPlatform(env: Record<string, string> = {}): Promise<Platform> {
  const postgres = await startPostgres();
  const token = `fault-${randomBytes(24).toString("hex")}`;
  const shared = {
    HOOKLINE_MASTER_KEY: randomBytes(32).toString("base64"),
    HOOKLINE_ADMIN_TOKEN: token,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    HOOKLINE_LOG_LEVEL: "warn",
    NODE_ENV: "production",
    ...env,
  };
  const database = new URL(postgres.url);
  const make = (name: string, role: "api" | "worker") => makeProcess(name, role, postgres.port, shared, database);
  const apis = [await make("api-1", "api"), await make("api-2", "api")] as const;
  const workers = [await make("worker-1", "worker"), await make("worker-2", "worker")] as const;
  const all = [...apis, ...workers];

  const graphql: Platform["graphql"] = async <Data>(query: string, variables: object = {}, api: Process = apis[0]) => {
    const reply = await fetch(`${api.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
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
    async mutate<Payload>(name: string, selection: string, input: object) {
      const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
      const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on Error { code message } ${selection} } }`;
      const data = await graphql<Record<string, { code?: string; message?: string }>>(query, { input });
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
