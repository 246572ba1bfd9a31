/** The real HTTP server over a fresh database, on a free port of loopback. */
import { ROLE_SCOPES, type Role, type Scope } from "../../src/accounts/caller.ts";
import { issueToken } from "../../src/accounts/tokens.ts";
import type { Doors } from "../../src/api/doors.ts";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createServer, type Server } from "../../src/api/server.ts";
import type { Config } from "../../src/config.ts";
import type { Core } from "../../src/core.ts";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { createEngine, ENGINE_JOBS } from "../../src/engine.ts";
import { type TestCore, testCore } from "./database.ts";

export interface TestServer {
  queue: Queue;
  doors: Doors;
  server: Server;
  /** `http://127.0.0.1:<port>` */
  url: string;
  port: number;
  close(): Promise<void>;
}

export interface TestApp extends TestServer {
  t: TestCore;
  /** Of an administrator of the first organization, with every scope. */
  adminToken: string;
  /** An API token of somebody new. */
  token(options?: TokenOptions): Promise<string>;
  /** A second process' worth of server on the same database. */
  another(): Promise<TestServer>;
}

export interface TokenOptions {
  role?: Role;
  scopes?: readonly Scope[];
  organizationId?: string;
  expiresAt?: Date;
}

async function startServer(core: Core, withWorker: boolean): Promise<TestServer> {
  const queue = createQueue(core.db.url, core.log, { worker: withWorker });
  await queue.start(ENGINE_JOBS);
  let url = "http://127.0.0.1";
  const publicUrl = () => core.config.publicUrl ?? url;
  const engine = createEngine(core, { queue, payloadQuery: createPayloadQuery(), worker: withWorker, source: publicUrl });
  await engine.start();
  await engine.feed.start();
  const doors: Doors = { core, publicUrl, ...engine };
  const server = await createServer(doors);
  const { port } = await server.listen();
  url = `http://127.0.0.1:${port}`;
  return {
    ...{ queue, doors, server, url, port },
    async close() {
      await server.close();
      await engine.drain(5_000);
      await engine.stop();
      await queue.stop();
    },
  };
}

/**
 * @param options.worker whether this process delivers too
 * @param options.reach as testCore
 */
export async function testApp(
  overrides: Partial<Config> = {},
  options: { worker?: boolean; reach?: (url: string) => Promise<string> } = {},
): Promise<TestApp> {
  const t = await testCore(overrides, options.reach);
  const started: TestServer[] = [];
  const start = async (core: Core) => {
    const server = await startServer(core, options.worker ?? false);
    started.push(server);
    return server;
  };
  const first = await start(t.core);
  const token: TestApp["token"] = async ({ role = "ADMIN", scopes, organizationId, expiresAt } = {}) => {
    const { userId, organizationId: owner } = await t.caller(role, ROLE_SCOPES[role], organizationId);
    const input = { organizationId: owner, userId: userId as string, name: "test", role, scopes: scopes ?? ROLE_SCOPES[role] };
    return (await issueToken(t.core, { ...input, expiresAt: expiresAt ?? null })).token;
  };
  return {
    ...first,
    t,
    token,
    adminToken: await token(),
    another: async () => start(await t.another()),
    async close() {
      for (const each of started.reverse()) await each.close();
      await t.close();
    },
  };
}
