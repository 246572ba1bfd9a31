/**
 * Reads a database URL as libpq would, with every part explicit, so that no PG* variable of the machine fills a gap.
 * No message quotes any piece of the URL but parameter values that are ours to name: an unencoded password may have
 * split anywhere.
 */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";

export interface DatabaseAddress {
  user: string | undefined;
  /** Undefined: PGPASSWORD or ~/.pgpass, as libpq looks for one. */
  password: string | undefined;
  /** A name, an address, or the folder of a Unix socket. */
  host: string;
  port: number;
  database: string | undefined;
  /** Where our tables live. */
  schema: string;
  /** Whether the URL itself names the schema. */
  namesSchema: boolean;
  /** Whose rights its sessions take on, in their first message (withRole); undefined: the login's own. */
  role: string | undefined;
  ssl: false | ConnectionOptions;
  sslnegotiation: "postgres" | "direct";
  enableChannelBinding: boolean;
  /** Startup options, such as Neon's `endpoint=…`: sent only when the URL has them. */
  options: string | undefined;
  connectTimeoutSeconds: number | undefined;
}

/** `reason` reads on after the name of the variable that holds the URL. */
export class DatabaseUrlError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "DatabaseUrlError";
  }
}

const ENCODE =
  "percent-encode special characters in its user and password, such as %40 for @, %2F for /, %23 for #, %3F for ? and %25 for %";
const KNOWN = [
  ...["sslmode", "ssl", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "schema", "host", "port", "user", "password", "dbname"],
  ...["options", "application_name", "connect_timeout", "channel_binding", "target_session_attrs", "gssencmode", "role"],
];

/** Lower-case words: what Postgres takes without quotes, so that every tool means the same schema. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,55}$/;

/** @throws DatabaseUrlError */
export function checkSchemaName(name: string): string {
  if (!SCHEMA.test(name) || name.startsWith("pg_") || name === "information_schema")
    throw new DatabaseUrlError(
      "must be a schema of up to 56 lower-case letters, digits and _ that does not begin with a digit or pg_, such as hookline",
    );
  return name;
}

function decoded(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError(`holds a % that encodes nothing; ${ENCODE}`);
  }
}

/** Whatever the URL standard makes of it, an @ behind the authority or a # is a password that was not encoded. */
function checkEncoding(text: string): void {
  const rest = text.slice(text.indexOf("://") + 3);
  const end = rest.search(/[/?#]/);
  if (rest.includes("#") || (end >= 0 && rest.slice(end).includes("@")) || /[\s\\]/.test(rest))
    throw new DatabaseUrlError(`cannot be read; ${ENCODE}`);
}

function certificate(parameter: string, file: string | null): string | undefined {
  if (file === null || file === "") return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new DatabaseUrlError(`its ${parameter} names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** libpq's modes: require encrypts and checks nobody, unless a root certificate is given; verify-ca leaves the name out. */
function tls(query: URLSearchParams): false | ConnectionOptions {
  const given = query.get("sslmode") ?? { true: "verify-full", "1": "verify-full", "no-verify": "require" }[query.get("ssl") ?? ""];
  const rootFile = query.get("sslrootcert");
  const ca = rootFile === "system" ? undefined : certificate("sslrootcert", rootFile);
  const [cert, key] = [certificate("sslcert", query.get("sslcert")), certificate("sslkey", query.get("sslkey"))];
  const own = { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
  if ((cert === undefined) !== (key === undefined)) throw new DatabaseUrlError("needs both sslcert and sslkey, or neither");
  const roots = ca === undefined ? {} : { ca };
  switch (given ?? (rootFile || cert || query.get("sslnegotiation") === "direct" ? "require" : "disable")) {
    case "disable":
      return false;
    case "no-verify":
      return { rejectUnauthorized: false, ...own };
    case "require":
      if (rootFile === "system") return { ...own };
      if (ca === undefined) return { rejectUnauthorized: false, ...own };
      return { ...roots, ...own, checkServerIdentity: () => undefined };
    case "verify-ca":
      if (ca === undefined) throw new DatabaseUrlError("sslmode=verify-ca needs sslrootcert, the file of the CA's certificate");
      return { ...roots, ...own, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ...roots, ...own };
    default:
      throw new DatabaseUrlError(
        "sslmode must be disable, require, verify-ca or verify-full (allow and prefer would go on without TLS, unnoticed)",
      );
  }
}

/** Timers count milliseconds in 31 bits: a longer one would be over at once. */
const LONGEST_TIMEOUT_SECONDS = 2_147_483;

/** In seconds. Undefined: our own, as for 0 and what is no number of seconds. */
function connectTimeout(text: string | null): number | undefined {
  const seconds = Number(text);
  if (seconds > LONGEST_TIMEOUT_SECONDS)
    throw new DatabaseUrlError(`its connect_timeout must be seconds, from 0 to ${LONGEST_TIMEOUT_SECONDS}`);
  return seconds > 0 ? seconds : undefined;
}

/** @throws DatabaseUrlError, whose message quotes no piece of the URL */
export function readDatabaseUrl(text: string): DatabaseAddress {
  if (!/^postgres(ql)?:\/\//.test(text)) throw new DatabaseUrlError("must start with postgres:// or postgresql://");
  checkEncoding(text);
  let url: URL;
  // WHATWG wants a host where a socket's folder stands in ?host=.
  const whole = text.replace(/^(postgres(?:ql)?:\/\/(?:[^@/]*@)?)(:\d+)?(?=[/?]|$)/, "$1placeholder.invalid$2");
  try {
    url = new URL(whole);
  } catch {
    throw new DatabaseUrlError(`cannot be read${/^[^/]*\/\/[^/]*,/.test(text) ? "; name one host, not several" : ""}; ${ENCODE}`);
  }
  const query = url.searchParams;
  for (const name of query.keys()) if (!KNOWN.includes(name)) throw new DatabaseUrlError(`has a parameter other than ${KNOWN.join(", ")}`);
  for (const name of KNOWN) if (query.getAll(name).length > 1) throw new DatabaseUrlError(`names ${name} twice`);
  if (!["read-write", "primary", "any", null].includes(query.get("target_session_attrs")))
    throw new DatabaseUrlError("target_session_attrs must be read-write: Hookline writes");
  const named = url.hostname === "placeholder.invalid" ? undefined : decoded(url.hostname)?.replace(/^\[(.+)\]$/, "$1");
  const host = query.get("host") ?? named ?? "localhost";
  if (host.includes(",")) throw new DatabaseUrlError("names several hosts; name one");
  const port = query.get("port") ?? (url.port || "5432");
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) throw new DatabaseUrlError("its port is none");
  const schema = query.get("schema");
  return {
    user: query.get("user") ?? decoded(url.username),
    password: query.get("password") ?? decoded(url.password),
    host,
    port: Number(port),
    database: query.get("dbname") ?? decoded(url.pathname.slice(1)),
    schema: schema === null ? "public" : checkSchemaName(schema),
    namesSchema: schema !== null,
    role: query.get("role") ?? undefined,
    ssl: tls(query),
    sslnegotiation: query.get("sslnegotiation") === "direct" ? "direct" : "postgres",
    enableChannelBinding: query.get("channel_binding") === "require",
    options: query.get("options") ?? undefined,
    connectTimeoutSeconds: connectTimeout(query.get("connect_timeout")),
  };
}

/** The same URL with the schema in it, so that whoever is handed the URL knows both. */
export function withSchema(url: string, schema: string | undefined): string {
  if (schema === undefined || readDatabaseUrl(url).namesSchema) return url;
  return `${url}${url.includes("?") ? "&" : "?"}schema=${schema}`;
}

/** The same login, whose sessions take on a role it is granted. */
export function withRole(url: string, role: string): string {
  const bare = url.replace(/([?&])role=[^&]*(?:&|$)/, "$1").replace(/[?&]$/, "");
  return `${bare}${bare.includes("?") ? "&" : "?"}role=${encodeURIComponent(role)}`;
}
