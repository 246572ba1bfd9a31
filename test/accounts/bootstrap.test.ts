/** What a fresh install makes, and what later starts find again. */
import { readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { authenticate } from "../../src/accounts/authenticate.ts";
import { bootstrap } from "../../src/accounts/bootstrap.ts";
import { SCOPES } from "../../src/accounts/caller.ts";
import type { Core } from "../../src/core.ts";
import { testCore } from "../helpers/database.ts";

const t = await testCore();
afterAll(t.close);
const withToken = (core: Core, adminToken: string | undefined): Core => ({ ...core, config: { ...core.config, adminToken } });
const file = path.join(t.core.config.dataDir, "admin.token");

test("first the organization, its administrator, and a token that is kept and told once", async () => {
  // Two processes start at once: one organization, one token.
  const [a, b] = await Promise.all([bootstrap(t.core), bootstrap(t.core)]);
  expect(a.organizationId).toBe(b.organizationId);
  const told = [a.adminToken, b.adminToken].filter((token) => token !== undefined);
  expect(told).toHaveLength(1);
  const token = told[0] as string;
  expect(token).toMatch(/^hkl_[A-Za-z0-9_-]{49}$/);
  expect((await readFile(file, "utf8")).trim()).toBe(token);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const organization = await t.core.db.unscoped.organization.findUniqueOrThrow({ where: { id: a.organizationId } });
  expect(organization.features).toEqual(["INBOUND_WEBHOOKS"]);
  const credential = await authenticate(t.core, token);
  expect(credential?.caller).toMatchObject({ organizationId: a.organizationId, userId: a.userId, role: "ADMIN", operator: true });
  expect([...(credential?.caller.scopes ?? [])].sort()).toEqual([...SCOPES].sort());
});

test("the token is stored as its hash only", async () => {
  const token = (await readFile(file, "utf8")).trim();
  const { rows } = await t.core.db.pool.query("SELECT to_jsonb(api_token)::text AS row FROM api_token");
  expect(rows.map((row) => row.row).join()).not.toContain(token);
});

test("a second start finds everything again and tells nothing", async () => {
  const token = (await readFile(file, "utf8")).trim();
  expect((await bootstrap(t.core)).adminToken).toBeUndefined();
  expect((await authenticate(t.core, token))?.caller.operator).toBe(true);
});

test("HOOKLINE_ADMIN_TOKEN may change between starts: the present one is good on every process, the former is not", async () => {
  const kept = (await readFile(file, "utf8")).trim();
  const other = await t.another();
  const present = "x".repeat(32);
  expect((await authenticate(other, kept))?.caller.operator).toBe(true);
  expect((await bootstrap(withToken(t.core, present))).adminToken).toBeUndefined();
  expect((await authenticate(t.core, present))?.caller.operator).toBe(true);
  expect((await authenticate(other, present))?.caller.operator).toBe(true);
  const deadline = Date.now() + 1_000;
  while ((await authenticate(other, kept)) !== undefined) if (Date.now() > deadline) throw new Error("still good after 1 s");
  // Without the variable the one in the data folder is the present one again.
  await bootstrap(t.core);
  expect((await authenticate(t.core, kept))?.caller.operator).toBe(true);
  expect(await authenticate(t.core, present)).toBeUndefined();
});

test("a process without variable and file leaves the token of the others alone", async () => {
  const kept = (await readFile(file, "utf8")).trim();
  await rm(file);
  expect((await bootstrap(t.core)).adminToken).toBeUndefined();
  expect((await authenticate(t.core, kept))?.caller.operator).toBe(true);
});
