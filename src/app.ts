/** Builds everything from a config, by hand and in one place. */
import { type Bootstrap, bootstrap } from "./accounts/bootstrap.ts";
import { createSignInLink, signInUrl } from "./accounts/sessions.ts";
import { openDashboard } from "./api/dashboard.ts";
import type { Doors } from "./api/doors.ts";
import { createPayloadQuery } from "./api/graphql/payload-query.ts";
import { createMetricsServer, createServer, createWorkerServer, type Server } from "./api/server.ts";
import { startAfter, systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Core, Siblings } from "./core.ts";
import { readDatabaseUrl } from "./database-url.ts";
import { type Logins, openDatabase } from "./db/client.ts";
import { DATABASE_MS, demandClock } from "./db/clock-skew.ts";
import { endEpoch } from "./db/epoch.ts";
import { installExtensions } from "./db/extensions.ts";
import { checkKeys, keepKey, masterKeys } from "./db/keys.ts";
import { type Prepared, prepareDatabase } from "./db/migrate.ts";
import { createNotifier, type Notifier } from "./db/notify.ts";
import { createQueue } from "./db/queue.ts";
import { findQueueSchema } from "./db/queue-schema.ts";
import { checkRoom, checkRoomForOne, primaryPool } from "./db/room.ts";
import { isUnavailable, warnOf } from "./db/unavailable.ts";
import { loginsOf } from "./db/wall/state.ts";
import { sendsNothing } from "./delivery/off.ts";
import { makePartitions } from "./delivery/partitions.ts";
import type { Settlement } from "./delivery/settlement.ts";
import { openEmbedded } from "./embedded/open.ts";
import type { EmbeddedPostgres } from "./embedded/start.ts";
import { createEngine, ENGINE_JOBS } from "./engine.ts";
import { CHORE_JOBS, createHousekeeping, watchChores } from "./housekeeping.ts";
import { createLog } from "./observe/log.ts";
import { createMetrics, type Metrics } from "./observe/metrics.ts";
import { openTracing } from "./observe/open-tracing.ts";
import { createRefusals } from "./observe/refusals.ts";
import { traceIds } from "./observe/tracing.ts";
import { createWarnings } from "./observe/warnings.ts";
import { createVault } from "./vault.ts";

/** One of several processes (src/cluster): the primary does what is done once and opens no door, its workers serve and deliver. */
export type Part =
  | { kind: "PRIMARY" }
  | {
      kind: "WORKER";
      /** The primary found them. */
      logins: Logins;
      /** In the log. */
      name: string;
      siblings: Siblings;
      /** Hears what siblings tell beside what Postgres notifies of. */
      hearing(notify: Notifier): Notifier;
      /** Of all processes. */
      metricsText(): Promise<string>;
      /** The primary has built it, or could not. */
      dashboardBuilt: Promise<void>;
    };

export interface App {
  core: Core;
  logins: Logins;
  /** Where it listens; "" for a primary whose workers do not serve yet. */
  readonly url: string;
  /** What this process counted. */
  metrics: Metrics;
  /** For a primary: where its workers listen. */
  listensAt(url: string): void;
  embedded: EmbeddedPostgres | undefined;
  bootstrap: Bootstrap;
  /** A page that signs its first visitor in, once. */
  signInLink(): Promise<string>;
  /** Of a primary: resolves when its workers died again and again. */
  failed?: Promise<Error>;
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
/** How long a stop waits for a collector to take the last spans. */
const SPANS_MS = 3_000;
/** How long an API that stops still takes calls. */
const DOOR_OPEN_MS = 500;

async function whenReachable<T>(log: Core["log"], signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + DATABASE_PATIENCE_MS; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error) || Date.now() > deadline) throw error;
      signal?.throwIfAborted();
      log.warn({ err: (error as Error).message }, "waiting for the database");
      await new Promise((resolve) => setTimeout(resolve, 500));
      signal?.throwIfAborted();
    }
  }
}

/** The pending migrations, and the extensions that a setting asks for; without these everything else works. */
async function migrateFirst(
  url: string,
  config: Readonly<Config>,
  log: Core["log"],
  embedded: EmbeddedPostgres | undefined,
  signal: AbortSignal | undefined,
  isPrimary: boolean,
): Promise<Prepared["wall"]> {
  const { applied, wall } = await whenReachable(log, signal, () =>
    prepareDatabase(url, {
      queueSchema: config.queueSchema,
      direct: embedded !== undefined,
      signal,
      async checkRoom() {
        if (isPrimary) return checkRoom(url, { workers: config.workers, pool: config.databasePool }, signal);
        const narrow = embedded ? undefined : await checkRoomForOne(url, config.databasePool);
        if (narrow !== undefined) log.warn(narrow);
      },
      onWarning: (warning) => log.warn(warning),
      onProgress: (progress) => log.info(progress, "migrating"),
      onWait: () => log.info("another process migrates this database: waiting until it is done"),
    }),
  );
  signal?.throwIfAborted();
  if (applied.length > 0) log.info({ applied }, "migrations applied");
  const refused = config.payloadIndex === "trigram" ? await whenReachable(log, signal, () => installExtensions(url)) : undefined;
  if (refused !== undefined) log.warn(refused);
  // No warning: hosted databases mostly give one role.
  log.info(wall.state === "off" ? { why: wall.why } : wall.roles, `second wall: ${wall.state}`);
  return wall;
}

/** Ids of this process come after those that the database knows: its clock may stand behind the one that made them. */
async function startIds(core: Core): Promise<void> {
  const { rows } = await core.db.pool.query<{ id: string; database_ms: number }>(
    `SELECT ${DATABASE_MS} AS database_ms,
       COALESCE((SELECT first_id FROM number_block ORDER BY last_id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000') AS id`,
  );
  const row = rows[0] as { id: string; database_ms: number };
  demandClock(core.clock, row.database_ms);
  startAfter(row.id);
}

/**
 * Starts what `config.roles` says.
 * @param signal ends a start that is under way: everything started by then is stopped
 * @param part of several processes; absent: all in this one
 * @param opened the embedded Postgres, when somebody has begun to start it
 * @throws when the port is taken, the database cannot be reached or has no room, or the keys do not fit
 */
export async function startApp(
  config: Readonly<Config>,
  signal?: AbortSignal,
  part?: Part,
  opened?: Promise<EmbeddedPostgres>,
): Promise<App> {
  const log = part?.kind === "WORKER" ? createLog(config).child({ process: part.name }) : createLog(config);
  const embedded =
    config.databaseUrl === undefined ? await (opened ?? openEmbedded(config, { signal, several: part !== undefined })) : undefined;
  for (const note of embedded?.notes ?? []) log.warn(note);
  const started: (() => Promise<void>)[] = embedded ? [() => embedded.stop()] : [];
  try {
    return await startOn(config, log, embedded?.url ?? (config.databaseUrl as string), embedded, started, signal, part);
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
  part: Part | undefined,
): Promise<App> {
  const isPrimary = part?.kind === "PRIMARY";
  const hasChores = config.roles.worker && part?.kind !== "WORKER";
  let logins: Logins;
  if (part?.kind === "WORKER") logins = part.logins;
  else {
    const wall = await migrateFirst(databaseUrl, config, log, embedded, signal, isPrimary);
    // A login for each role where the second wall stands.
    logins = embedded && wall.state === "on" ? embedded.logins : loginsOf(databaseUrl, wall);
  }
  const keys = await masterKeys(config);
  const vault = createVault(keys);
  const warnings = createWarnings(log);
  const db = openDatabase(logins, {
    heard: warnOf(warnings),
    poolSize: isPrimary ? primaryPool(config.databasePool) : config.databasePool,
    readTimeoutMs: config.readTimeoutMs,
  });
  started.push(() => db.close());
  // One that takes the place of another may come while the database is away.
  if (part?.kind === "WORKER") await whenReachable(log, signal, () => db.pool.query("SELECT 1"));
  if (embedded?.copy?.isNew()) {
    await endEpoch(db);
    log.warn("the data folder was put back from a copy, or moved: a new epoch, earlier live cursors are refused");
  }
  embedded?.copy?.keep();
  await checkKeys(db, vault, config);
  await keepKey(config, keys);
  const heard = createNotifier(logins.engine, log, (silent) => db.dropConnections(silent));
  const notify = part?.kind === "WORKER" ? part.hearing(heard) : heard;
  const metrics = part?.kind === "WORKER" ? { ...createMetrics(), text: part.metricsText } : createMetrics();
  const tracing = await openTracing(config, warnings);
  const core: Core = {
    ...{
      config,
      clock: systemClock,
      log,
      metrics,
      warnings,
      refusals: createRefusals(systemClock, log),
      db,
      notify,
      vault,
    },
    ...(tracing && { tracing }),
    ...(part?.kind === "WORKER" && { siblings: part.siblings }),
  };
  started.push(async () => tracing?.close(SPANS_MS));
  const queue = createQueue(logins.engine, log, {
    worker: hasChores,
    chores: hasChores,
    schema: await findQueueSchema(db.pool, readDatabaseUrl(databaseUrl).schema, config.queueSchema),
  });
  await makePartitions(core);
  await startIds(core);
  // While these wait for Postgres, the server is made.
  const begun = Promise.all([bootstrap(core), notify.start(), queue.start([...ENGINE_JOBS, ...CHORE_JOBS])]);
  // A failure is told where it is waited for; until then it must not end the process.
  const settled = begun.catch(() => undefined);
  started.push(async () => {
    await settled;
    await Promise.all([notify.stop(), queue.stop()]);
  });

  let listening = "";
  let url = config.publicUrl ?? "";
  const listensAt = (at: string) => {
    listening = at;
    if (url === "") url = at;
    embedded?.answersAt(at);
  };
  const publicUrl = () => url;
  const engine = createEngine(core, {
    queue,
    payloadQuery: createPayloadQuery(),
    // Without a worker lanes only fill: with HOOKLINE_DELIVERY=off none is claimed, while the chores below go on.
    worker: config.roles.worker && config.delivery && !isPrimary,
    chores: hasChores && config.delivery,
    ...(config.delivery ? {} : { wrapTransport: sendsNothing }),
    source: () => config.publicUrl ?? SOURCE,
    onSettled: (settlement) => logAttempt(log, settlement),
  });
  started.push(() => engine.stop());
  const doors: Doors = { core, publicUrl, ...engine };
  const server: Server | undefined = isPrimary
    ? undefined
    : config.roles.api
      ? await createServer(doors, {
          dashboard: openDashboard(
            (err) => log.error({ err }, "the dashboard could not be built"),
            part?.kind === "WORKER" ? part.dashboardBuilt : undefined,
            { ancestors: config.portalFrameAncestors, brand: config.portalBrand },
          ),
        })
      : await createWorkerServer(core);
  started.push(async () => server?.close());
  const [first] = await begun;
  if (config.roles.api && !isPrimary) await engine.feed.start();
  signal?.throwIfAborted();
  if (server) listensAt(addressOf(config.host, (await server.listen()).port));
  const metricsServer = config.metricsPort === undefined || isPrimary ? undefined : await createMetricsServer(core);
  if (metricsServer) {
    started.push(() => metricsServer.close());
    log.info({ port: (await metricsServer.listen()).port }, "/metrics has a port of its own");
  }

  const housekeeping = createHousekeeping(core, queue, engine.ingest);
  watchChores(core, queue);
  if (hasChores) await housekeeping.start();
  if (config.roles.worker && config.delivery) await engine.start();

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    const deadline = performance.now() + config.shutdownGraceMs;
    const left = () => Math.max(0, deadline - performance.now());
    // Readiness first: whoever balances load sees it before the door closes.
    server?.beginDrain();
    // Beside all else: a chore at a long statement, or behind a lock, is not to take the time that deliveries have.
    const chores = Promise.race([housekeeping.stop(), sleep(left())]);
    // Readiness says 503 while lanes drain, and the door of an API stays open a moment longer, so that who asks hears it
    // and no call is refused. What does not end in time is cut, and sent again by whoever takes the lane next.
    await Promise.all([
      engine.drain(Math.max(0, left() - 500)),
      server && config.roles.api ? sleep(Math.min(DOOR_OPEN_MS, left())) : undefined,
    ]);
    await Promise.race([Promise.all([server?.close(), metricsServer?.close()]), sleep(left())]);
    await chores;
    await Promise.race([Promise.all([queue.stop(), engine.stop()]), sleep(Math.max(1_000, left()))]);
    await tracing?.close(SPANS_MS);
    await Promise.race([core.warnings.flush(), sleep(1_000)]);
    await notify.stop();
    await db.close();
    await embedded?.stop();
  }

  return {
    core,
    logins,
    get url() {
      return listening;
    },
    metrics,
    listensAt,
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

export const addressOf = (host: string, port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`;

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
      ...(attempt.traceparent !== null && traceIds(attempt.traceparent)),
    },
    "attempt",
  );
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
