/** What V8 and malloc are told: seen from inside processes that begin in different ways. */
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENV, FLAGS } from "../src/memory.ts";
import { startProgram } from "./helpers/program.ts";

const MEMORY = path.resolve(import.meta.dirname, "../src/memory.ts");
let folder: string;
let script: string;

interface Seen {
  pid: number;
  flags: string[];
  args: string[];
  arenas: string | null;
  /** Megabytes of the young generation once it has grown as far as it may. */
  young: number;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "hookline-memory-"));
  script = path.join(folder, "show.mjs");
  await writeFile(
    script,
    `import { getHeapSpaceStatistics } from "node:v8";
     import { settleMemory } from ${JSON.stringify(MEMORY)};
     settleMemory();
     let kept = [];
     for (let i = 0; i < 4_000_000; i++) {
       kept.push({ i, list: [i] });
       if (kept.length > 200_000) kept = [];
     }
     const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size / 1_048_576;
     const seen = { pid: process.pid, flags: process.execArgv, args: process.argv.slice(2), arenas: process.env.MALLOC_ARENA_MAX ?? null, young };
     process.send ? process.send(seen) : console.log(JSON.stringify(seen));
     if (process.send) process.disconnect();`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function seenBy(flags: string[], env: Record<string, string> = {}): Promise<Seen & { spawned: number }> {
  const running = promisify(execFile)(process.execPath, [...flags, script, "one", "two words"], {
    env: { PATH: String(process.env["PATH"]), ...env },
  });
  const { stdout } = await running;
  return { ...(JSON.parse(stdout) as Seen), spawned: running.child.pid as number };
}

describe.runIf(process.platform === "linux")("a server's memory", () => {
  test("the process begins anew in its place, with its arguments, flags and pid", async () => {
    const seen = await seenBy(["--no-warnings"], { KEPT: "yes" });
    expect(seen.pid).toBe(seen.spawned);
    expect(seen.args).toEqual(["one", "two words"]);
    expect(seen.flags).toEqual(["--no-warnings", ...FLAGS]);
    expect(seen.arenas).toBe(ENV.MALLOC_ARENA_MAX);
    // Two halves of 16 MB; V8's own default is 64 and more.
    expect(seen.young).toBeLessThanOrEqual(32);
  });

  test("what somebody chose stays: as a flag, in NODE_OPTIONS, in the environment", async () => {
    const chosen = await seenBy(["--max_semi_space_size=8"], { MALLOC_ARENA_MAX: "3" });
    expect(chosen.flags).toEqual(["--max_semi_space_size=8", "--heap-growing-percent=60"]);
    expect(chosen.arenas).toBe("3");
    const byOptions = await seenBy([], { NODE_OPTIONS: "--max-semi-space-size=4", MALLOC_ARENA_MAX: "2" });
    expect(byOptions.flags).toEqual(["--heap-growing-percent=60"]);
    expect(byOptions.young).toBeLessThanOrEqual(8);
  });

  test("a process that another Node talks to stays on the line", async () => {
    const child = fork(script, { execArgv: [], env: { PATH: String(process.env["PATH"]) } });
    const [seen] = (await once(child, "message")) as [Seen];
    expect(seen).toMatchObject({ pid: child.pid, flags: [], arenas: null });
    await once(child, "exit");
  });

  test("a server that is started by its file does so, and is the same process", async () => {
    const data = path.join(folder, "data");
    const program = startProgram({ HOOKLINE_DATA_DIR: data });
    await program.up();
    const words = (await readFile(`/proc/${program.child.pid}/cmdline`, "utf8")).split("\0");
    expect(words).toEqual(expect.arrayContaining(FLAGS));
    expect(await program.stop()).toBe(0);
  });

  test("npm start gives the same, so that it begins once", async () => {
    const { scripts } = JSON.parse(await readFile(path.resolve(import.meta.dirname, "../package.json"), "utf8"));
    const env = Object.entries(ENV).map(([name, value]) => `${name}=${value}`);
    expect(scripts.start).toContain(`${env.join(" ")} exec node ${FLAGS.join(" ")} `);
  });
});
