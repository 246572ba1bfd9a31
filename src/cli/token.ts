/** `hookline token`: a new API token, shown once. */
import type { Api } from "./client.ts";
import { CliError } from "./fault.ts";
import { isMomentOrDay } from "./moment.ts";

export interface TokenOptions {
  role?: string | undefined;
  scope?: string[] | undefined;
  expires?: string | undefined;
}

const UNITS: Record<string, number> = { h: 3_600_000, d: 86_400_000 };

/** `30d`, `12h`, a day, or a time with its zone. */
export function expiry(text: string, now: Date): Date {
  const span = /^(\d{1,5})([hd])$/.exec(text);
  if (span) return new Date(now.getTime() + Number(span[1]) * (UNITS[span[2] as string] as number));
  const at = isMomentOrDay(text) ? new Date(text) : undefined;
  if (at === undefined || Number.isNaN(at.getTime()))
    throw new CliError(
      "--expires must be a span such as 30d or 12h, a day such as 2027-01-01, or a time with its zone such as 2027-01-01T00:00:00Z",
    );
  return at;
}

/** @returns the token in clear */
export async function createToken(api: Api, name: string, options: TokenOptions): Promise<string> {
  const input = {
    name,
    ...(options.role === undefined ? {} : { role: options.role.toUpperCase() }),
    ...(options.scope === undefined ? {} : { scopes: options.scope }),
    ...(options.expires === undefined ? {} : { expiresAt: expiry(options.expires, new Date()).toISOString() }),
  };
  const { createApiToken } = await api.graphql<{ createApiToken: { token: string } }>(
    `mutation ($input: CreateApiTokenInput!) {
       createApiToken(input: $input) { __typename ... on CreatedApiToken { token } ... on ValidationError { message issues { path message } } ... on Error { message } }
     }`,
    { input },
  );
  return createApiToken.token;
}
