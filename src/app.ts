/** Builds everything from a config, by hand and in one place. */
import { type Bootstrap, bootstrap } from "./accounts/bootstrap.ts";
import { createSignInLink, signInUrl } from "./accounts/sessions.ts";
import { openDashboard } from "./api/dashboard.ts";
import type { Doors } from "./api/doors.ts";
import { createPayloadQuery } from "./api/graphql/payload-query.ts";
import { createMetricsServer, createServer, createWorkerServer, type Server } from "./api/server.ts";
import { startAfter, systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Core } from "./core.ts";
import { readDatabaseUrl } from "./database-url.ts";
import { openDatabase } from "./db/client.ts";
import { checkKeys, keepKey, masterKeys } from "./db/keys.ts";
import { type MigrateOptions, migrate } from "./db/migrate.ts";
import { createNotifier } from "./db/notify.ts";
import { createQueue } from "./db/queue.ts";
import { findQueueSchema } from "./db/queue-schema.ts";
import { isUnavailable } from "./db/unavailable.ts";
import { MAX_SKEW_MS } from "./delivery/numbers.ts";
import { sendsNothing } from "./delivery/off.ts";
import { makePartitions } from "./delivery/partitions.ts";
import type { Settlement } from "./delivery/settlement.ts";
import { type EmbeddedPostgres, startEmbedded } from "./embedded/start.ts";
import { createEngine, ENGINE_JOBS } from "./engine.ts";
import { ClockSkewError } from "./errors.ts";
import { CHORE_JOBS, createHousekeeping, watchChores } from "./housekeeping.ts";
import { createLog } from "./observe/log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createWarnings } from "./observe/warnings.ts";
import { createVault } from "./vault.ts";

export interface App {
  core: Core;
  /** Where it listens. */
  url: string;
  embedded: EmbeddedPostgres | undefined;
  bootstrap: Bootstrap;
  /** A page that signs its first visitor in, once. */
  signInLink(): Promise<string>;
  /** Readiness 503 first, then drains; bounded by HOOKLINE_SHUTDOWN_GRACE_MS. Idempotent. */
  stop(): Promise<void>;
}

/**
 * CloudEvents `source` without HOOKLINE_PUBLIC_URL. Not where this process listens: a request that another worker takes over
 * must be sent again with the same bytes.
 */
const SOURCE = "urn:hookline";

/** How long a start waits for a database that is not there yet. */
const DATABASE_PATIENCE_MS = 30_000;
/** How long an API that stops still takes calls. */
const DOOR_OPEN_MS = 500;

/** @returns the names of the migrations applied now */
async function migrateWhenReachable(
  url: string,
  log: Core["log"],
  queueSchema: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const options: MigrateOptions = {
    queueSchema,
    signal,
    onProgress: (progress) => log.info(progress, "migrating"),
    onWait: () => log.info("another process migrates this database: waiting until it is done"),
  };
  for (const deadline = Date.now() + DATABASE_PATIENCE_MS; ; ) {
    try {
      return await migrate(url, options);
    } catch (error) {
      if (!isUnavailable(error) || Date.now() > deadline) throw error;
      signal?.throwIfAborted();
      log.warn({ err: (error as Error).message }, "waiting for the database");
      await new Promise((resolve) => setTimeout(resolve, 500));
      signal?.throwIfAborted();
    }
  }
}

/** Ids of this process come after those that the database knows: its clock may stand behind the one that made them. */
async function startIds(core: Core): Promise<void> {
  const { rows } = await core.db.pool.query<{ id: string; database_ms: number }>(
    `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS database_ms,
       COALESCE((SELECT first_id FROM number_block ORDER BY last_id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000') AS id`,
  );
  const row = rows[0] as { id: string; database_ms: number };
  const skew = core.clock.now().getTime() - row.database_ms;
  if (Math.abs(skew) > MAX_SKEW_MS) throw new ClockSkewError(skew);
  startAfter(row.id);
}

/**
 * Starts what `config.roles` says.
 * @param signal ends a start that is under way: everything started by then is stopped
 * @throws when the port is taken, the database cannot be reached, or the keys do not fit
 */
export async function startApp(config: Readonly<Config>, signal?: AbortSignal): Promise<App> {
  const log = createLog(config);
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config.dataDir, { signal }) : undefined;
  for (const note of embedded?.notes ?? []) log.warn(note);
  const started: (() => Promise<void>)[] = embedded ? [() => embedded.stop()] : [];
  try {
    return await startOn(config, log, embedded?.url ?? (config.databaseUrl as string), embedded, started, signal);
  } catch (error) {
    for (const stop of started.reverse()) await stop().catch(() => undefined);
    throw error;
  }
}

async function startOn(
  config: Readonly<Config>,
  log: Core["log"],
  databaseUrl: string,
  embedded: EmbeddedPostgres | undefined,
  started: (() => Promise<void>)[],
  signal: AbortSignal | undefined,
): Promise<App> {
  const applied = await migrateWhenReachable(databaseUrl, log, config.queueSchema, signal);
  signal?.throwIfAborted();
  if (applied.length > 0) log.info({ applied }, "migrations applied");
  const keys = await masterKeys(config);
  const vault = createVault(keys);
  const db = openDatabase(databaseUrl, { poolSize: config.databasePool });
  started.push(() => db.close());
  await checkKeys(db, vault, config);
  await keepKey(config, keys);
  const notify = createNotifier(databaseUrl, log, () => db.dropConnections());
  const metrics = createMetrics();
  const core: Core = { config, clock: systemClock, log, metrics, warnings: createWarnings(log), db, notify, vault };
  const queue = createQueue(databaseUrl, log, {
    worker: config.roles.worker,
    chores: config.roles.worker,
    schema: await findQueueSchema(db.pool, readDatabaseUrl(databaseUrl).schema, config.queueSchema),
  });
  await makePartitions(core);
  await startIds(core);
  const [first] = await Promise.all([bootstrap(core), notify.start(), queue.start([...ENGINE_JOBS, ...CHORE_JOBS])]);
  started.push(
    () => notify.stop(),
    () => queue.stop(),
  );

  let url = config.publicUrl ?? "";
  const publicUrl = () => url;
  const engine = createEngine(core, {
    queue,
    payloadQuery: createPayloadQuery(),
    // Without a worker lanes only fill: with HOOKLINE_DELIVERY=off none is claimed, while the chores below go on.
    worker: config.roles.worker && config.delivery,
    ...(config.delivery ? {} : { wrapTransport: sendsNothing }),
    source: () => config.publicUrl ?? SOURCE,
    onSettled: (settlement) => logAttempt(log, settlement),
  });
  started.push(() => engine.stop());
  const { worker, feed } = engine;
  if (config.roles.api) await feed.start();

  const doors: Doors = { core, publicUrl, ...engine };
  const server: Server = config.roles.api
    ? await createServer(doors, { dashboard: openDashboard((err) => log.error({ err }, "the dashboard could not be built")) })
    : await createWorkerServer(core);
  started.push(() => server.close());
  signal?.throwIfAborted();
  const { port } = await server.listen();
  const metricsServer = config.metricsPort === undefined ? undefined : await createMetricsServer(core);
  if (metricsServer) {
    started.push(() => metricsServer.close());
    log.info({ port: (await metricsServer.listen()).port }, "/metrics has a port of its own");
  }
  const listening = `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`;
  if (url === "") url = listening;
  embedded?.answersAt(listening);

  const housekeeping = createHousekeeping(core, queue);
  watchChores(core, queue);
  if (config.roles.worker) await housekeeping.start();
  if (worker) await engine.start();

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    const deadline = performance.now() + config.shutdownGraceMs;
    const left = () => Math.max(0, deadline - performance.now());
    // Readiness first: whoever balances load sees it before the door closes.
    server.beginDrain();
    await Promise.race([housekeeping.stop(), sleep(left())]);
    // Readiness says 503 while lanes drain, and the door of an API stays open a moment longer, so that who asks hears it
    // and no call is refused. What does not end in time is cut, and sent again by whoever takes the lane next.
    await Promise.all([engine.drain(Math.max(0, left() - 500)), config.roles.api ? sleep(Math.min(DOOR_OPEN_MS, left())) : undefined]);
    await Promise.race([Promise.all([server.close(), metricsServer?.close()]), sleep(left())]);
    await Promise.race([core.warnings.flush(), sleep(1_000)]);
    await Promise.race([Promise.all([queue.stop(), engine.stop()]), sleep(Math.max(1_000, left()))]);
    await notify.stop();
    await db.close();
    await embedded?.stop();
  }

  return {
    core,
    url: listening,
    embedded,
    bootstrap: first,
    signInLink: async () => {
      const { token } = await createSignInLink(core, { id: first.userId, organizationId: first.organizationId });
      return signInUrl(publicUrl(), token);
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** One wide line per attempt. */
function logAttempt(log: Core["log"], { request, attempt, state, waitMs }: Settlement): void {
  if (!attempt) return;
  log.info(
    {
      request: request.id,
      number: request.number,
      definition: request.definitionId,
      lane: request.laneId,
      laneNumber: request.laneNumber,
      event: request.event.type,
      attempt: attempt.number,
      outcome: attempt.outcome,
      status: attempt.statusCode,
      error: attempt.errorCode,
      ms: attempt.durationMs,
      state,
      retryInMs: waitMs,
    },
    "attempt",
  );
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
