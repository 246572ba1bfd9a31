/** What ends the process, at any moment, and that nothing outlives it. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { processesIn } from "../src/embedded/processes.ts";
import { type Checkout, checkout } from "./helpers/checkout.ts";
import { MASTER_KEY_TEXT } from "./helpers/database.ts";
import { startProgram } from "./helpers/program.ts";

const TOKEN = "signals-0123456789abcdefghijklmnopqrstuvwxyz";
const undo: (() => void)[] = [];
afterAll(() => {
  for (const each of undo) each();
});
function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline signals-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const clusterOf = (folder: string) => path.join(folder, "postgres/data");
const isRoot = process.getuid?.() === 0;

describe("B6 a signal ends it, always", { timeout: 300_000 }, () => {
  test("B6 SIGTERM at any moment of a first start: exit 0, no Postgres left, and the next start comes up", async () => {
    const folder = newFolder();
    const times = [150, 400, 700, 900, 1100, 1400, 1800, 2300];
    for (const [i, ms] of times.entries()) {
      if (i % 2 === 0) rmSync(folder, { recursive: true, force: true });
      const program = startProgram({ HOOKLINE_DATA_DIR: folder });
      await sleep(ms);
      const asked = performance.now();
      program.child.kill(i % 3 === 0 ? "SIGINT" : "SIGTERM");
      const { code, signal } = await program.ended;
      // Until Node runs our first line the signal ends it by itself; nothing is made by then.
      const unborn = signal !== null && !existsSync(clusterOf(folder)) && program.out() === "";
      expect({ ms, code: unborn ? 0 : code, err: program.err() }).toEqual({ ms, code: 0, err: "" });
      expect(performance.now() - asked).toBeLessThan(5_000);
      expect(processesIn(clusterOf(folder))).toEqual([]);
    }
    const program = startProgram({ HOOKLINE_DATA_DIR: folder });
    await program.up();
    expect(await program.stop()).toBe(0);
  });

  test("B6 B2 kill -9 at random moments of a first start: the next start comes up, and nothing is lost", async () => {
    for (let i = 0; i < 5; i++) {
      const folder = newFolder();
      const program = startProgram({ HOOKLINE_DATA_DIR: folder });
      await sleep(300 + Math.random() * 2_200);
      await program.kill();
      const next = startProgram({ HOOKLINE_DATA_DIR: folder, HOOKLINE_ADMIN_TOKEN: TOKEN });
      const url = await next.up();
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      expect(await next.stop()).toBe(0);
      expect(processesIn(clusterOf(folder))).toEqual([]);
    }
  });

  test("B6 while it waits for a database, whether nobody listens there or nobody answers", { timeout: 150_000 }, async () => {
    const silent = createTcpServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    for (const port of [1, (silent.address() as AddressInfo).port]) {
      const env = {
        DATABASE_URL: `postgres://x:x@127.0.0.1:${port}/x`,
        HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
        HOOKLINE_DATA_DIR: newFolder(),
      };
      const program = startProgram(env);
      await sleep(2_500);
      expect(program.child.exitCode).toBeNull();
      const asked = performance.now();
      program.child.kill("SIGTERM");
      expect((await program.ended).code).toBe(0);
      // A connection is waited for five seconds; what does not heed the signal waits for its database thirty.
      expect(performance.now() - asked).toBeLessThan(20_000);
    }
    silent.close();
  });

  test.runIf(isRoot)("B6 as PID 1, while it waits for the database", async () => {
    const env = { DATABASE_URL: "postgres://x:x@127.0.0.1:1/x", HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT, HOOKLINE_DATA_DIR: newFolder() };
    const command = ["unshare", "--pid", "--fork", "--kill-child", process.execPath, path.resolve("src/main.ts")];
    const program = startProgram(env, { command });
    await program.until(() => program.err().includes("waiting for the database"));
    const inner = Number(execFileSync("pgrep", ["-P", String(program.child.pid)]).toString());
    process.kill(inner, "SIGTERM");
    expect((await program.ended).code).toBe(0);
  });

  test("B6 a second signal forces: exit 1 at once, and the Postgres ends too; one that comes twice is one", async () => {
    const folder = newFolder();
    const slow = createServer(() => undefined);
    slow.listen(0, "127.0.0.1");
    await once(slow, "listening");
    const program = startProgram({ HOOKLINE_DATA_DIR: folder, HOOKLINE_ADMIN_TOKEN: TOKEN });
    const url = await program.up();
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const input = {
      name: "Slow",
      targetUrl: `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`,
      eventTypes: ["*"],
      timeoutMs: 30_000,
    };
    const query = "mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename } }";
    await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables: { input } }) });
    const called = once(slow, "request");
    await fetch(`${url}/v1/events`, { method: "POST", headers, body: '{"type":"order.created"}' });
    await called;
    for (const _ of [1, 2]) program.child.kill("SIGINT");
    await sleep(1_000);
    expect(program.child.exitCode).toBeNull();
    program.child.kill("SIGINT");
    expect((await program.ended).code).toBe(1);
    expect(program.err()).toContain("SIGINT again: stopping at once");
    expect(processesIn(clusterOf(folder))).toEqual([]);
    slow.close();
  });

  test("B6 a terminal that is closed (SIGHUP) leaves no Postgres behind", async () => {
    const folder = newFolder();
    const program = startProgram({ HOOKLINE_DATA_DIR: folder });
    await program.up();
    program.child.kill("SIGHUP");
    expect((await program.ended).code).toBe(0);
    expect(processesIn(clusterOf(folder))).toEqual([]);
  });
});

describe("B6 npm start", { timeout: 120_000 }, () => {
  /** Of every process below this one, itself included. */
  function tree(pid: number): number[] {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
    return [pid, ...children.flatMap(tree)];
  }
  const alive = (pids: number[]) => pids.filter((pid) => processExists(pid));
  const processExists = (pid: number) => {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  };

  async function endsWith(signal: NodeJS.Signals, place: Checkout, as: string[]): Promise<void> {
    const env = { HOOKLINE_ADMIN_TOKEN: TOKEN, HOME: place.path, npm_config_update_notifier: "false" };
    const program = startProgram(env, { command: [...as, "npm", "start"], cwd: place.path });
    await program.up();
    const pids = tree(program.child.pid as number);
    const servers = processesIn(path.join(place.path, ".data/postgres/data")) ?? [];
    expect(pids.length).toBeGreaterThan(1);
    expect(servers.length).toBeGreaterThan(0);
    program.child.kill(signal);
    const { code } = await program.ended;
    expect({ signal, code }).toEqual({ signal, code: 0 });
    expect(alive([...pids, ...servers])).toEqual([]);
  }

  test("B6 SIGTERM or SIGINT to npm's pid ends the whole tree, in a path with spaces", async () => {
    const place = checkout("hookline with spaces");
    undo.push(place.remove);
    await endsWith("SIGTERM", place, []);
    await endsWith("SIGINT", place, []);
  });

  test.runIf(isRoot)("B6 the same as an unprivileged user", async () => {
    const place = checkout("hookline of nobody", "nobody");
    undo.push(place.remove);
    await endsWith("SIGTERM", place, ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]);
  });
});
