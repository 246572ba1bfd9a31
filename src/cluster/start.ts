/**
 * HOOKLINE_WORKERS above 1: this process is the primary. It owns the embedded Postgres, the data folder, the port, migrations,
 * chores and the sum of the metrics, and serves nobody; its workers share the port (node:cluster) and the lanes.
 */
import cluster from "node:cluster";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { buildDashboard } from "../api/dashboard.ts";
import { type App, addressOf, startApp } from "../app.ts";
import type { Config } from "../config.ts";
import { masterKeys } from "../db/keys.ts";
import { createOutHints } from "../delivery/hints.ts";
import type { EmbeddedPostgres } from "../embedded/start.ts";
import { createCrew, type Member } from "./crew.ts";
import { createHolders } from "./holders.ts";
import type { ToPrimary } from "./messages.ts";
import { createTally } from "./tally.ts";

/** A worker that is busy, or frozen, is left out of the metrics after this: what it said last counts. */
const COUNT_MS = 1_000;
/** A worker's own drain is bounded by the grace; beyond this much more it hangs. */
const HANGS_MS = 3_000;

/**
 * Whether the port can be had, before any worker is started; and which one it is, where any is taken: all workers, also those
 * that come later, name the same.
 * @throws EADDRINUSE, EACCES, as a single process does
 */
async function portOf({ port, host }: Pick<Config, "port" | "host">): Promise<number> {
  const probe = createServer().listen({ port, host, exclusive: true });
  await once(probe, "listening");
  const found = (probe.address() as AddressInfo).port;
  probe.close();
  await once(probe, "close");
  return found;
}

/** @throws as `startApp`, and what a worker cannot start for */
export async function startCluster(config: Readonly<Config>, signal?: AbortSignal, opened?: Promise<EmbeddedPostgres>): Promise<App> {
  if (!cluster.isPrimary)
    throw new Error(
      "HOOKLINE_WORKERS starts processes of its own, and this one is a worker of somebody else's cluster (pm2's cluster mode?): run it as a single process there, or leave HOOKLINE_WORKERS out",
    );
  const app = await startApp(config, signal, { kind: "PRIMARY" }, opened);
  const hints = createOutHints(app.core);
  const holders = createHolders();
  const tally = createTally();
  const asked = new Map<number, () => void>();
  let lastId = 0;
  let given = config;

  /** The worker's counts are noted when this resolves, or it took too long. */
  function count(member: Member): Promise<void> {
    const id = ++lastId;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(late);
        asked.delete(id);
        resolve();
      };
      const late = setTimeout(done, COUNT_MS);
      asked.set(id, done);
      member.send({ kind: "count", id });
    });
  }

  async function answerMetrics(member: Member, id: number): Promise<void> {
    const members = crew.serving();
    await Promise.all(members.map(count));
    member.send({ kind: "text", id, text: await tally.text(await app.metrics.counts()) });
  }

  function heard(member: Member, message: ToPrimary): void {
    if (message.kind === "lanes") {
      holders.note(member.id, message.got, message.left);
      const { to, unknown } = holders.route(member.id, message.work);
      for (const [id, lanes] of to) crew.member(id)?.send({ kind: "work", lanes });
      for (const lane of unknown) hints.lane(lane);
    } else if (message.kind === "counts") {
      tally.note(member.id, message.counts);
      if (message.id !== undefined) asked.get(message.id)?.();
    } else if (message.kind === "metrics") {
      answerMetrics(member, message.id).catch((error: Error) => {
        app.core.log.warn({ err: error.message }, "metrics could not be added up");
        member.send({ kind: "text", id: message.id, text: undefined });
      });
    }
  }

  // What is wrong with it is found, and logged, by the workers again.
  const built = config.roles.api ? buildDashboard().catch(() => undefined) : Promise.resolve();
  const crew = createCrew({
    workers: config.workers,
    start(member) {
      void built.then(() => member.send({ kind: "dashboard" }));
      return { kind: "start", name: member.name, config: given, logins: app.logins };
    },
    heard,
    gone(member) {
      holders.forget(member.id);
      tally.retire(member.id);
    },
    died: (name, why, againInMs) => app.core.log.error({ process: name, why, againInMs }, "a worker died: another takes its place"),
  });
  app.metrics.gauge("hookline_workers", "Processes that serve.", () => crew.serving().length);
  // Before the embedded Postgres is: it would wait for their connections.
  process.prependOnceListener("exit", crew.kill);

  const stopPrimary = app.stop;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= crew.stop(config.shutdownGraceMs + HANGS_MS).then(stopPrimary);
    return stopping;
  };
  try {
    const port = await portOf(config);
    signal?.throwIfAborted();
    // The key, too, is the one that this process opened the secrets with.
    given = { ...config, port, databaseUrl: app.core.db.url, masterKeys: await masterKeys(config) };
    const aborted = () => void stop();
    signal?.addEventListener("abort", aborted);
    await crew.start();
    signal?.removeEventListener("abort", aborted);
    signal?.throwIfAborted();
    app.listensAt(addressOf(config.host, port));
  } catch (error) {
    await stop();
    throw error;
  }
  return Object.assign(app, { stop, failed: crew.failed });
}
