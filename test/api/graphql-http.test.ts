/** All audits of the GraphQL-over-HTTP specification, for a signed-in caller, with the hardening on. */
import { serverAudits } from "graphql-http";
import { afterAll, expect, test } from "vitest";
import { testApp } from "../helpers/app.ts";

const app = await testApp();
afterAll(app.close);

const audits = serverAudits({
  url: `${app.url}/graphql`,
  fetchFn: (input: string, init?: RequestInit) =>
    fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), authorization: `Bearer ${app.adminToken}` } }),
});

test("there are 61 audits", () => expect(audits).toHaveLength(61));

for (const audit of audits) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    expect(result.status, "reason" in result ? result.reason : "").toBe("ok");
  });
}
