/** The engine over a test database, with a queue of its own. */
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import type { Core } from "../../src/core.ts";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { createEngine, ENGINE_JOBS, type Engine, type EngineOptions } from "../../src/engine.ts";

export interface TestEngine {
  engine: Engine;
  queue: Queue;
  close(): Promise<void>;
}

/** Started: it delivers, unless `worker` is false. */
export async function testEngine(core: Core, options: Partial<EngineOptions> = {}): Promise<TestEngine> {
  const worker = options.worker ?? true;
  const queue = options.queue ?? createQueue(core.db.url, core.log, { worker });
  if (!options.queue) await queue.start(ENGINE_JOBS);
  const engine = createEngine(core, {
    payloadQuery: createPayloadQuery(),
    source: () => "http://127.0.0.1:4000",
    ...options,
    queue,
    worker,
  });
  await engine.start();
  return {
    engine,
    queue,
    async close() {
      await engine.drain(5_000);
      await engine.stop();
      if (!options.queue) await queue.stop();
    },
  };
}
