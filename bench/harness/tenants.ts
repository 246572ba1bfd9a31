/** Further organizations, made through the door as an operator makes them. */
import { type Definitions, graphql, makeDefinitions, type Platform } from "./platform.ts";

export interface Tenant {
  name: string;
  token: string;
  definitions: string[];
}

/** @param definitions of each; their event types and targets carry the tenant's name */
export async function makeTenants(
  platform: Platform,
  count: number,
  definitions: Omit<Definitions, "token" | "typePrefix">,
): Promise<Tenant[]> {
  const tenants: Tenant[] = [];
  for (let i = 0; i < count; i++) tenants.push(await makeTenant(platform, `tenant${i}`, definitions));
  return tenants;
}

export async function makeTenant(
  platform: Platform,
  name: string,
  definitions: Omit<Definitions, "token" | "typePrefix">,
): Promise<Tenant> {
  const { createOrganization: made } = await graphql<{ createOrganization: { adminToken?: string; message?: string } }>(
    platform.url,
    platform.token,
    "mutation ($name: String!) { createOrganization(input: {name: $name}) { ... on CreatedOrganization { adminToken } ... on Error { message } } }",
    { name },
  );
  if (made.adminToken === undefined) throw new Error(`the organization ${name} could not be made: ${made.message}`);
  const token = made.adminToken;
  const targetUrl = `${definitions.targetUrl}/${name}`;
  return { name, token, definitions: await makeDefinitions(platform, { ...definitions, targetUrl, token }) };
}
