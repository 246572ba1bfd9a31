/** Commands that a signal ends: the process dies of it, and neither a Postgres nor half a file outlives it. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { processesIn } from "../../src/embedded/processes.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { run, start } from "./run.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hookline ending-"));
const file = path.join(folder, "made.hookline");
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
const on = (data: string) => ({ HOOKLINE_DATA_DIR: path.join(folder, data), HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT });
const postgresOf = (data: string) => processesIn(path.join(folder, data, "postgres/data")) ?? [];

beforeAll(async () => {
  expect((await run(["migrate"], on("installed"))).code).toBe(0);
  expect((await run(["backup", file], on("installed"))).code).toBe(0);
}, 60_000);
afterAll(() => {
  // Where a test failed there may be some.
  for (const data of readdirSync(folder)) for (const pid of postgresOf(data)) process.kill(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Sends `signal` so long after a Postgres runs in the folder. @returns what the process died of; its code, when it had ended before */
async function endedBy(args: readonly string[], data: string, signal: NodeJS.Signals, ms: number): Promise<NodeJS.Signals | number | null> {
  const command = start(args, on(data));
  await command.until(() => postgresOf(data).length > 0 || command.child.exitCode !== null);
  await sleep(ms);
  command.child.kill(signal);
  await command.ended;
  return command.child.signalCode ?? command.child.exitCode;
}

describe("B6 a signal that ends a command ends its embedded Postgres", { timeout: 120_000 }, () => {
  it("B6 restore, at any moment; the next one goes on", async () => {
    for (const [i, ms] of [0, 80, 250, 500].entries()) {
      const [signal, data] = [SIGNALS[i % SIGNALS.length] as NodeJS.Signals, `restored ${i}`];
      expect({ ms, died: await endedBy(["restore", file], data, signal, ms) }).toEqual({ ms, died: signal });
      expect({ ms, left: postgresOf(data) }).toEqual({ ms, left: [] });
      expect(await run(["restore", file], on(data))).toMatchObject({ code: 0, out: [expect.stringMatching(/^restored/)] });
      expect({ ms, left: postgresOf(data) }).toEqual({ ms, left: [] });
    }
  });

  it("B6 a first start that makes the cluster, and every other command that works on the database", async () => {
    const commands: [args: string[], data: string][] = [
      [["migrate"], "new"],
      [["backup", path.join(folder, "ended.hookline")], "installed"],
      [["user", "list"], "installed"],
      [["migrate", "--status"], "installed"],
      [["rekey"], "installed"],
    ];
    for (const [i, [args, data]] of commands.entries()) {
      const signal = SIGNALS[i % SIGNALS.length] as NodeJS.Signals;
      expect({ args, died: await endedBy(args, data, signal, 20) }).toEqual({ args, died: signal });
      expect({ args, left: postgresOf(data) }).toEqual({ args, left: [] });
    }
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it("B6 a shell sees 128 + the signal's number", () => {
    const pid = path.join(folder, "shell/postgres/data/postmaster.pid");
    const script = `${JSON.stringify(process.execPath)} src/cli.ts migrate & until [ -s "${pid}" ]; do sleep 0.02; done; kill -TERM $!; wait $!; echo $?`;
    const env = { PATH: String(process.env["PATH"]), ...on("shell") };
    expect(spawnSync("sh", ["-c", script], { env, encoding: "utf8", timeout: 60_000 }).stdout.trim()).toBe("143");
    expect(postgresOf("shell")).toEqual([]);
  });
});

it("B6 a backup that a signal ends leaves no part of a file", { timeout: 60_000 }, async () => {
  const admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
  const name = `hookline_ending_${randomBytes(6).toString("hex")}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  const env = { DATABASE_URL: url.href, HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT, HOOKLINE_DATA_DIR: folder };
  expect((await run(["migrate"], env)).code).toBe(0);
  const holder = new pg.Client({ connectionString: url.href });
  await holder.connect();
  await holder.query("BEGIN");
  await holder.query("LOCK TABLE event IN ACCESS EXCLUSIVE MODE");
  const partial = () => readdirSync(folder).filter((each) => each.endsWith(".partial"));
  for (const signal of SIGNALS) {
    const backup = start(["backup", path.join(folder, "held.hookline")], env);
    await backup.until(() => partial().length > 0);
    backup.child.kill(signal);
    await backup.ended;
    expect({ died: backup.child.signalCode, partial: partial() }).toEqual({ died: signal, partial: [] });
  }
  await holder.end();
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.end();
});
