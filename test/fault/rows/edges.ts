/** Starts: twice in one folder, killed, on copies and parts of a folder, from a fresh clone. */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startReceiver } from "../../helpers/receiver.ts";
import {
  clusterOf,
  contents,
  copyOf,
  define,
  endPostgres,
  graphql,
  lastWords,
  listing,
  newFolder,
  post,
  readiness,
  remove,
  start,
  textOf,
  token,
} from "../folder.ts";
import type { Bench, LoneRow } from "../row.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

const E1: LoneRow = {
  id: "E1",
  title: "double starts in one folder, while the first takes and delivers events",
  short: false,
  edge: true,
  async alone(test) {
    const folder = newFolder();
    const receiver = await startReceiver();
    const first = await start(folder);
    try {
      test.check(await first.up(), `the first does not start: ${lastWords(first)}`);
      await define(first.url, "edges", `${receiver.url}/edges`);
      const rounds = test.full ? 10 : 4;
      const accepted: number[] = [];
      let stopped = false;
      const flow = (async () => {
        for (let n = 1; !stopped; n++) {
          const status = await post(first.url, n);
          test.check(status === 202, `while others start, an event is answered ${status}`);
          if (status === 202) accepted.push(n);
          await test.sleep(20);
        }
      })();
      for (let round = 0; round < rounds; round++) {
        const others = await Promise.all(
          Array.from({ length: 1 + Math.floor(test.random() * 3) }, () =>
            start(folder, test.random() < 0.5 ? { env: { PORT: new URL(first.url).port } } : {}),
          ),
        );
        for (const other of others) {
          if (test.random() < 0.2) await test.sleep(test.random() * 500).then(() => other.kill());
          else {
            const code = await other.ended;
            test.check(code === 1, `a second start ended with ${code}: ${lastWords(other)}`);
            test.check(lastWords(other).includes(`pid ${first.child.pid}, at ${first.url}`), `it says: ${lastWords(other)}`);
          }
        }
        test.check((await readiness(first.url)) === 200, "the first is not ready any more");
      }
      stopped = true;
      await flow;
      const numbers = () => receiver.calls.map((call) => Number(/"n":(\d+)/.exec(call.body.toString())?.[1]));
      await receiver.waitFor(() => accepted.every((n) => numbers().includes(n)), 30_000);
      test.check(String(numbers()) === String(accepted), `delivered otherwise than accepted: ${numbers().length} of ${accepted.length}`);
      test.say(`${rounds} rounds, ${accepted.length} events accepted and delivered in order meanwhile`);
      test.check((await first.stop()) === 0, "the first does not end with 0");
      test.check(!existsSync(path.join(clusterOf(folder), "postmaster.pid")), "its Postgres is left running");
    } finally {
      if (first.child.exitCode === null) await first.kill(true);
      await endPostgres(folder);
      await receiver.close();
      remove(folder);
    }
  },
};

/** As `contents` says it of a new installation. */
const NOTHING = "0 events, ";

/** How long one undisturbed start takes: kills fall within it. */
async function startTakes(test: Bench, folder: string, env: Record<string, string>): Promise<number> {
  const began = performance.now();
  const run = await start(folder, { env });
  test.check(await run.up(), `an undisturbed start fails: ${lastWords(run)}`);
  const took = performance.now() - began;
  await run.kill(true);
  return took;
}

/**
 * Starts and kills until `kills` are done; each folder is killed up to three times, then must come up and hold what it held.
 * @param before what its contents must be; undefined: a first start
 */
async function killStarts(test: Bench, kills: number, fresh: () => string, before: string | undefined): Promise<void> {
  // A first start makes its own token; an installation has one.
  const env = { HOOKLINE_ADMIN_TOKEN: before === undefined ? "" : token };
  const tokenOf = (folder: string) => (before === undefined ? (textOf(path.join(folder, "admin.token")) ?? "").trim() : token);
  const trial = fresh();
  const took = await startTakes(test, trial, env);
  remove(trial);
  const longest: number[] = [];
  for (let done = 0; done < kills; ) {
    const folder = fresh();
    const moments: string[] = [];
    let key: string | undefined;
    for (let i = 0; i < 1 + Math.floor(test.random() * 3) && done < kills; i++, done++) {
      const run = await start(folder, { env });
      // Some a little after: the first moments of a server that is up.
      const at = test.random() * took * 1.15;
      const all = test.random() < 0.5;
      moments.push(`${at.toFixed(0)} ms${all ? " with Postgres" : ""}`);
      await test.sleep(at);
      await run.kill(all);
      const now = textOf(path.join(folder, "master.key"));
      test.check(key === undefined || key === now, `after kills at ${moments}: another master key`);
      key ??= now;
    }
    const began = performance.now();
    const run = await start(folder, { env });
    const up = await run.up().catch((error: Error) => {
      test.check(false, `after kills at ${moments}: ${error.message}`);
      return false;
    });
    test.check(up, `after kills at ${moments} it does not start: ${lastWords(run)}`);
    if (up) {
      longest.push(performance.now() - began);
      const there = await contents(run.url, tokenOf(folder)).catch((error: Error) => error.message);
      test.check(there === (before ?? NOTHING), `after kills at ${moments} it holds ${there}, not ${before ?? NOTHING}`);
      test.check((await post(run.url, 1, tokenOf(folder))) === 202, `after kills at ${moments} it takes no event`);
      test.check((await run.stop()) === 0, `after kills at ${moments} it does not stop`);
      const left = existsSync(path.join(folder, "postgres")) ? readdirSync(path.join(folder, "postgres")) : [];
      test.check(!left.some((name) => name.startsWith("making-")), `after kills at ${moments} there is ${left}`);
    } else await run.kill(true);
    await endPostgres(folder);
    remove(folder);
  }
  test.say(`${kills} kills within ${took.toFixed(0)} ms, the start after them took at most ${Math.max(...longest, 0).toFixed(0)} ms`);
}

const F43: LoneRow = {
  id: "F43",
  title: "kills at random moments of a first start and of an upgrade from 0.1",
  short: true,
  edge: true,
  async alone(test) {
    await killStarts(test, test.full ? 100 : 5, newFolder, undefined);
    const { oldFolder, OLD } = await import("../old-folder.ts");
    const old = await oldFolder();
    try {
      await killStarts(test, test.full ? 40 : 3, () => copyOf(old), OLD);
    } finally {
      remove(old);
    }
  },
};

const E2: LoneRow = {
  id: "E2",
  title: "restored, copied and partial data folders: it starts with what it held, or says why not and touches nothing",
  short: false,
  edge: true,
  async alone(test) {
    const folder = newFolder();
    const receiver = await startReceiver();
    const first = await start(folder);
    test.check(await first.up(), `the first does not start: ${lastWords(first)}`);
    await define(first.url, "edges", `${receiver.url}/edges`);
    for (let n = 1; n <= 30; n++) await post(first.url, n);
    await receiver.waitFor(30);
    // What is settled is not sent again by a copy.
    const settled = "{ webhookRequests(first: 1, filter: { lifeCycleState: [SUCCESSFUL] }) { totalCount } }";
    const isSettled = async () =>
      (await graphql<{ webhookRequests: { totalCount: number } }>(first.url, settled)).webhookRequests.totalCount === 30;
    for (const deadline = performance.now() + 20_000; !(await isSettled()) && performance.now() < deadline; ) await test.sleep(50);
    const held = await contents(first.url);
    const running = copyOf(folder);
    await first.kill(true);
    const killed = copyOf(folder);
    const again = await start(folder);
    test.check(await again.up(), `after a kill it does not start: ${lastWords(again)}`);
    await again.stop();
    const calls = receiver.calls.length;
    let [started, refused] = [0, 0];

    async function judge(what: string, copy: string): Promise<void> {
      const before = listing(copy);
      const run = await start(copy);
      const up = await run.up().catch(() => false);
      if (up) {
        started += 1;
        const there = await contents(run.url).catch((error: Error) => error.message);
        test.check(there === held, `${what}: it starts with ${there}, not ${held}`);
        test.check((await run.stop()) === 0, `${what}: it does not stop`);
      } else {
        refused += 1;
        const words = lastWords(run);
        test.check(run.child.exitCode === 1, `${what}: ended with ${run.child.exitCode ?? run.child.signalCode}`);
        test.check(
          /^(Hookline could not start: |HOOKLINE_\w+: |\s+HOOKLINE_|.*HOOKLINE_)/.test(words) && !/^\s+at /m.test(run.output()),
          `${what}: it says ${run.output()}`,
        );
        test.check(listing(copy) === before, `${what}: refused, and changed the folder`);
      }
      await endPostgres(copy);
      remove(copy);
    }
    try {
      await judge("a copy of a running folder", running);
      await judge("a copy of a killed one", killed);
      await judge("a whole copy", copyOf(folder));
      const parts = [
        ...readdirSync(folder).filter((name) => name !== "postgres"),
        "postgres",
        "postgres/data",
        ...readdirSync(clusterOf(folder)).map((name) => `postgres/data/${name}`),
      ];
      const chosen = test.full ? parts : parts.filter(() => test.random() < 0.25);
      for (const part of chosen) {
        const copy = copyOf(folder);
        rmSync(path.join(copy, part), { recursive: true });
        // Without its cluster it is a new folder, unless a key says that there was one.
        await judge(`without ${part}`, copy);
      }
      test.say(`${held}; ${started} copies started with it, ${refused} of ${chosen.length} partial ones were refused untouched`);
      test.check(receiver.calls.length === calls, "a copy delivered again what was settled");
    } finally {
      await endPostgres(folder);
      remove(folder);
      await receiver.close();
    }
  },
};

const E3: LoneRow = {
  id: "E3",
  title: "a fresh clone, by a user without rights, in a path with spaces",
  short: false,
  edge: true,
  async alone(test) {
    const home = mkdtempSync(path.join(tmpdir(), "hookline clone "));
    const clone = path.join(home, "my own clone");
    const receiver = await startReceiver();
    try {
      execFileSync("git", ["clone", "-q", ROOT, clone], { stdio: "pipe" });
      // What `npm ci` makes: the packages, which any user may read, and the generated client.
      execFileSync("cp", ["-al", path.join(ROOT, "node_modules"), path.join(clone, "node_modules")]);
      cpSync(path.join(ROOT, "src/db/generated"), path.join(clone, "src/db/generated"), { recursive: true });
      mkdirSync(path.join(clone, ".data"));
      chmodSync(home, 0o755);
      const asRoot = process.getuid?.() === 0;
      // The packages are hard links: their owner is that of the ones in use, so they stay.
      if (asRoot)
        execFileSync("sh", [
          "-c",
          'chown nobody: "$0" && find "$0" -path "$0/node_modules" -prune -o -print0 | xargs -0 chown -h nobody:',
          clone,
        ]);
      const user = asRoot ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] : [];
      const run = await start(path.join(clone, ".data"), {
        command: [...user, "npm", "start"],
        cwd: clone,
        env: { HOME: home, HOOKLINE_DATA_DIR: "" },
      });
      try {
        test.check(await run.up(), `npm start fails: ${run.output().slice(-2_000)}`);
        await define(run.url, "edges", `${receiver.url}/edges`);
        for (let n = 1; n <= 5; n++) test.check((await post(run.url, n)) === 202, "an event is not accepted");
        await receiver.waitFor(5);
        test.say(`${asRoot ? "as nobody" : "as this user"} in "${clone}": 5 events delivered`);
        test.check((await run.stop()) === 0, `SIGTERM to npm: ${run.child.exitCode ?? run.child.signalCode}`);
        test.check(!existsSync(path.join(clone, ".data/postgres/data/postmaster.pid")), "its Postgres is left running");
        if (asRoot) {
          const others = execFileSync("find", [path.join(clone, ".data"), "!", "-user", "nobody"]).toString();
          test.check(others === "", `not its user's: ${others}`);
        }
      } finally {
        if (run.child.exitCode === null) await run.kill(true);
        await endPostgres(path.join(clone, ".data"));
      }
    } finally {
      await receiver.close();
      remove(home);
    }
  },
};

export const edges = [E1, E2, E3, F43];
