/**
 * What each of our sessions is set to, whatever the database, the role or the machine say. It is the first message of
 * a connection (src/db/session-client.ts): startup parameters would be refused by PgBouncer.
 */
import type { DatabaseAddress } from "../database-url.ts";

/** `lookups`: the hot path's statements, planned once. `generic`: few statements, planned once. `auto`: Postgres decides. */
export interface SessionProfile {
  plans: "lookups" | "generic" | "auto";
  /** Milliseconds; 0: none. */
  statementTimeout: number;
  lockTimeout: number;
  idleInTransactionTimeout: number;
  /** A pool that serves one organization at a time (tenant.ts). */
  tenant?: boolean;
  /** Asked one thing and closed again: nothing is set. */
  look?: boolean;
}

/** A statement that takes longer is given up: none of ours does, unless the database hangs. */
export const STATEMENT_TIMEOUT_MS = 15_000;

/** Pools that answer calls. */
export const POOL_PROFILE: SessionProfile = {
  plans: "auto",
  statementTimeout: STATEMENT_TIMEOUT_MS,
  // Our own locks last milliseconds. Less than what a transaction may idle: whoever waited tries again.
  lockTimeout: 3_000,
  // A process that froze in the midst of a transaction must not keep its lanes' rows locked for the others.
  idleInTransactionTimeout: 5_000,
};

/** Where the URL leads (listener.ts). */
export const LOOK_PROFILE: SessionProfile = { ...POOL_PROFILE, look: true };

/** A step of a migration or the copy of a table takes as long as it takes, and a process that was stopped for a while goes on with it. */
export const LONG_PROFILE: SessionProfile = { plans: "auto", statementTimeout: 0, lockTimeout: 0, idleInTransactionTimeout: 0 };

/** Every setting that changes what our statements mean or write, in Postgres 15 to 18. */
export const SETTINGS: readonly [name: string, value: string, why: string][] = [
  ["idle_session_timeout", "0", "pools keep idle connections; LISTEN is one for good"],
  ["client_encoding", "UTF8", "what node-postgres writes and reads"],
  ["standard_conforming_strings", "on", "a backslash in a literal is a backslash"],
  ["backslash_quote", "safe_encoding", "literals mean what they mean by default"],
  ["escape_string_warning", "off", "notices that nobody reads"],
  ["client_min_messages", "warning", "debug output would flood each connection"],
  ["TimeZone", "UTC", "timestamps without a zone are UTC: expiry, createdAt"],
  ["DateStyle", "ISO, MDY", "how node-postgres parses dates"],
  ["IntervalStyle", "postgres", "how node-postgres parses intervals"],
  ["timezone_abbreviations", "Default", "EST and the like mean the same everywhere"],
  ["bytea_output", "hex", "how node-postgres parses bytes"],
  ["extra_float_digits", "1", "floats come back as they were written"],
  ["xmlbinary", "base64", "XML is text to us; its form is fixed all the same"],
  ["xmloption", "content", "as xmlbinary"],
  ["lc_numeric", "C", "to_char and to_number"],
  ["lc_monetary", "C", "money"],
  ["lc_time", "C", "to_char with names of months"],
  ["default_text_search_config", "pg_catalog.simple", "text search parses alike"],
  ["array_nulls", "on", "NULL in an array literal is a null, not a word"],
  ["transform_null_equals", "off", "x = NULL is null"],
  ["quote_all_identifiers", "off", "definitions read from the catalog keep their form"],
  ["default_transaction_isolation", "read committed", "what our locks are written for; serializable fails emits"],
  ["default_transaction_deferrable", "off", "a transaction begins at once"],
  ["synchronous_commit", "on", "what was accepted survives a crash of the server"],
  ["row_security", "on", "policies filter; off would turn them into errors"],
  ["default_tablespace", "", "tables are where their database is"],
  ["temp_tablespaces", "", "as default_tablespace"],
  ["default_table_access_method", "heap", "fillfactor and HOT updates are the heap's"],
  ["check_function_bodies", "on", "a faulty function fails in its migration, not in a delivery"],
  ["stats_fetch_consistency", "cache", "readings of pg_stat agree within a transaction"],
  ["gin_fuzzy_search_limit", "0", "a search gives all it finds"],
  ["exit_on_error", "off", "a failed statement must not end the session"],
  ["jit", "off", "costs milliseconds on short statements, saves nothing on ours"],
];

/** Not in every version, or a superuser's alone: set where they exist and we may. */
const WHERE_POSSIBLE: readonly [name: string, value: string][] = [
  ["transaction_timeout", "0"],
  ["restrict_nonsystem_relation_kind", ""],
  ["session_replication_role", "origin"],
  ["lc_messages", "C"],
  ["lo_compat_privileges", "off"],
  ["event_triggers", "on"],
];

/** Planner switches go back to what Postgres is compiled with; costs and memory stay the administrator's, who knows the machine. */
const PLANNER = [
  ...["constraint_exclusion", "from_collapse_limit", "join_collapse_limit", "cursor_tuple_fraction", "parallel_leader_participation"],
  ...["geqo", "geqo_threshold", "geqo_effort", "geqo_pool_size", "geqo_generations", "geqo_selection_bias", "geqo_seed"],
  ...[
    "debug_parallel_query",
    "force_parallel_mode",
    "synchronize_seqscans",
    "recursive_worktable_factor",
    "log_parameter_max_length_on_error",
  ],
];

/**
 * What depends on how a setting stands, in one look at all of them: reading `pg_settings` costs more than every SET below. A
 * database or a role that reads only by default is written to all the same. A server that does, by its configuration, was
 * taken out of service by whoever runs it (a switch-over, a full disk): that stands, also when it comes while we are connected.
 */
const AS_THEY_STAND = () => `SELECT set_config(found.name, found.value, false) FROM (
     SELECT s.name, CASE
       WHEN s.name = 'default_transaction_read_only'
         THEN CASE WHEN s.setting = 'on' AND s.source NOT IN ('default', 'configuration file', 'command line') THEN 'off' END
       WHEN wanted.name IS NOT NULL
         THEN CASE WHEN s.setting <> wanted.value AND (s.context = 'user' OR has_parameter_privilege(s.name, 'SET')) THEN wanted.value END
       WHEN s.context = 'user' AND s.setting <> s.boot_val AND (s.name LIKE 'enable\\_%' OR s.name = ANY(ARRAY[${PLANNER.map(literal).join(", ")}]))
         THEN s.boot_val END AS value
     FROM pg_settings AS s
     LEFT JOIN (VALUES ${WHERE_POSSIBLE.map(([name, value]) => `(${literal(name)}, ${literal(value)})`).join(", ")}) AS wanted(name, value) ON wanted.name = s.name
   ) AS found WHERE found.value IS NOT NULL`;

const GENERIC = [
  "SET plan_cache_mode = force_generic_plan",
  "SET enable_seqscan = off",
  "SET enable_hashjoin = off",
  "SET enable_mergejoin = off",
];

/**
 * Statements of the hot path look rows up by keys, in the order of an index, and their plans are kept. What the planner knows of a
 * queue is wrong nearly always: planned while it is empty, a statement would read the whole table for ever after, dead rows
 * included (measured after 20 000 deliveries: a settlement of 13 requests read 900 pages, and 90 as it is; with 5 000 in a lane
 * a page of 32 of them took 114 ms, and 0.5 ms as it is).
 */
const PLANS: Readonly<Record<SessionProfile["plans"], readonly string[]>> = {
  lookups: [...GENERIC, "SET enable_bitmapscan = off"],
  generic: GENERIC,
  auto: ["SET plan_cache_mode = auto"],
};

/** The statement that says, for the rest of the transaction, whose rows there are. */
export const SCOPE = "hookline_scope";
/** With one role only, its policies tell the tenants' pool by the first; by itself it gives no right. */
const TENANT = [
  "SET hookline.pool = 'tenant'",
  // A pooler may hand over a session of ours that it did not clean.
  "DEALLOCATE ALL",
  `PREPARE ${SCOPE} (text) AS SELECT set_config('hookline.organization_id', $1, true)`,
];

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** The row that ends the first message. */
export interface SessionState {
  recovery: boolean;
  /** By its configuration. */
  closed: boolean;
  version: number;
  triggers: string;
}

const STATE =
  "SELECT pg_is_in_recovery() AS recovery, current_setting('default_transaction_read_only')::bool AS closed, current_setting('server_version_num')::int AS version, current_setting('session_replication_role') AS triggers";

/** What could end a connection before its settings are in force. */
export const NO_LIMITS =
  "SET statement_timeout = 0; SET idle_session_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/** One simple query of many statements, after NO_LIMITS. The search path comes first, so that no name below means anybody else's. */
export function sessionSql(address: DatabaseAddress, profile: SessionProfile): string {
  if (profile.look) return STATE;
  const set = (name: string, value: string) => `SET ${name} = ${value === "" ? "''" : literal(value)}`;
  return [
    // pg_temp last: a temporary table must not stand before ours.
    `SET search_path = ${identifier(address.schema)}, pg_temp`,
    ...SETTINGS.map(([name, value]) => set(name, value)),
    AS_THEY_STAND(),
    ...PLANS[profile.plans],
    ...(address.role === undefined ? [] : [`SET ROLE ${identifier(address.role)}`]),
    ...(profile.tenant ? TENANT : []),
    `SET lock_timeout = ${profile.lockTimeout}`,
    `SET idle_in_transaction_session_timeout = ${profile.idleInTransactionTimeout}`,
    `SET statement_timeout = ${profile.statementTimeout}`,
    STATE,
  ].join(";\n");
}
