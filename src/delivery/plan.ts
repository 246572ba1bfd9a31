/**
 * A definition as the sender needs it: settings, policy and secrets in clear, kept in memory by the version of its
 * organization's catalogue. Whoever sends names the version that the lane's row was read with, so an update is used by
 * the next send of every process.
 */
import type { Core } from "../core.ts";
import { Kept } from "../kept.ts";
import { type Vault, VaultError } from "../vault.ts";
import { type Bound, readBound, unbound } from "../wire/bound.ts";
import type { DefinitionView, DialectName, OnExhausted, Ordering, Policy, SigningKey } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { globalId } from "../wire/ids.ts";
import { signingKey } from "../wire/signatures/signing-key.ts";
import { type Hidden, type Opened, openFor, publicPart } from "./hidden.ts";
import { scriptDestination } from "./script-destination.ts";

export interface Plan {
  /** With its public headers and properties alone: `opened` gives those that an origin may know. */
  definition: DefinitionView;
  /** Where its script may be told what is hidden; null: it has none. */
  scriptDestination: string | null;
  /** What may go to an origin. */
  opened(origin: string): Opened;
  state: "ACTIVE" | "STOPPED" | "TOO_MANY_ERRORS";
  /** JavaScript that makes body, headers and URL suffix. */
  transformation: string | null;
  /** A GraphQL query whose `data` is the body. */
  payloadQuery: string | null;
  /** CRMSCRIPT. */
  script: { id: string; source: string } | null;
  errorsEmail: string | null;
  /** Failed attempts in a row when it was loaded. */
  consecutiveErrors: number;
  /** Set when a stored secret does not open: nothing can be sent until it does. */
  unreadable: string | null;
  /** Keys that sign at `now`: a rotation's old ones until their overlap ends. */
  keysAt(now: Date): readonly SigningKey[];
}

export interface Plans {
  /** Undefined: there is no such definition. @param version of the catalogue, at least; of one that the database lost, what it has now */
  get(definitionId: string, version: number): Promise<Plan | undefined>;
  /** Forgets all: the database is in another life, and may hand out the same versions for other things. */
  clear(): void;
}

interface PlanRow {
  id: string;
  organization_id: string;
  number: number;
  name: string;
  code: string;
  dialect: DialectName;
  state: Plan["state"];
  target_type: "WEBHOOK" | "CRMSCRIPT";
  target_url: string | null;
  headers: string | null;
  public_headers: string[];
  properties: Record<string, unknown> | null;
  hidden_properties: string | null;
  public_properties: string[];
  ordering: Ordering | null;
  concurrency: number | null;
  on_exhausted: OnExhausted | null;
  retry_schedule: number[];
  retry_schedule_set: boolean;
  max_consecutive_errors: number | null;
  max_consecutive_errors_set: boolean;
  timeout_ms: number | null;
  fields_set: string[];
  hmac_algorithm: "SHA256" | "SHA1";
  hmac_encoding: "HEX" | "BASE64";
  transformation: string | null;
  payload_query: string | null;
  errors_email: string | null;
  consecutive_errors: number | null;
  version: number;
  connection: {
    id: string;
    headers: string | null;
    public_headers: string[];
    added: string | null;
    edited: string | null;
    deleted: string | null;
    status: string | null;
  } | null;
  secret_key: { id: string; ciphertext: string } | null;
  script: { id: string; source: string } | null;
  web_service_id: string | null;
  secrets: { version: number; kind: "STANDARD" | "TEXT" | "ED25519"; ciphertext: string; expires_at: string | null }[] | null;
}

/** By name: a column that the next version adds must not change what this statement gives. */
const COLUMNS = [
  ...[
    "id",
    "organization_id",
    "number",
    "name",
    "code",
    "dialect",
    "state",
    "target_type",
    "target_url",
    "headers",
    "public_headers",
    "properties",
    "hidden_properties",
    "public_properties",
    "ordering",
  ],
  ...["concurrency", "on_exhausted", "retry_schedule", "retry_schedule_set", "max_consecutive_errors", "max_consecutive_errors_set"],
  ...["timeout_ms", "fields_set", "hmac_algorithm", "hmac_encoding", "transformation", "payload_query", "errors_email"],
] as const satisfies readonly (keyof PlanRow)[];

const SELECT = `
  SELECT ${COLUMNS.map((column) => `d.${column}`).join(", ")}, c.version, (SELECT e.consecutive_errors FROM definition_counter e WHERE e.definition_id = d.id) AS consecutive_errors,
    (SELECT jsonb_build_object('id', n.id, 'headers', n.headers, 'public_headers', n.public_headers, 'added', n.url_added, 'edited', n.url_edited, 'deleted', n.url_deleted,
      'status', n.url_status) FROM connection n WHERE n.id = d.connection_id) AS connection,
    (SELECT jsonb_build_object('id', k.id, 'ciphertext', k.ciphertext) FROM secret_key k WHERE k.id = d.secret_key_id) AS secret_key,
    (SELECT jsonb_build_object('id', s.id, 'source', s.source) FROM script s WHERE s.id = d.script_id) AS script,
    (SELECT w.external_id FROM web_service w WHERE w.definition_id = d.id LIMIT 1) AS web_service_id,
    (SELECT jsonb_agg(jsonb_build_object('version', g.version, 'kind', g.kind, 'ciphertext', g.ciphertext, 'expires_at', g.expires_at)
      ORDER BY g.version DESC) FROM signing_secret g WHERE g.definition_id = d.id AND (g.expires_at IS NULL OR g.expires_at > now())) AS secrets
  FROM webhook_definition d JOIN organization_catalog c ON c.organization_id = d.organization_id WHERE d.id = $1`;

/** Of a definition that is ordered NONE by its own setting, and says nothing else: NONE is the fastest (B37). */
const FREE_CONCURRENCY = 16;

/** A dialect's own policy, where the definition does not set another. */
export function policyOf(dialect: DialectName, row: Omit<Partial<PlanRow>, "dialect">): Policy {
  const defaults = dialects[dialect].defaults;
  const ordering = row.ordering ?? defaults.ordering;
  return {
    ...defaults,
    ordering,
    concurrency:
      ordering === "NONE" ? (row.concurrency ?? Math.max(defaults.concurrency, defaults.ordering === "NONE" ? 1 : FREE_CONCURRENCY)) : 1,
    onExhausted: row.on_exhausted ?? defaults.onExhausted,
    waits: row.retry_schedule_set ? (row.retry_schedule ?? []) : defaults.waits,
    maxConsecutiveErrors: row.max_consecutive_errors_set ? (row.max_consecutive_errors ?? null) : defaults.maxConsecutiveErrors,
    timeoutMs: row.timeout_ms ?? defaults.timeoutMs,
  };
}

function planOf(core: Core, row: PlanRow): Plan {
  const { vault } = core;
  let unreadable: string | null = null;
  const open = (sealed: string, place: string): string => {
    try {
      return vault.open(sealed, place);
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      unreadable = error.message;
      return "";
    }
  };
  const org = row.organization_id;
  const shared = row.connection?.headers ? open(row.connection.headers, `${org}/${row.connection.id}/headers`) : "";
  const own = row.headers ? open(row.headers, `${org}/${row.id}/headers`) : "";
  const hidden = hiddenOf(row, {
    shared,
    own,
    properties: row.hidden_properties ? open(row.hidden_properties, `${org}/${row.id}/properties`) : "",
  });
  const keyIn = (kind: "STANDARD" | "TEXT" | "ED25519", text: string): SigningKey | null => {
    try {
      return text === "" ? null : signingKey(row.dialect, kind, text);
    } catch (error) {
      unreadable = (error as Error).message;
      return null;
    }
  };
  const secrets = (row.secrets ?? []).map(({ version, kind, ciphertext, expires_at: end }) => ({
    expiresAt: end === null ? null : new Date(end),
    key: keyIn(kind, open(ciphertext, `${org}/${row.id}/signing/${version}`)),
  }));
  const keysAt = (now: Date) => secrets.flatMap((s) => (s.key && (s.expiresAt === null || s.expiresAt > now) ? [s.key] : []));
  const secretKey = row.secret_key ? open(row.secret_key.ciphertext, `${org}/secret-key/${row.secret_key.id}`) : null;
  return withOpened(vault, hidden, {
    scriptDestination: row.script && scriptDestination(row.script),
    definition: {
      id: row.id,
      organizationId: org,
      number: row.number,
      name: row.name,
      code: row.code,
      dialect: row.dialect,
      targetType: row.target_type,
      targetUrl: row.target_url,
      connection: row.connection,
      ...publicPart(hidden),
      fieldsSet: row.fields_set,
      signingKeys: [],
      secretKey: secretKey === null ? null : { text: secretKey, algorithm: row.hmac_algorithm, encoding: row.hmac_encoding },
      webServiceId: row.web_service_id,
      policy: policyOf(row.dialect, row),
    },
    state: row.state,
    transformation: row.transformation,
    payloadQuery: row.payload_query,
    script: row.script,
    errorsEmail: row.errors_email,
    consecutiveErrors: row.consecutive_errors ?? 0,
    unreadable: unreadable === null ? null : `a stored secret of ${globalId("WebhookDefinition", row.id)} does not open: ${unreadable}`,
    keysAt,
  });
}

/** @param texts opened; "": none */
function hiddenOf(row: PlanRow, texts: { shared: string; own: string; properties: string }): Hidden {
  const headers: Bound<Record<string, string>>[] = [];
  if (texts.shared !== "") {
    const shared = readBound<{ name: string; value: string }[]>(texts.shared);
    headers.push({ origins: shared.origins, values: Object.fromEntries(shared.values.map(({ name, value }) => [name, value])) });
  }
  if (texts.own !== "") headers.push(readBound<Record<string, string>>(texts.own));
  const properties =
    texts.properties === "" ? row.properties && unbound(row.properties) : readBound<Record<string, unknown>>(texts.properties);
  const names = [...row.public_headers, ...(row.connection?.public_headers ?? [])];
  return {
    headers,
    properties,
    publicHeaders: new Set(names.map((name) => name.toLowerCase())),
    publicProperties: new Set(row.public_properties),
  };
}

/** Origins that one plan has opened: a definition has one, a connection four. */
const MAX_ORIGINS = 16;

export function withOpened(vault: Vault, hidden: Hidden, plan: Omit<Plan, "opened">): Plan {
  const known = new Map<string, Opened>();
  return {
    ...plan,
    opened(origin) {
      const found = known.get(origin) ?? openFor(vault, plan.definition, hidden, origin);
      if (known.size >= MAX_ORIGINS) known.clear();
      known.set(origin, found);
      return found;
    },
  };
}

/** Whose connections its calls take. A definition with several hosts counts with the first; one that calls nobody, by itself. */
export function hostOf(definitionId: string, plan: Plan | undefined): string {
  if (plan?.definition.targetType !== "WEBHOOK") return definitionId;
  const { targetUrl, connection } = plan.definition;
  const url = targetUrl ?? connection?.added ?? connection?.edited ?? connection?.deleted ?? connection?.status;
  return (url == null ? null : URL.parse(url))?.host ?? definitionId;
}

interface Entry {
  /** Of the catalogue that it was read with. */
  version: number;
  plan: Plan | undefined;
}

/** Definitions kept in clear per process, and their texts, most of which take a byte a character; the one loaded longest ago goes first. */
const MOST_PLANS = { entries: 20_000, characters: 64 * 2 ** 20 };
/**
 * Characters that one of a hidden text stands for: each origin that it is opened for, four of a connection, keeps it as values, as what
 * the log keeps instead, and as what is looked for in replies.
 */
const HIDDEN_TIMES = 16;

function charactersOf(row: PlanRow): number {
  const hidden = [row.headers, row.hidden_properties, row.connection?.headers].reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return JSON.stringify(row).length + HIDDEN_TIMES * hidden;
}

export function createPlans(core: Core): Plans {
  const plans = new Kept<Entry>(MOST_PLANS);
  const loading = new Map<string, Promise<Entry>>();

  async function load(definitionId: string): Promise<Entry> {
    const { rows } = await core.db.pool.query<PlanRow>({ name: "plan", text: SELECT, values: [definitionId] });
    const row = rows[0];
    const entry = { version: row?.version ?? 0, plan: row ? planOf(core, row) : undefined };
    plans.set(definitionId, entry, row ? charactersOf(row) : 0);
    return entry;
  }

  function begin(definitionId: string): Promise<Entry> {
    const started = load(definitionId).finally(() => loading.delete(definitionId));
    loading.set(definitionId, started);
    return started;
  }

  return {
    clear: () => plans.clear(),
    async get(definitionId, version) {
      for (let isFresh = false; ; isFresh = true) {
        const kept = plans.get(definitionId);
        if (kept && kept.version >= version) return kept.plan;
        const running = loading.get(definitionId);
        const entry = await (running ?? begin(definitionId));
        // One that was under way may have begun before the change that we know of: look again. What was read since is as new as the
        // database is, which after a failover or a restore may know fewer changes than we do.
        if (!running || isFresh || entry.version >= version) return entry.plan;
      }
    },
  };
}
