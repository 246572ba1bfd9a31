/**
 * A process of ours inside the test's own: ingest and a worker on a database handle of their own, which can be killed
 * as SIGKILL kills. From then on nothing it began goes on: its connections are cut (Postgres rolls back what was open),
 * its calls never return, it sends nothing more.
 */
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import type { Core } from "../../src/core.ts";
import { type Database, openDatabase } from "../../src/db/client.ts";
import type { Queue } from "../../src/db/queue.ts";
import { createDefinitionChores } from "../../src/delivery/lane-chores.ts";
import { createLoop } from "../../src/delivery/loop.ts";
import type { Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import type { Worker } from "../../src/delivery/worker.ts";
import { createEngine } from "../../src/engine.ts";
import type { Ingest } from "../../src/events/ingest.ts";

/** `AT_BEGIN`: when the next transaction wants to begin. `AFTER_COMMIT`: its COMMIT is done, the answer never arrives. */
export type Death = "NOW" | "AT_BEGIN" | "AFTER_COMMIT";

export interface TestNode {
  readonly name: string;
  readonly core: Core;
  readonly ingest: Ingest;
  readonly worker: Worker | undefined;
  /** Monotonic milliseconds; undefined while it lives. */
  readonly killedAt: number | undefined;
  /** Resolves once it is dead. */
  kill(how?: Death): Promise<void>;
  /** Drains it. */
  stop(): Promise<void>;
  /** Closes the connections of a dead or stopped node. */
  close(): Promise<void>;
}

/** Says which node made a call. */
export const NODE_HEADER = "x-test-node";

export interface NodeParts {
  core: Core;
  queue: Queue;
  sandbox: Sandbox;
}

/** @param options.worker false: ingest only, as a process with HOOKLINE_ROLES=api */
export function startNode(parts: NodeParts, name: string, options: { leaseMs?: number; worker?: boolean } = {}): TestNode {
  const { core: base, queue, sandbox } = parts;
  const own = openDatabase(base.db.url, { poolSize: 4 });
  let killedAt: number | undefined;
  let death: Death | undefined;
  const died = Promise.withResolvers<void>();
  const never = new Promise<never>(() => undefined);
  const unlessDead = <T>(work: Promise<T>): Promise<T> =>
    work.then(
      (value) => (killedAt === undefined ? value : never),
      (error: unknown) => (killedAt === undefined ? Promise.reject(error) : never),
    );

  function die(): void {
    if (killedAt !== undefined) return;
    killedAt = performance.now();
    const { _clients: clients } = own.pool as unknown as { _clients: { connection: { stream: { destroy(): void } } }[] };
    for (const client of clients) client.connection.stream.destroy();
    died.resolve();
  }

  const mortal = async <T>(transaction: () => Promise<T>): Promise<T> => {
    if (death === "AT_BEGIN") die();
    if (killedAt !== undefined) return never;
    const result = await unlessDead(transaction());
    if (death === "AFTER_COMMIT") die();
    return killedAt === undefined ? result : never;
  };
  const transaction: Database["transaction"] = (work) => mortal(() => own.transaction(work));
  const together: Database["together"] = (sent, before) => mortal(() => own.together(sent, before));
  const pool = new Proxy(own.pool, {
    get(target, key) {
      if (key === "query") return (...args: [string]) => (killedAt === undefined ? unlessDead(target.query(...args)) : never);
      return Reflect.get(target, key, target) as unknown;
    },
  });
  const core: Core = {
    ...base,
    db: { ...own, pool, transaction, together },
    notify: {
      ...base.notify,
      get connected() {
        return base.notify.connected;
      },
      on: (channel, listener) => base.notify.on(channel, (ids) => killedAt === undefined && listener(ids)),
    },
  };
  const { leaseMs } = options;
  const engine = createEngine(core, {
    queue,
    sandbox,
    payloadQuery: createPayloadQuery(),
    worker: options.worker !== false,
    source: () => "http://127.0.0.1:4000",
    wrapTransport: (transport) => ({
      ...transport,
      send: (call) => (killedAt === undefined ? transport.send({ ...call, headers: { ...call.headers, [NODE_HEADER]: name } }) : never),
    }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
  });
  // Jobs of the engine (mail, announcements) are nobody's business here: the queue is shared by nodes that die.
  const { ingest, worker } = engine;
  const marks = createDefinitionChores(core);
  const chores = createLoop(async () => ({ MORE: 0, WAITS: 1_000, DONE: 5_000 })[await marks.run()], { log: core.log, what: "marks" });
  const stopListening = core.notify.on("definition", () => chores.kick());
  worker?.start();
  if (worker) chores.start();
  return {
    name,
    core,
    ingest,
    worker,
    get killedAt() {
      return killedAt;
    },
    async kill(how = "NOW") {
      death = how;
      if (how === "NOW") die();
      await died.promise;
    },
    async stop() {
      stopListening();
      await chores.stop();
      if (killedAt === undefined) await engine.drain(10_000);
    },
    async close() {
      // What a dead one began never ends: nobody waits for it.
      stopListening();
      const stopped = chores.stop();
      if (killedAt === undefined) await Promise.all([stopped, engine.drain(0)]);
      const ended = engine.stop();
      if (killedAt === undefined) await ended;
      await own.close();
    },
  };
}
