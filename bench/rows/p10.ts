/** P10: seconds from the start of the process until /readyz, on the embedded Postgres: made anew, and found there. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../../test/helpers/free-port.ts";
import { isReady, TOKEN } from "../harness/platform.ts";
import { start } from "../harness/process.ts";
import type { Row } from "../harness/row.ts";
import { ofRuns } from "../harness/stats.ts";

async function secondsToReady(folder: string): Promise<number> {
  const port = await freePort();
  const env = { PORT: String(port), HOOKLINE_DATA_DIR: folder, HOOKLINE_ADMIN_TOKEN: TOKEN, HOOKLINE_LOG_LEVEL: "error" };
  const began = performance.now();
  const program = await start("src/main.ts", { env, ready: () => isReady(`http://127.0.0.1:${port}`) });
  const seconds = (performance.now() - began) / 1000;
  await program.stop();
  return seconds;
}

export const p10: Row = {
  name: "P10",
  title: "ready after a start on the embedded Postgres",
  long: false,
  async run(bench) {
    const [cold, warm]: [number[], number[]] = [[], []];
    for (let i = 0; i < bench.runs; i++) {
      const folder = await mkdtemp(path.join(tmpdir(), "hookline-bench-start-"));
      cold.push(await secondsToReady(folder));
      warm.push(await secondsToReady(folder));
      await rm(folder, { recursive: true, force: true });
    }
    const seconds = (values: number[]) => values.map((value) => value.toFixed(2)).join(" ");
    bench.say(`cold ${seconds(cold)} s, warm ${seconds(warm)} s`);
    const detail = "the compile cache of Node beside node_modules is warm in both";
    return [
      { name: "ready, cold", ...ofRuns(cold), bar: 3, atLeast: false, unit: "s", detail: `initdb, start, migrations; ${detail}` },
      { name: "ready, warm", ...ofRuns(warm), bar: 1.2, atLeast: false, unit: "s", detail },
    ];
  },
};
