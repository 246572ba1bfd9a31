/** A Core over a database, as a process has it; nothing here needs a test runner, so that a process of a test's own may use it. */
import { systemClock } from "../../src/clock.ts";
import { type Config, readConfig } from "../../src/config.ts";
import type { Core } from "../../src/core.ts";
import { openDatabase } from "../../src/db/client.ts";
import { createNotifier } from "../../src/db/notify.ts";
import { ROLES } from "../../src/db/wall/roles.ts";
import { loginsOf } from "../../src/db/wall/state.ts";
import { createLog } from "../../src/observe/log.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { openTracing } from "../../src/observe/open-tracing.ts";
import { createRefusals } from "../../src/observe/refusals.ts";
import { createWarnings } from "../../src/observe/warnings.ts";
import { createVault } from "../../src/vault.ts";

/** The key of every test vault, so that several cores may share a database. */
export const MASTER_KEY = { id: "1", key: Buffer.alloc(32, 7) };
export const MASTER_KEY_TEXT = MASTER_KEY.key.toString("base64");

export function testConfig(databaseUrl: string, overrides: Partial<Config> = {}): Readonly<Config> {
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    HOOKLINE_MASTER_KEY: `1:${MASTER_KEY_TEXT}`,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8,::1/128",
    HOOKLINE_LOG_LEVEL: "silent",
    PORT: "0",
  });
  return Object.freeze({ ...config, ...overrides });
}

/** Behind the second wall, as the template has it: the server's own user takes each role on. */
export const testLogins = (url: string) => loginsOf(url, { state: "on", roles: ROLES });

/** Listens to hints from here on: `notify.stop` and `db.close` end it. */
export async function openCore(config: Readonly<Config>, url: string): Promise<Core> {
  const log = createLog(config);
  const warnings = createWarnings(log);
  const tracing = await openTracing(config, warnings);
  const core: Core = {
    config,
    clock: systemClock,
    log,
    metrics: createMetrics(),
    warnings,
    refusals: createRefusals(systemClock, log),
    db: openDatabase(testLogins(url)),
    notify: createNotifier(testLogins(url).engine, log),
    vault: createVault([MASTER_KEY]),
    ...(tracing && { tracing }),
  };
  await core.notify.start();
  return core;
}
