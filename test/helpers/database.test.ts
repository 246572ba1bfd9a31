import { afterAll, expect, test } from "vitest";
import { TenancyError } from "../../src/db/tenancy.ts";
import { testCore } from "./database.ts";

const t = await testCore();
afterAll(t.close);

test("a test database is migrated, seeded and its own", async () => {
  const other = await t.organization();
  expect(await t.core.db.unscoped.organization.count()).toBe(2);
  expect(other.id).not.toBe(t.organizationId);
  const users = await t.core.db.prisma.user.findMany({ where: { organizationId: t.organizationId } });
  expect(users.map((user) => user.id)).toEqual([t.admin.userId]);
});

test("a lookup of a tenant's rows that does not name the tenant is refused", async () => {
  await expect(t.core.db.prisma.user.findMany()).rejects.toThrow(TenancyError);
});
