/** One run of the whole pipeline: events through a door until the receiver has all of them. */
import type { Bench, Figure } from "./bench.ts";
import type { Load } from "./generator.ts";
import type { Platform } from "./platform.ts";

export interface PipelineRun {
  count: number;
  types: number;
  perCall: number;
  offset: number;
  /** Calls of the receiver that one event makes. */
  fanOut?: number;
  width?: number;
  keys?: number;
}

export async function pipelineRun(bench: Bench, platform: Platform, run: PipelineRun, also: readonly number[] = []): Promise<Figure> {
  await bench.receiver.reset();
  const load: Load = {
    url: platform.url,
    token: platform.token,
    kind: run.perCall === 1 ? "event" : "events",
    width: run.width ?? 50,
    ...run,
  };
  const units = run.count * (run.fanOut ?? 1);
  return bench.measured([platform.pid, ...also], units, async () => {
    await bench.load(load);
    await bench.receiver.has(units);
  });
}
