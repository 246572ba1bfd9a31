/**
 * A fresh, migrated database per test file, and a Core over it.
 *
 *   const t = await testCore();
 *   afterAll(t.close);
 *   const goal = await createGoal(t.core, t.admin, {...});
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { inject } from "vitest";
import type { Caller, Role, Scope } from "../../src/accounts/caller.ts";
import { ROLE_SCOPES } from "../../src/accounts/caller.ts";
import { newId } from "../../src/clock.ts";
import type { Config } from "../../src/config.ts";
import type { Core } from "../../src/core.ts";
import { openCore, testConfig } from "./core.ts";

export { MASTER_KEY_TEXT, testConfig, testLogins } from "./core.ts";

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject("serverUrl") });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Clones the migrated template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `hookline_test_${randomBytes(8).toString("hex")}`;
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE ${inject("template")}`);
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => asAdmin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

export interface TestOrganization {
  id: string;
  admin: Caller;
}

export interface TestCore {
  core: Core;
  url: string;
  /** The first organization, INBOUND_WEBHOOKS on, and its admin. */
  organizationId: string;
  admin: Caller;
  /** Somebody else of an organization (the first, unless named), with a role and perhaps fewer scopes. */
  caller(role: Role, scopes?: readonly Scope[], organizationId?: string): Promise<Caller>;
  /** A further organization with an admin of its own. */
  organization(name?: string): Promise<TestOrganization>;
  /** A second Core on the same database, as another process would have. */
  another(): Promise<Core>;
  /** As the server's own user, whom no policy binds: what the running roles may not do. */
  asServer(statement: string): Promise<pg.QueryResult>;
  close(): Promise<void>;
}

/**
 * @param overrides of the config, such as `retryScale`
 * @param reach how the database is reached, such as through a proxy (helpers/proxy.ts)
 */
export async function testCore(overrides: Partial<Config> = {}, reach?: (url: string) => Promise<string>): Promise<TestCore> {
  const direct = await createTestDatabase();
  const database = { url: (await reach?.(direct.url)) ?? direct.url, drop: direct.drop };
  const dataDir = await mkdtemp(path.join(tmpdir(), "hookline-data-"));
  const config = testConfig(database.url, { dataDir, ...overrides });
  const cores: Core[] = [];
  const another = async (): Promise<Core> => {
    const core = await openCore(config, database.url);
    cores.push(core);
    return core;
  };
  const core = await another();

  const caller: TestCore["caller"] = async (role, scopes = ROLE_SCOPES[role], organizationId = first.id) => {
    const id = newId();
    const email = `${role.toLowerCase()}-${id}@example.test`;
    await core.db.unscoped.user.create({ data: { id, organizationId, email, username: email, name: role, role } });
    return {
      organizationId,
      userId: id,
      role,
      scopes: new Set(scopes),
      operator: false,
      application: undefined,
      credentialId: undefined,
      tokenPrefix: undefined,
      address: "127.0.0.1",
    };
  };
  const organization: TestCore["organization"] = async (name = "Other") => {
    const { id } = await core.db.unscoped.organization.create({ data: { name } });
    return { id, admin: await caller("ADMIN", ROLE_SCOPES.ADMIN, id) };
  };
  const first = await core.db.unscoped.organization.create({ data: { name: "First", features: ["INBOUND_WEBHOOKS"] } });

  return {
    core,
    url: database.url,
    organizationId: first.id,
    admin: await caller("ADMIN"),
    caller,
    organization,
    another,
    async asServer(statement) {
      const client = new pg.Client({ connectionString: direct.url });
      await client.connect();
      return client.query(statement).finally(() => client.end());
    },
    async close() {
      for (const each of cores) {
        await each.tracing?.close(3_000);
        await each.notify.stop();
        await each.db.close();
      }
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
