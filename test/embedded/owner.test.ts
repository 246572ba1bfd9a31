/** One owner of a data folder: double starts, races, kills, copies; as processes. */
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { readOwner } from "../../src/embedded/lock.ts";
import { isAlive, startOf } from "../../src/embedded/processes.ts";
import { run } from "../cli/run.ts";
import { type Program, startProgram } from "../helpers/program.ts";
import { copyOf, newFolder, postmasterOf } from "./folder.ts";

const running: Program[] = [];
function start(folder: string, env: Record<string, string> = {}): Program {
  const program = startProgram({ HOOKLINE_DATA_DIR: folder, ...env });
  running.push(program);
  return program;
}
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop();
});
const ready = async (url: string) => (await fetch(`${url}/readyz`)).status;

describe("B1 a data folder has one owner", { timeout: 120_000 }, () => {
  test("B1 a second start says who runs where, exits 1, and leaves the first and its Postgres alone", async () => {
    const folder = newFolder();
    const first = start(folder);
    const url = await first.up();
    const postmaster = postmasterOf(folder);
    for (const env of [{ PORT: new URL(url).port }, { PORT: "0" }]) {
      const second = start(folder, env);
      expect((await second.ended).code).toBe(1);
      expect(second.err()).toContain(`already running on ${folder}: pid ${first.child.pid}, at ${url}`);
      expect(second.out()).toBe("");
    }
    expect(postmasterOf(folder)).toBe(postmaster);
    expect(await ready(url)).toBe(200);
    // A command beside it uses its Postgres, and leaves it running.
    expect(await run(["migrate"], { HOOKLINE_DATA_DIR: folder })).toEqual({ code: 0, out: ["nothing to apply"], err: [] });
    expect(await ready(url)).toBe(200);
    expect(await first.stop()).toBe(0);
    expect(isAlive(postmaster)).toBe(false);
  });

  test("B1 of four starts at the same moment one comes up, and the others say so", async () => {
    const folder = newFolder();
    const all = [1, 2, 3, 4].map(() => start(folder));
    const winner = await Promise.any(all.map((each) => each.up().then(() => each)));
    const others = all.filter((each) => each !== winner);
    expect(await Promise.all(others.map(async (each) => (await each.ended).code))).toEqual([1, 1, 1]);
    for (const each of others) expect(each.err()).toContain(`already running on ${folder}: pid ${winner.child.pid}`);
    expect(await ready(await winner.up())).toBe(200);
  });

  test("B1 what a killed one left running is taken over, and ends with the new owner", async () => {
    const folder = newFolder();
    const first = start(folder);
    await first.up();
    const postmaster = postmasterOf(folder);
    await first.kill();
    expect(isAlive(postmaster)).toBe(true);
    const second = start(folder);
    expect(await ready(await second.up())).toBe(200);
    expect(postmasterOf(folder)).toBe(postmaster);
    const third = start(folder);
    expect((await third.ended).code).toBe(1);
    expect(third.err()).toContain(`pid ${second.child.pid}`);
    expect(await second.stop()).toBe(0);
    expect(isAlive(postmaster)).toBe(false);
  });

  test("B1 a start that is ended while it waits for what a killed one left running ends that, too", async () => {
    const folder = newFolder();
    const first = start(folder);
    await first.up();
    const postmaster = postmasterOf(folder);
    await first.kill();
    process.kill(postmaster, "SIGSTOP");
    onTestFinished(() => void (isAlive(postmaster) && process.kill(postmaster, "SIGQUIT")));
    try {
      const second = start(folder);
      await second.until(() => readOwner(folder)?.pid === second.child.pid);
      // It asks for an answer now, and gets none.
      await sleep(1_000);
      expect(await second.stop()).toBe(0);
      expect(readOwner(folder)).toBeUndefined();
    } finally {
      process.kill(postmaster, "SIGCONT");
    }
    await expect.poll(() => isAlive(postmaster), { timeout: 20_000 }).toBe(false);
    const third = start(folder);
    expect(await ready(await third.up())).toBe(200);
  });

  test("B1 a note of a pid that is another process by now, or of another boot, or garbage, stops nobody", async () => {
    const folder = newFolder();
    const first = start(folder);
    await first.up();
    await first.kill();
    process.kill(postmasterOf(folder), "SIGKILL");
    const reused = {
      pid: process.pid,
      started: "another-boot/1",
      host: "elsewhere",
      command: "serve",
      postgres: { pid: process.pid, port: 1 },
    };
    for (const text of [JSON.stringify(reused), JSON.stringify({ ...reused, started: startOf(process.pid) }), "{", ""]) {
      writeFileSync(path.join(folder, "hookline.pid"), text);
      writeFileSync(path.join(folder, "hookline.lock"), text);
      const next = start(folder);
      expect(await ready(await next.up())).toBe(200);
      expect(await next.stop()).toBe(0);
    }
  });

  test("B1 a copy of a running folder starts beside the original, which it leaves alone", async () => {
    const folder = newFolder();
    const original = start(folder);
    const url = await original.up();
    const copy = copyOf(folder);
    const beside = start(copy);
    const other = await beside.up();
    expect(await ready(other)).toBe(200);
    expect(postmasterOf(copy)).not.toBe(postmasterOf(folder));
    expect(await beside.stop()).toBe(0);
    expect(await ready(url)).toBe(200);
  });

  test("B1 while a command works in the folder, a start names it", async () => {
    const folder = newFolder();
    const first = start(folder);
    await first.up();
    await first.stop();
    rmSync(path.join(folder, "admin.token"));
    const { startEmbedded } = await import("../../src/embedded/start.ts");
    const held = await startEmbedded(folder, { command: "rekey" });
    const second = start(folder);
    expect((await second.ended).code).toBe(1);
    expect(second.err()).toContain(`\`hookline rekey\` is running on ${folder}: pid ${process.pid}`);
    await held.stop();
  });
});
