/** A process of its own that erases an organization, until it is done or killed: `node erase-process.ts URL ORGANIZATION`. */
import { workOrganizationErasures } from "../../src/accounts/erase-organization.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import type { Core } from "../../src/core.ts";
import { openDatabase } from "../../src/db/client.ts";
import { createNotifier } from "../../src/db/notify.ts";
import type { JobKind } from "../../src/db/queue.ts";
import { ROLES } from "../../src/db/wall/roles.ts";
import { loginsOf } from "../../src/db/wall/state.ts";
import { createLog } from "../../src/observe/log.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createRefusals } from "../../src/observe/refusals.ts";
import { createWarnings } from "../../src/observe/warnings.ts";
import { createVault } from "../../src/vault.ts";

const [url = "", organizationId = ""] = process.argv.slice(2);
const key = Buffer.alloc(32, 7);
const config = readConfig({ DATABASE_URL: url, HOOKLINE_MASTER_KEY: `1:${key.toString("base64")}`, HOOKLINE_LOG_LEVEL: "silent" });
const log = createLog(config);
const logins = loginsOf(url, { state: "on", roles: ROLES });
const core: Core = {
  ...{
    config,
    log,
    clock: systemClock,
    metrics: createMetrics(),
    warnings: createWarnings(log),
    refusals: createRefusals(systemClock, log),
  },
  ...{ db: openDatabase(logins), notify: createNotifier(logins.engine, log), vault: createVault([{ id: "1", key }]) },
};
await workOrganizationErasures(core, {
  send: async () => undefined,
  forget: async () => undefined,
  work: async <T>(_kind: JobKind<T>, handler: (payload: T, jobId: string, failure: unknown) => Promise<unknown>) => {
    await handler({ organizationId } as T, "", null);
  },
});
process.exit(0);
