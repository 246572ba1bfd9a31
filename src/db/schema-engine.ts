/** Prisma's own schema engine as WebAssembly, for `npm run db:new` alone: the SQL of the whole schema, without a download. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import pg from "pg";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SCHEMA = path.join(ROOT, "prisma/schema.prisma");
const NO_FILTERS = { externalTables: [], externalEnums: [] };

interface SchemaEngine {
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
