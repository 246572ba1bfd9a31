import { expect, test } from "vitest";
import { roleOf } from "../../src/accounts/oidc.ts";
import { readConfig } from "../../src/config.ts";

const given = {
  HOOKLINE_OIDC_ISSUER: "https://login.example.com/realms/staff/",
  HOOKLINE_OIDC_CLIENT_ID: "hookline",
  HOOKLINE_OIDC_CLIENT_SECRET: "s3cret",
};

test("OIDC a provider is three variables; the rest has defaults", () => {
  expect(readConfig({}).oidc).toBeUndefined();
  expect(readConfig(given).oidc).toEqual({
    // As it is written: some providers' end with a slash, and it is compared.
    issuer: "https://login.example.com/realms/staff/",
    ...{ clientId: "hookline", clientSecret: "s3cret", scope: "openid email profile", roleClaim: "roles", organization: undefined },
    roles: [
      { role: "ADMIN", value: "admin" },
      { role: "MEMBER", value: "member" },
      { role: "VIEWER", value: "viewer" },
    ],
    egressAllow: ["127.0.0.0/8", "::1/128"],
  });
  const set = readConfig({
    ...given,
    HOOKLINE_OIDC_ROLES: "ADMIN=a=b, VIEWER=*",
    HOOKLINE_OIDC_EGRESS_ALLOW: "10.0.0.0/8",
    HOOKLINE_PASSWORDS: "off",
  });
  expect(set.oidc?.roles).toEqual([
    { role: "ADMIN", value: "a=b" },
    { role: "VIEWER", value: "*" },
  ]);
  expect([set.oidc?.egressAllow, set.passwords]).toEqual([["10.0.0.0/8"], false]);
});

test("OIDC without HOOKLINE_PUBLIC_URL is warned of: the provider sends browsers there", () => {
  expect(readConfig(given).warnings).toEqual([expect.stringMatching(/^HOOKLINE_OIDC_ISSUER is set without HOOKLINE_PUBLIC_URL/)]);
  expect(readConfig({ ...given, HOOKLINE_PUBLIC_URL: "https://hooks.example.com" }).warnings).toEqual([]);
});

test("OIDC every mistake is named, without the secret", () => {
  const mistakes = {
    ...{ HOOKLINE_OIDC_ISSUER: "login.example.com", HOOKLINE_OIDC_CLIENT_SECRET: "s3cret", HOOKLINE_OIDC_ROLES: "KING=x" },
    ...{ HOOKLINE_OIDC_SCOPE: "email", HOOKLINE_OIDC_EGRESS_ALLOW: "10.0.0.0/99" },
  };
  expect(() => readConfig(mistakes)).toThrow(/OIDC_ISSUER[\s\S]*OIDC_SCOPE[\s\S]*OIDC_ROLES[\s\S]*OIDC_EGRESS_ALLOW/);
  expect(() => readConfig(mistakes)).not.toThrow(/s3cret/);
  expect(() => readConfig({ HOOKLINE_OIDC_ISSUER: given.HOOKLINE_OIDC_ISSUER })).toThrow(/OIDC_CLIENT_ID[\s\S]*OIDC_CLIENT_SECRET/);
});

test("OIDC the highest role that the claim stands for counts; a claim's name may hold dots, or be a path", () => {
  const roles = [
    { role: "VIEWER", value: "*" },
    { role: "MEMBER", value: "dev" },
    { role: "ADMIN", value: "boss" },
  ] as const;
  const role = (roleClaim: string, claims: Record<string, unknown>) => roleOf({ sub: "1", ...claims }, { roleClaim, roles });
  expect(role("roles", { roles: ["dev", "boss"] })).toBe("ADMIN");
  expect(role("roles", { roles: "dev" })).toBe("MEMBER");
  expect(role("a.b", { "a.b": "boss", a: { b: "dev" } })).toBe("ADMIN");
  expect(role("a.b", { a: { b: ["dev"] } })).toBe("MEMBER");
  for (const odd of [null, 7, {}, [["boss"]], { b: null }]) expect(role("a.b", { a: odd, roles: odd })).toBe("VIEWER");
  expect(roleOf({ sub: "1" }, { roleClaim: "__proto__", roles: [{ role: "ADMIN", value: "x" }] })).toBeUndefined();
});
