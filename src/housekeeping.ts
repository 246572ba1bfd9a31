/** What a worker does beside delivering, once a minute: each piece is safe with any number of processes. */
import type { Core } from "./core.ts";
import { createLoop, type Loop } from "./delivery/loop.ts";
import { makePartitions } from "./delivery/partitions.ts";
import { sequenceAll } from "./live/sequencer.ts";
import { foldDeliveries } from "./requests/fold.ts";

const EVERY_MS = 60_000;

export function createHousekeeping(core: Core): Loop {
  const ended = new AbortController();
  const loop = createLoop(
    async () => {
      await makePartitions(core);
      // The feed of an organization that nobody watches is numbered here, so that what waits stays short.
      await sequenceAll(core);
      const folded = await foldDeliveries(core, ended.signal);
      core.log.debug(folded, "housekeeping");
      return EVERY_MS;
    },
    { log: core.log, what: "housekeeping", failedMs: EVERY_MS },
  );
  return {
    ...loop,
    stop() {
      ended.abort();
      return loop.stop();
    },
  };
}
