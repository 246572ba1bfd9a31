/** What is taken, as every release took it, and may not be what was meant: a start says what it stands for. */
import { readDatabaseUrl } from "../database-url.ts";
import { widerThanWritten } from "./cidr.ts";
import { isSender } from "./mail.ts";

const NODE_ENVS = ["production", "development", "test"];
const CIDRS = ["HOOKLINE_EGRESS_ALLOW", "HOOKLINE_TRUSTED_PROXIES", "HOOKLINE_OIDC_EGRESS_ALLOW"];

/** "Production" or "prod" is not taken for anything else: it would leave out every rule of production, unnoticed. */
export const missesProduction = (text: string): boolean =>
  text !== "production" && ["production", "prod"].includes(text.trim().toLowerCase());

function ofDatabase(name: string, url: string, schema: string | undefined): string[] {
  const { namesSchema, schema: named } = readDatabaseUrl(url);
  const timeout = new URLSearchParams(url.split("?")[1]).get("connect_timeout");
  return [
    ...(schema !== undefined && namesSchema && named !== schema
      ? [`HOOKLINE_DATABASE_SCHEMA is ${schema} and does nothing: ${name} has schema=${named}, which wins`]
      : []),
    ...(timeout !== null && !(Number(timeout) >= 0)
      ? [`${name} has a connect_timeout that is no number of seconds: the default is taken`]
      : []),
  ];
}

/** @param env without mistakes @returns one sentence for each */
export function doubts(env: Readonly<Record<string, string | undefined>>): string[] {
  const { NODE_ENV: mode, HOOKLINE_DATABASE_SCHEMA: schema, HOOKLINE_MAIL_FROM: from } = env;
  const database = ["HOOKLINE_DATABASE_DIRECT_URL", "DATABASE_URL"].find((name) => env[name] !== undefined);
  const { HOOKLINE_OIDC_ISSUER: issuer, HOOKLINE_PUBLIC_URL: publicUrl } = env;
  return [
    ...(mode === undefined || NODE_ENVS.includes(mode)
      ? []
      : [`NODE_ENV is ${JSON.stringify(mode.slice(0, 60))}, which counts as development: it may be production, development or test`]),
    ...(database === undefined ? [] : ofDatabase(database, env[database]?.trim() ?? "", schema)),
    ...CIDRS.flatMap((name) =>
      widerThanWritten(env[name] ?? "").map(({ written, network }) => `${name} has ${written}, which stands for all of ${network}`),
    ),
    ...(from === undefined || env.HOOKLINE_SMTP_URL !== undefined || isSender(from.trim())
      ? []
      : ["HOOKLINE_MAIL_FROM holds no mail address: no mail can be sent from it, once HOOKLINE_SMTP_URL is set"]),
    ...(issuer === undefined || publicUrl !== undefined
      ? []
      : [
          "HOOKLINE_OIDC_ISSUER is set without HOOKLINE_PUBLIC_URL: the provider sends browsers back to the address that this process listens on, and only a sign-in that began there ends well",
        ]),
  ];
}
