/**
 * The environment, read once. All mistakes are reported together; the result is frozen.
 * The only file that may read process.env (test/architecture.test.ts).
 */
import { z } from "zod";
import { cidrs } from "./config/cidr.ts";
import { usableCores } from "./config/cores.ts";
import { doubts, missesProduction } from "./config/doubts.ts";
import { isHost } from "./config/host.ts";
import { httpUrl, rootUrl } from "./config/http-url.ts";
import { isSender, SENDER, smtpUrl } from "./config/mail.ts";
import { OIDC_VARIABLES, type OidcConfig, oidcOf, oidcProblems } from "./config/oidc.ts";
import { frameAncestors, origins } from "./config/origins.ts";
import { placeProblems } from "./config/places.ts";
import { PORTAL_VARIABLES, type PortalBrand, portalBrandOf } from "./config/portal-brand.ts";
import { rate } from "./config/rate.ts";
import { readSecretFiles, SECRETS } from "./config/secret-files.ts";
import { weakToken } from "./config/token.ts";
import { TRACING_VARIABLES, type TracingConfig, tracingOf } from "./config/tracing.ts";
import { unknownVariables } from "./config/unknown.ts";
import { whole } from "./config/whole.ts";
import { checkSchemaName, readDatabaseUrl, withSchema } from "./database-url.ts";

/** `id:base64`, joined by commas; a bare base64 is key "1". The first encrypts, all decrypt. */
const masterKeys = z.string().transform((text, ctx) => {
  const keys = text.split(",").map((part, i) => {
    const at = part.indexOf(":");
    const id = at < 0 ? String(i + 1) : part.slice(0, at).trim();
    const base64 = (at < 0 ? part : part.slice(at + 1)).trim();
    const key = Buffer.from(base64, "base64");
    if (key.length !== 32 || !/^[A-Za-z0-9+/]{43}=$/.test(base64) || !/^[A-Za-z0-9_-]{1,32}$/.test(id)) {
      ctx.addIssue({
        code: "custom",
        message: "must be base64 of 32 bytes (openssl rand -base64 32), or several as id:base64 joined by commas",
      });
    }
    return { id, key };
  });
  if (new Set(keys.map((k) => k.id)).size !== keys.length) ctx.addIssue({ code: "custom", message: "names a key id twice" });
  return keys;
});

export interface MasterKey {
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

const flag = z.enum(["true", "false", "on", "off"], "must be true or false").transform((text) => text === "true" || text === "on");
/** More only take memory: 64 cores are more than one Postgres feeds. */
const MOST_WORKERS = 64;
const workers = z.string().transform((text, ctx) => {
  if (text === "auto") return Math.min(usableCores(), MOST_WORKERS);
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_WORKERS)
    ctx.addIssue({ code: "custom", message: `must be auto, or a whole number from 1 to ${MOST_WORKERS}` });
  return count;
});
const scale = z
  .string()
  .regex(/^\d{1,4}(\.\d{1,6})?$/, "must be a number from 0 to 1000")
  .transform(Number)
  .refine((value) => value <= 1000, "must be a number from 0 to 1000");
/** What `read` throws, as an issue: its sentence reads on after the variable's name. */
const readable = (given: z.ZodString, read: (text: string) => unknown) =>
  given.superRefine((text, ctx) => {
    try {
      read(text);
    } catch (error) {
      ctx.addIssue({ code: "custom", message: (error as Error).message });
    }
  });
const databaseUrl = readable(z.string().trim(), readDatabaseUrl);
const schemaName = readable(z.string(), checkSchemaName);

const environment = z.object({
  NODE_ENV: z
    .string()
    .refine((text) => !missesProduction(text), "must be production, development or test, or unset")
    .optional(),
  PORT: whole(0, 65535).default(4000),
  HOST: z
    .string()
    .trim()
    .refine(isHost, "must be an address or a name of this machine, without scheme, brackets and port, such as 127.0.0.1")
    .default("127.0.0.1"),
  DATABASE_URL: databaseUrl.optional(),
  HOOKLINE_DATABASE_DIRECT_URL: databaseUrl.optional(),
  HOOKLINE_DATABASE_SCHEMA: schemaName.optional(),
  HOOKLINE_QUEUE_SCHEMA: schemaName.optional(),
  HOOKLINE_DATABASE_POOL: whole(2, 1_000).default(10),
  HOOKLINE_READ_TIMEOUT_MS: whole(100, 600_000).default(5_000),
  HOOKLINE_OPEN_CALLS: whole(10, 1_000_000).default(10_000),
  HOOKLINE_OPEN_CALLS_MB: whole(1, 100_000).default(128),
  HOOKLINE_INGEST_QUEUE: whole(100, 10_000_000).default(10_000),
  HOOKLINE_INGEST_QUEUE_MB: whole(1, 100_000).default(64),
  HOOKLINE_DATA_DIR: z.string().min(1).default(".data"),
  HOOKLINE_ROLES: z
    .string()
    .default("api,worker")
    .transform((text, ctx) => {
      const roles = text.split(",").map((part) => part.trim());
      if (roles.length === 0 || roles.some((role) => role !== "api" && role !== "worker")) {
        ctx.addIssue({ code: "custom", message: "must be api, worker, or api,worker" });
      }
      return { api: roles.includes("api"), worker: roles.includes("worker") };
    }),
  HOOKLINE_WORKERS: workers.default(1),
  // A header's value has no white space at its ends, so the token has none either.
  HOOKLINE_ADMIN_TOKEN: z
    .string()
    .transform((text, ctx) => {
      const token = text.trim();
      const problem = weakToken(token);
      if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem });
      return token;
    })
    .optional(),
  HOOKLINE_MASTER_KEY: masterKeys.optional(),
  HOOKLINE_METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, "must be 16 to 512 printable characters without blanks, such as openssl rand -hex 32 makes")
    .optional(),
  HOOKLINE_METRICS_PORT: whole(0, 65535).optional(),
  HOOKLINE_PUBLIC_URL: rootUrl.optional(),
  HOOKLINE_EGRESS_ALLOW: cidrs.optional(),
  HOOKLINE_SMTP_URL: smtpUrl.optional(),
  HOOKLINE_MAIL_FROM: z.string().trim().default("hookline@localhost"),
  HOOKLINE_RETRY_SCALE: scale.default(1),
  HOOKLINE_TOKEN_TTL_SCALE: scale.default(1),
  HOOKLINE_SHUTDOWN_GRACE_MS: whole(0, 600_000).default(20_000),
  HOOKLINE_TRUSTED_PROXIES: cidrs.default([]),
  HOOKLINE_CORS_ORIGINS: origins.optional(),
  HOOKLINE_PORTAL_FRAME_ANCESTORS: frameAncestors.optional(),
  ...PORTAL_VARIABLES,
  HOOKLINE_INBOUND_GOAL_LIMIT: rate.default({ count: 60, seconds: 60 }),
  HOOKLINE_INBOUND_EVENT_LIMIT: rate.default({ count: 600, seconds: 60 }),
  HOOKLINE_INBOUND_ADDRESS_LIMIT: rate.default({ count: 10, seconds: 60 }),
  HOOKLINE_CRMCOM_HTTP_STATUS: flag.default(false),
  HOOKLINE_SUPEROFFICE_REQUIRE_HTTPS: flag.default(true),
  HOOKLINE_SUPEROFFICE_VALIDATE_HTTPS: flag.default(true),
  HOOKLINE_GRAPHIQL: flag.optional(),
  HOOKLINE_PASSWORDS: flag.default(true),
  ...OIDC_VARIABLES,
  HOOKLINE_OIDC_EGRESS_ALLOW: cidrs.optional(),
  HOOKLINE_LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"], "must be trace, debug, info, warn, error or silent")
    .default("info"),
  HOOKLINE_CONNECTION_SECONDS: whole(1, 3_600).default(30),
  ...TRACING_VARIABLES,
  HOOKLINE_DELIVERY: flag.default(true),
  HOOKLINE_QUOTA_EVENTS_PER_SECOND: whole(1, 100_000_000).default(20_000),
  HOOKLINE_QUOTA_DEFINITIONS: whole(0, 100_000_000).default(100_000),
  HOOKLINE_QUOTA_QUEUED_REQUESTS: whole(0, 999_999_999).default(10_000_000),
  HOOKLINE_QUOTA_STORED_GB: whole(0, 1_000_000).default(1_000),
  HOOKLINE_QUOTA_SUBSCRIPTIONS: whole(0, 100_000_000).default(10_000),
  HOOKLINE_RETENTION_DAYS: whole(1, 36_500).default(90),
  HOOKLINE_PARTITION_MINUTES: whole(1, 44_640).default(1_440),
  HOOKLINE_PAYLOAD_INDEX: z.enum(["off", "trigram"], "must be off or trigram").default("off"),
});

export interface Config {
  production: boolean;
  /** What to tell the operator: variables that look like ours and are none, and what may not be what was meant. */
  warnings: readonly string[];
  port: number;
  host: string;
  /** With the schema in it, when one is set. Undefined: the embedded Postgres. */
  databaseUrl: string | undefined;
  /** Where pg-boss keeps its tables, when it is not beside ours. */
  queueSchema: string | undefined;
  /** Connections of the hot pool; Prisma's has half as many. */
  databasePool: number;
  /** A statement that reads or changes for a tenant is given up after so many milliseconds. */
  readTimeoutMs: number;
  /** Of an organization, unless the operator set others for it. */
  quotas: Readonly<Record<"eventsPerSecond" | "definitions" | "queuedRequests" | "storedBytes" | "subscriptions", number>>;
  /** Calls of all doors that may be open at once, and how much their bodies may hold in memory. */
  openCalls: number;
  openCallsMb: number;
  /** Events that may wait for their transaction, of all organizations; of one half as many. */
  ingestQueue: number;
  /** And how much they may hold in memory. */
  ingestQueueMb: number;
  dataDir: string;
  roles: { api: boolean; worker: boolean };
  /** Processes that serve; above 1 they are of one primary (src/cluster). */
  workers: number;
  adminToken: string | undefined;
  /** Whoever asks for /metrics must show it. */
  metricsToken: string | undefined;
  /** /metrics is served on this port, and not on the public one. 0: any free one. */
  metricsPort: number | undefined;
  /** Undefined: the embedded default makes one in the data folder. */
  masterKeys: MasterKey[] | undefined;
  /** Without a trailing slash. */
  publicUrl: string | undefined;
  /** CIDRs that outgoing calls may reach besides public addresses. */
  egressAllow: string[];
  smtpUrl: string | undefined;
  mailFrom: string;
  /** Multiplies every retry wait. */
  retryScale: number;
  tokenTtlScale: number;
  shutdownGraceMs: number;
  trustedProxies: string[];
  /** Whose pages may call the API from a browser, with a bearer token; `["*"]`: all. */
  corsOrigins: string[];
  /** Origins whose pages may hold the portal in a frame. */
  portalFrameAncestors: string[];
  portalBrand: PortalBrand;
  inboundGoalLimit: { count: number; seconds: number };
  inboundEventLimit: { count: number; seconds: number };
  inboundAddressLimit: { count: number; seconds: number };
  crmcomHttpStatus: boolean;
  superofficeRequireHttps: boolean;
  superofficeValidateHttps: boolean;
  logLevel: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  /** Undefined: no spans. */
  tracing: TracingConfig | undefined;
  /** A kept connection takes no further call so long after its name was resolved, in seconds. */
  connectionSeconds: number;
  /** False: nothing is sent; what comes in waits in its lanes. */
  delivery: boolean;
  /** Whether /graphql shows GraphiQL to a browser. */
  graphiql: boolean;
  /** False: no password of a person is good at any door. */
  passwords: boolean;
  /** Undefined: no single sign-on. */
  oidc: OidcConfig | undefined;
  /** Settled requests and their events are deleted after so many days. */
  retentionDays: number;
  /** How long a stretch of time one partition of the hot tables holds, in minutes. */
  partitionMinutes: number;
  /** Of events' payloads, for searches in them. */
  payloadIndex: "off" | "trigram";
}

/** Names every variable that is wrong, and how to mend it. */
export class ConfigError extends Error {
  constructor(problems: string[]) {
    super(`the environment is not usable:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "ConfigError";
  }
}

type Environment = Record<string, string | undefined>;

const LOOPBACK = ["127.0.0.0/8", "::1/128"];

/**
 * Parses what is given, `NAME_FILE` included; each variable by itself, so that one mistake hides no other. An empty variable
 * counts as unset, but for those in `emptyCounts`.
 * @returns `data` without the variables that are wrong; `env` as it is written; `has` says what is set, well or not; `sound` gives
 *   all of them, or throws ConfigError with every mistake in `problems`, those added since too
 */
function parse<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>, env: Environment, emptyCounts: readonly string[]) {
  const given = Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== "" || emptyCounts.includes(name)));
  const { env: full, shown, problems } = readSecretFiles(given);
  const data: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(schema.shape)) {
    const parsed = z.safeParse(variable, full[name]);
    if (parsed.success) data[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => `${shown.get(name) ?? name}: ${issue.message}`));
  }
  type Whole = z.output<z.ZodObject<Shape>>;
  return {
    problems,
    env: full,
    data: data as Partial<Whole>,
    has: (name: string) => given[name] !== undefined || given[`${name}_FILE`] !== undefined,
    sound(): Whole {
      if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
      return data as Whole;
    },
  };
}

/**
 * @param options.places the data folder is made, and looked at, when it will be used: its mistakes join the list
 * @throws ConfigError with all mistakes at once
 */
export function readConfig(env: Environment = process.env, options: { places?: boolean } = {}): Readonly<Config> {
  // HOOKLINE_EGRESS_ALLOW="" means "nothing is allowed".
  const { has, problems, data, env: written, sound } = parse(environment, env, ["HOOKLINE_EGRESS_ALLOW"]);
  const hasDatabase = has("DATABASE_URL") || has("HOOKLINE_DATABASE_DIRECT_URL");
  const production = data.NODE_ENV === "production" || hasDatabase;
  if (production && !has("HOOKLINE_MASTER_KEY")) {
    problems.push(
      "HOOKLINE_MASTER_KEY: is needed with NODE_ENV=production or a DATABASE_URL; make one with `openssl rand -base64 32` and keep it",
    );
  }
  if (data.HOOKLINE_METRICS_PORT && data.HOOKLINE_METRICS_PORT === data.PORT) {
    problems.push("HOOKLINE_METRICS_PORT: is PORT too: give /metrics a port of its own");
  }
  if (options.places && !hasDatabase && data.HOOKLINE_DATA_DIR !== undefined) {
    const kept = { masterKey: has("HOOKLINE_MASTER_KEY"), adminToken: has("HOOKLINE_ADMIN_TOKEN") };
    problems.push(...placeProblems(data.HOOKLINE_DATA_DIR, kept).map((problem) => `HOOKLINE_DATA_DIR: ${problem}`));
  }
  if (has("HOOKLINE_SMTP_URL") && data.HOOKLINE_MAIL_FROM !== undefined && !isSender(data.HOOKLINE_MAIL_FROM))
    problems.push(`HOOKLINE_MAIL_FROM: ${SENDER}`);
  problems.push(...oidcProblems(has));
  const e = sound();
  // Every connection is a session with settings, LISTEN and prepared statements: where one URL leads to a pooler, none of them goes there.
  const url = e.HOOKLINE_DATABASE_DIRECT_URL ?? e.DATABASE_URL;
  return Object.freeze({
    production,
    warnings: [...unknownVariables(env, KNOWN), ...doubts(written)],
    port: e.PORT,
    host: e.HOST,
    databaseUrl: url === undefined ? undefined : withSchema(url, e.HOOKLINE_DATABASE_SCHEMA),
    queueSchema: e.HOOKLINE_QUEUE_SCHEMA,
    databasePool: e.HOOKLINE_DATABASE_POOL,
    readTimeoutMs: e.HOOKLINE_READ_TIMEOUT_MS,
    quotas: Object.freeze({
      eventsPerSecond: e.HOOKLINE_QUOTA_EVENTS_PER_SECOND,
      definitions: e.HOOKLINE_QUOTA_DEFINITIONS,
      queuedRequests: e.HOOKLINE_QUOTA_QUEUED_REQUESTS,
      storedBytes: e.HOOKLINE_QUOTA_STORED_GB * 1_000_000_000,
      subscriptions: e.HOOKLINE_QUOTA_SUBSCRIPTIONS,
    }),
    openCalls: e.HOOKLINE_OPEN_CALLS,
    openCallsMb: e.HOOKLINE_OPEN_CALLS_MB,
    ingestQueue: e.HOOKLINE_INGEST_QUEUE,
    ingestQueueMb: e.HOOKLINE_INGEST_QUEUE_MB,
    dataDir: e.HOOKLINE_DATA_DIR,
    roles: e.HOOKLINE_ROLES,
    workers: e.HOOKLINE_WORKERS,
    adminToken: e.HOOKLINE_ADMIN_TOKEN,
    masterKeys: e.HOOKLINE_MASTER_KEY,
    metricsToken: e.HOOKLINE_METRICS_TOKEN,
    metricsPort: e.HOOKLINE_METRICS_PORT,
    publicUrl: e.HOOKLINE_PUBLIC_URL,
    egressAllow: e.HOOKLINE_EGRESS_ALLOW ?? (production ? [] : LOOPBACK),
    smtpUrl: e.HOOKLINE_SMTP_URL,
    mailFrom: e.HOOKLINE_MAIL_FROM,
    retryScale: e.HOOKLINE_RETRY_SCALE,
    tokenTtlScale: e.HOOKLINE_TOKEN_TTL_SCALE,
    shutdownGraceMs: e.HOOKLINE_SHUTDOWN_GRACE_MS,
    trustedProxies: e.HOOKLINE_TRUSTED_PROXIES,
    corsOrigins: e.HOOKLINE_CORS_ORIGINS ?? [],
    portalFrameAncestors: e.HOOKLINE_PORTAL_FRAME_ANCESTORS ?? [],
    portalBrand: portalBrandOf(e),
    inboundGoalLimit: e.HOOKLINE_INBOUND_GOAL_LIMIT,
    inboundEventLimit: e.HOOKLINE_INBOUND_EVENT_LIMIT,
    inboundAddressLimit: e.HOOKLINE_INBOUND_ADDRESS_LIMIT,
    crmcomHttpStatus: e.HOOKLINE_CRMCOM_HTTP_STATUS,
    superofficeRequireHttps: e.HOOKLINE_SUPEROFFICE_REQUIRE_HTTPS,
    superofficeValidateHttps: e.HOOKLINE_SUPEROFFICE_VALIDATE_HTTPS,
    logLevel: e.HOOKLINE_LOG_LEVEL,
    tracing: tracingOf(e),
    delivery: e.HOOKLINE_DELIVERY,
    graphiql: e.HOOKLINE_GRAPHIQL ?? e.NODE_ENV !== "production",
    passwords: e.HOOKLINE_PASSWORDS,
    oidc: oidcOf(e, e.HOOKLINE_OIDC_EGRESS_ALLOW ?? (production ? [] : LOOPBACK)),
    connectionSeconds: e.HOOKLINE_CONNECTION_SECONDS,
    retentionDays: e.HOOKLINE_RETENTION_DAYS,
    partitionMinutes: e.HOOKLINE_PARTITION_MINUTES,
    payloadIndex: e.HOOKLINE_PAYLOAD_INDEX,
  });
}

const clientEnvironment = environment.pick({ PORT: true, HOOKLINE_DATA_DIR: true, HOOKLINE_ADMIN_TOKEN: true }).extend({
  HOOKLINE_URL: httpUrl.optional(),
  HOOKLINE_TOKEN: z.string().optional(),
});

/** Every variable and whether it has a default, for the test that keeps .env.example true. */
export const VARIABLES: readonly { name: string; hasDefault: boolean }[] = Object.entries({
  ...environment.shape,
  ...clientEnvironment.shape,
}).map(([name, schema]) => ({ name, hasDefault: schema.safeParse(undefined).data !== undefined }));

/** Every name that is ours. */
const KNOWN = [...VARIABLES.map(({ name }) => name), ...SECRETS.map((name) => `${name}_FILE`)];

/** What the command line needs to talk to a server. */
export interface ClientConfig {
  /** Without a trailing slash. */
  url: string;
  token: string | undefined;
  dataDir: string;
}

/** @throws ConfigError */
export function readClientConfig(env: Environment = process.env): Readonly<ClientConfig> {
  const e = parse(clientEnvironment, env, []).sound();
  return Object.freeze({
    url: e.HOOKLINE_URL ?? `http://127.0.0.1:${e.PORT}`,
    token: e.HOOKLINE_TOKEN ?? e.HOOKLINE_ADMIN_TOKEN,
    dataDir: e.HOOKLINE_DATA_DIR,
  });
}
