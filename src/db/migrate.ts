/**
 * Migrations with Prisma's own schema engine as WebAssembly: nothing is downloaded.
 * Same folder, same `_prisma_migrations` table as the native CLI: `prisma migrate deploy` stays usable.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import pg from "pg";

const ROOT = path.resolve(import.meta.dirname, "../..");
const MIGRATIONS = path.join(ROOT, "prisma/migrations");
const SCHEMA = path.join(ROOT, "prisma/schema.prisma");
const NO_FILTERS = { externalTables: [], externalEnums: [] };
/** Any fixed number: two processes that start together apply migrations one after the other. */
const LOCK = 4_665_728_101;

interface SchemaEngine {
  applyMigrations(input: unknown): Promise<{ appliedMigrationNames: string[] }>;
  diff(input: unknown): Promise<{ stdout: string | null }>;
  free(): void;
}

interface SchemaEngineClass {
  // A static method of that name, no constructor.
  ["new"]: (options: unknown, log: (line: string) => void, adapter: unknown) => Promise<SchemaEngine>;
}

/**
 * PrismaPg splits a script at every ";", also inside function bodies; sent whole, Postgres parses it itself, and a
 * migration is one implicit transaction: all of it or nothing.
 */
class WholeScripts extends PrismaPg {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    super(pool);
    this.#pool = pool;
  }
  override async connect() {
    const adapter = await super.connect();
    adapter.executeScript = async (script) => {
      await this.#pool.query(script);
    };
    return adapter;
  }
}

interface Background {
  __wbg_set_wasm(exports: unknown): void;
  SchemaEngine: SchemaEngineClass;
}

/** @types/node leaves the namespace to the DOM's types, which the server does without. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: unknown): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

/** The binding keeps its instance in a module variable: a second one would trample the first's memory. */
let loaded: Promise<Background> | undefined;

async function loadEngine(): Promise<Background> {
  const folder = path.dirname(createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm"));
  const background = (await import(pathToFileURL(path.join(folder, "schema_engine_bg.js")).href)) as Background;
  const bytes = await readFile(path.join(folder, "schema_engine_bg.wasm"));
  // The engine never clears its 10 s lock timeout: unless that timer is unref'd, a command that migrates hangs as long.
  const imports = Object.entries(background).map(([name, value]) =>
    name.startsWith("__wbg_setTimeout_")
      ? [name, (...args: unknown[]) => (value as (...args: unknown[]) => NodeJS.Timeout)(...args).unref()]
      : [name, value],
  );
  const { instance } = await WebAssembly.instantiate(bytes, { "./schema_engine_bg.js": Object.fromEntries(imports) });
  background.__wbg_set_wasm(instance.exports);
  (instance.exports["__wbindgen_start"] as () => void)();
  return background;
}

async function withEngine<T>(url: string, work: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  loaded ??= loadEngine();
  const { SchemaEngine } = await loaded;
  const schema = await readFile(SCHEMA, "utf8");
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool));
    return await work(await SchemaEngine.new({ datamodels: [["schema.prisma", schema]] }, () => undefined, adapter));
  } finally {
    await pool.end();
  }
}

async function migrationNames(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

async function migrationsList(): Promise<unknown> {
  const directories = await Promise.all(
    (await migrationNames()).map(async (name) => ({
      path: name,
      migrationFile: {
        path: "migration.sql",
        content: { tag: "ok", value: await readFile(path.join(MIGRATIONS, name, "migration.sql"), "utf8") },
      },
    })),
  );
  const lockfile = { path: "migration_lock.toml", content: await readFile(path.join(MIGRATIONS, "migration_lock.toml"), "utf8") };
  return { baseDir: MIGRATIONS, lockfile, shadowDbInitScript: "", migrationDirectories: directories };
}

/** Whether the table says that every migration of ours is applied: then the engine, 50 MB of it, is not even loaded. */
async function isCurrent(client: pg.Client): Promise<boolean> {
  const table = await client.query<{ found: string | null }>("SELECT to_regclass('_prisma_migrations') AS found");
  if (table.rows[0]?.found === null) return false;
  const { rows } = await client.query<{ name: string; checksum: string }>(
    "SELECT migration_name AS name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
  );
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  for (const name of await migrationNames()) {
    const script = await readFile(path.join(MIGRATIONS, name, "migration.sql"));
    if (applied.get(name) !== createHash("sha256").update(script).digest("hex")) return false;
  }
  return true;
}

/** Provisional: replaced by the runner of the `db` branch. */
export async function migrate(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const done: string[] = [];
  try {
    await client.query("SELECT pg_advisory_lock($1)", [LOCK]);
    await client.query("CREATE TABLE IF NOT EXISTS _migration_step (name text PRIMARY KEY)");
    for (const name of await migrationNames()) {
      for (const file of (await readdir(path.join(MIGRATIONS, name))).filter((f) => f.endsWith(".sql")).sort()) {
        const step = `${name}/${file}`;
        const known = await client.query("SELECT 1 FROM _migration_step WHERE name = $1", [step]);
        if (known.rowCount) continue;
        await client.query("BEGIN");
        await client.query(await readFile(path.join(MIGRATIONS, name, file), "utf8"));
        await client.query("INSERT INTO _migration_step VALUES ($1)", [step]);
        await client.query("COMMIT");
        done.push(step);
      }
    }
    return done;
  } finally {
    await client.end();
  }
}

/** The SQL that leads from an empty database to prisma/schema.prisma: the material of `npm run db:new`. */
export async function schemaSql(url: string): Promise<string> {
  const content = await readFile(SCHEMA, "utf8");
  const input = {
    from: { tag: "empty" },
    to: { tag: "schemaDatamodel", files: [{ path: "schema.prisma", content }] },
    script: true,
    shadowDatabaseUrl: null,
    exitCode: null,
    filters: NO_FILTERS,
  };
  return (await withEngine(url, (engine) => engine.diff(input))).stdout ?? "";
}
