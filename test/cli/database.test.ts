/** `migrate` and `rekey`, as processes, on real databases. */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newId } from "../../src/clock.ts";
import { migrate } from "../../src/db/migrate.ts";
import { MIGRATIONS } from "../../src/db/migrations/folder.ts";
import { createConnection } from "../../src/definitions/connections.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { createSecretKey } from "../../src/definitions/secret-keys.ts";
import { createVault } from "../../src/vault.ts";
import { applyInit } from "../db/old-installation.ts";
import { MASTER_KEY_TEXT, type TestCore, testCore } from "../helpers/database.ts";
import { run } from "./run.ts";

const NEW_KEY = Buffer.alloc(32, 9);
const NEW = `2:${NEW_KEY.toString("base64")}`;
/** Definitions here hold no source to check. */
const checks = { sandbox: { check: async () => [] }, payloadQuery: { check: () => [] } };
const OLD = `1:${MASTER_KEY_TEXT}`;

describe("migrate", () => {
  const name = `hookline_cli_${newId().replaceAll("-", "")}`;
  const admin = new pg.Client({ connectionString: inject("serverUrl") });
  beforeAll(async () => {
    await admin.connect();
    await admin.query(`CREATE DATABASE ${name}`);
  });
  afterAll(async () => {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  });

  it("makes an empty database ours, and then has nothing to do", async () => {
    const url = new URL(inject("serverUrl"));
    url.pathname = `/${name}`;
    const env = { DATABASE_URL: url.href, HOOKLINE_MASTER_KEY: OLD };
    const first = await run(["migrate"], env);
    expect(first).toEqual({ code: 0, out: [expect.stringMatching(/^applied 0001_init/)], err: [] });
    expect((await run(["migrate"], env)).out).toEqual(["nothing to apply"]);
  });

  it("says what is missing from the environment in one line", async () => {
    const { code, err } = await run(["migrate"], { DATABASE_URL: "postgres://127.0.0.1:1/x" });
    expect({ code, lines: err.length }).toEqual({ code: 1, lines: 1 });
    expect(err[0]).toMatch(/HOOKLINE_MASTER_KEY/);
  });
});

/** One of each that opens an installation by itself; the others of `user` go the same way. */
const COMMANDS = [["rekey"], ["forget-secrets", "--yes"], ["sign-in-link"], ["token", "shop"], ["user", "list"]];

describe("commands where there is no installation", { timeout: 180_000 }, () => {
  const server = new pg.Client({ connectionString: inject("serverUrl") });
  const name = `hookline_none_${newId().replaceAll("-", "")}`;
  const folder = mkdtempSync(path.join(tmpdir(), "hookline none-"));
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  beforeAll(async () => {
    await server.connect();
    await server.query(`CREATE DATABASE ${name}`);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  });

  it("in a folder without one they say so, and make nothing", async () => {
    const dataDir = path.join(folder, ".data");
    for (const args of [...COMMANDS, ["migrate", "--status"], ["backup", path.join(folder, "x")]]) {
      const { code, err } = await run(args, { HOOKLINE_DATA_DIR: dataDir });
      expect({ args, code, err, made: existsSync(dataDir) }).toEqual({
        ...{ args, code: 1, made: false },
        err: [`hookline: there is no installation in ${dataDir}: start it once (npm start), or set DATABASE_URL or HOOKLINE_DATA_DIR`],
      });
    }
  });

  async function refused(words: RegExp): Promise<void> {
    const env = { DATABASE_URL: url.href, HOOKLINE_MASTER_KEY: OLD, HOOKLINE_DATA_DIR: folder, HOOKLINE_LOG_LEVEL: "silent" };
    for (const args of COMMANDS) {
      const { code, err } = await run(args, env);
      expect({ args, code, err }).toEqual({ args, code: 1, err: [expect.stringMatching(words)] });
    }
  }

  it("on an empty database they say so, and not in Postgres's words", async () => {
    await refused(/^hookline: this database holds no installation yet: start Hookline on it once/);
    const status = await run(["migrate", "--status"], { DATABASE_URL: url.href, HOOKLINE_MASTER_KEY: OLD });
    expect({ code: status.code, first: status.out[0] }).toEqual({ code: 1, first: expect.stringMatching(/^PENDING {3}0001_init/) });
  });

  it("on a database too old for their own statements they ask for its migrations", async () => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await applyInit(client).finally(() => client.end());
    const env = { DATABASE_URL: url.href, HOOKLINE_MASTER_KEY: OLD, HOOKLINE_DATA_DIR: folder, HOOKLINE_LOG_LEVEL: "silent" };
    // The others look for the first administrator, as 0.1 had them, and find nobody.
    for (const args of [["rekey"], ["forget-secrets", "--yes"]]) {
      const { code, err } = await run(args, env);
      expect({ args, code, err }).toEqual({
        ...{ args, code: 1 },
        err: [
          expect.stringMatching(/^warning: this database is of an older version, \d+ migrations are pending$/),
          expect.stringMatching(
            /^hookline: this database is of an older version, \d+ migrations are pending: run `hookline migrate` first$/,
          ),
        ],
      });
    }
  });

  it("on a database of an older version whose tables they find they go on: keys are changed before an upgrade too", async () => {
    const older = path.join(folder, "migrations");
    const newer = ["0022_lane_room", "0023_nothing_left"];
    for (const each of readdirSync(MIGRATIONS).filter((one) => !newer.includes(one)))
      cpSync(path.join(MIGRATIONS, each), path.join(older, each), { recursive: true });
    await migrate(url.href, { folder: older });
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const [organization, key] = [newId(), newId()];
    const place = `${organization}/secret-key/${key}`;
    const kept = createVault([{ id: "1", key: Buffer.from(MASTER_KEY_TEXT, "base64") }]).seal("kept", place);
    await client.query("INSERT INTO organization (id, name) VALUES ($1, 'older')", [organization]);
    const user = newId();
    await client.query("INSERT INTO users (id, organization_id, email, role) VALUES ($1, $2, 'admin@example.com', 'ADMIN')", [
      ...[user, organization],
    ]);
    await client.query(
      `INSERT INTO api_token (id, organization_id, user_id, name, prefix, hash, role, operator) VALUES ($1, $2, $3, 'first', 'p', '\\x00', 'ADMIN', true)`,
      [newId(), organization, user],
    );
    await client.query("INSERT INTO secret_key (id, organization_id, name, ciphertext, last_four) VALUES ($1, $2, 'k', $3, 'kept')", [
      ...[key, organization, kept],
    ]);
    const env = { DATABASE_URL: url.href, HOOKLINE_DATA_DIR: folder, HOOKLINE_LOG_LEVEL: "silent" };
    const warned = { code: 0, err: ["warning: this database is of an older version, 2 migrations are pending"] };
    expect(await run(["rekey"], { ...env, HOOKLINE_MASTER_KEY: `${NEW},${OLD}` })).toMatchObject({
      ...warned,
      out: ["1 secrets sealed anew, 0 were already; only the first key is needed now"],
    });
    const { rows } = await client.query<{ ciphertext: string }>("SELECT ciphertext FROM secret_key").finally(() => client.end());
    expect(createVault([{ id: "2", key: NEW_KEY }]).open(rows[0]?.ciphertext as string, place)).toBe("kept");
    const add = ["user", "add", "ann@example.com", "--role", "ADMIN"];
    expect(await run(add, { ...env, HOOKLINE_MASTER_KEY: NEW }, "a long enough passphrase 7\n")).toMatchObject({
      code: 0,
      err: [...warned.err, "added ann@example.com"],
    });
    for (const args of [
      ["user", "list"],
      ["token", "shop"],
    ])
      expect({ args, ...(await run(args, { ...env, HOOKLINE_MASTER_KEY: NEW })) }).toMatchObject({ args, ...warned });
    expect(
      (await run(["migrate", "--status"], { ...env, HOOKLINE_MASTER_KEY: NEW })).out.filter((line) => line.startsWith("PENDING")),
    ).toHaveLength(2);
  });
});

describe("rekey", () => {
  let t: TestCore;
  beforeAll(async () => {
    t = await testCore();
    const header = { Authorization: "Bearer kept" };
    for (let i = 0; i < 3; i++) {
      await createDefinition(
        t.core,
        t.admin,
        { name: `d${i}`, targetUrl: "https://example.com/", eventTypes: ["*"], headers: header },
        checks,
      );
    }
    await createSecretKey(t.core, t.admin, { name: "preset", secret: "It's a Secret to Everybody" });
    await createConnection(t.core, t.admin, {
      name: "shared",
      urlAdded: "https://example.com/",
      headers: [{ name: "X-Key", value: "kept" }],
    });
  });
  afterAll(() => t.close());

  const env = (keys: string) => ({ DATABASE_URL: t.url, HOOKLINE_MASTER_KEY: keys });
  const sealed = async () =>
    (
      await t.core.db.pool.query<{ sealed: string; place: string }>(
        `SELECT ciphertext AS sealed, organization_id || '/' || definition_id || '/signing/' || version AS place FROM signing_secret
         UNION ALL SELECT ciphertext, organization_id || '/secret-key/' || id FROM secret_key
         UNION ALL SELECT headers, organization_id || '/' || id || '/headers' FROM webhook_definition
         UNION ALL SELECT headers, organization_id || '/' || id || '/headers' FROM connection ORDER BY place`,
      )
    ).rows;

  it("changes nothing while a secret's key is missing, and says which secret", async () => {
    const before = await sealed();
    const { code, err } = await run(["rekey"], env(NEW));
    expect({ code, lines: err.length }).toEqual({ code: 1, lines: 1 });
    expect(err[0]).toMatch(/8 of 8 secrets open with none of the keys in HOOKLINE_MASTER_KEY.*signing_secret [0-9a-f-]{36}/);
    expect(await sealed()).toEqual(before);
  });

  it("seals every kind of secret anew, so that the old key can go; a second time it finds nothing to do", async () => {
    const open = async (vault = t.core.vault) => (await sealed()).map(({ sealed, place }) => vault.open(sealed, place));
    const before = await open();
    expect(before).toHaveLength(8);
    expect((await run(["rekey"], env(`${NEW},${OLD}`))).out).toEqual([
      "8 secrets sealed anew, 0 were already; only the first key is needed now",
    ]);
    expect(await open(createVault([{ id: "2", key: NEW_KEY }]))).toEqual(before);
    expect((await run(["rekey"], env(NEW))).out).toEqual(["0 secrets sealed anew, 8 were already; only the first key is needed now"]);
  });

  it("two bare keys: the new one has the id that the old one had, and what the old one sealed is not taken for the new one's", async () => {
    const [last, next] = [NEW_KEY, Buffer.alloc(32, 11)].map((each) => each.toString("base64"));
    // As an installation with one bare key has it.
    expect((await run(["rekey"], env(`1:${last},${NEW}`))).out[0]).toMatch(/^8 secrets sealed anew/);
    expect(await run(["rekey"], env(String(next)))).toMatchObject({
      code: 1,
      err: [expect.stringMatching(/^hookline: 8 of 8 secrets open with none/)],
    });
    expect((await run(["rekey"], env(`${next},${last}`))).out).toEqual([
      "8 secrets sealed anew, 0 were already; only the first key is needed now",
    ]);
    const alone = createVault([{ id: "1", key: Buffer.alloc(32, 11) }]);
    expect((await sealed()).map(({ sealed, place }) => alone.open(sealed, place))).toHaveLength(8);
  });

  it("knows every column that holds sealed text", async () => {
    // A new one must be added to rekey: whatever the vault sealed begins with v1.<key id>.
    const { rows } = await t.core.db.pool.query<{ place: string }>(
      `SELECT table_name || '.' || column_name AS place FROM information_schema.columns
       WHERE table_schema = 'public' AND data_type = 'text' AND table_name NOT LIKE '\\_prisma%'`,
    );
    const holding: string[] = [];
    for (const { place } of rows) {
      const [table, column] = place.split(".");
      const found = await t.core.db.pool.query(`SELECT 1 FROM "${table}" WHERE "${column}" ~ '^v1\\.[A-Za-z0-9_-]{1,32}\\.' LIMIT 1`);
      if (found.rowCount) holding.push(place);
    }
    expect(holding.sort()).toEqual([
      "connection.headers",
      "secret_key.ciphertext",
      "signing_secret.ciphertext",
      "webhook_definition.headers",
    ]);
  });
});
