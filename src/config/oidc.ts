/** Single sign-on by an OpenID provider: what the environment says of it. */
import { z } from "zod";
import { readHttpUrl } from "./http-url.ts";

const ROLES = ["ADMIN", "MEMBER", "VIEWER"] as const;
export type OidcRole = (typeof ROLES)[number];

export interface OidcConfig {
  /** As the provider writes it: it is compared character by character. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** What is asked for, joined by blanks; `openid` among it. */
  scope: string;
  /** A claim's name, or a path of names joined by dots. */
  roleClaim: string;
  /** The highest role that a value of the claim stands for is given; `*` stands for everybody. */
  roles: readonly { role: OidcRole; value: string }[];
  /** Name or id; undefined: the first one. */
  organization: string | undefined;
  /** CIDRs that calls to the provider may reach besides public addresses. */
  egressAllow: readonly string[];
}

/** `ADMIN=hookline-admins,MEMBER=developers,VIEWER=*` */
const roles = z.string().transform((text, ctx) =>
  text.split(",").flatMap((part) => {
    const at = part.indexOf("=");
    const role = ROLES.find((each) => each === part.slice(0, at).trim());
    const value = part.slice(at + 1).trim();
    if (at < 0 || role === undefined || value === "") {
      ctx.addIssue({ code: "custom", message: "must be such as ADMIN=hookline-admins,MEMBER=developers,VIEWER=*" });
      return [];
    }
    return [{ role, value }];
  }),
);

const issuer = z
  .string()
  .trim()
  .refine((text) => {
    const url = readHttpUrl(text);
    return url !== undefined && url.username === "" && url.password === "";
  }, "must be the issuer's URL as its provider writes it, such as https://login.example.com/realms/staff");

const text = z.string().min(1).max(1_024);
const scope = z
  .string()
  .max(1_024)
  .refine((given) => given.split(" ").includes("openid"), 'must hold "openid", such as "openid email profile"');

export const OIDC_VARIABLES = {
  HOOKLINE_OIDC_ISSUER: issuer.optional(),
  HOOKLINE_OIDC_CLIENT_ID: text.optional(),
  HOOKLINE_OIDC_CLIENT_SECRET: text.optional(),
  HOOKLINE_OIDC_SCOPE: scope.default("openid email profile"),
  HOOKLINE_OIDC_ROLE_CLAIM: text.default("roles"),
  HOOKLINE_OIDC_ROLES: roles.default([
    { role: "ADMIN", value: "admin" },
    { role: "MEMBER", value: "member" },
    { role: "VIEWER", value: "viewer" },
  ]),
  HOOKLINE_OIDC_ORGANIZATION: text.optional(),
} as const;

type Given = z.infer<z.ZodObject<typeof OIDC_VARIABLES>>;

const NEEDED = ["HOOKLINE_OIDC_ISSUER", "HOOKLINE_OIDC_CLIENT_ID", "HOOKLINE_OIDC_CLIENT_SECRET"] as const;

/** What is missing for a provider, where something of one is set. */
export function oidcProblems(has: (name: string) => boolean): string[] {
  const missing = NEEDED.filter((name) => !has(name));
  if (missing.length === NEEDED.length) return [];
  return missing.map((name) => `${name}: is needed for single sign-on beside the other HOOKLINE_OIDC_ ones`);
}

/** @returns undefined where there is no provider */
export function oidcOf(given: Given, egressAllow: readonly string[]): OidcConfig | undefined {
  const { HOOKLINE_OIDC_ISSUER: issuer, HOOKLINE_OIDC_CLIENT_ID: clientId, HOOKLINE_OIDC_CLIENT_SECRET: clientSecret } = given;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return undefined;
  return {
    ...{ issuer, clientId, clientSecret, scope: given.HOOKLINE_OIDC_SCOPE, roleClaim: given.HOOKLINE_OIDC_ROLE_CLAIM },
    ...{ roles: given.HOOKLINE_OIDC_ROLES, organization: given.HOOKLINE_OIDC_ORGANIZATION, egressAllow },
  };
}
