/** What stands in a data folder: copies, restored parts, lost files, foreign owners. It starts, or says why not. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { isAlive } from "../../src/embedded/processes.ts";
import { startEmbedded } from "../../src/embedded/start.ts";
import { clusterOf, copyOf, folderWithData, keptIn, listing, newFolder, postmasterOf, query } from "./folder.ts";

let whole: string;
beforeAll(async () => {
  whole = await folderWithData();
}, 60_000);

/** Starts, with its data; then stops. @returns the notes */
async function starts(folder: string): Promise<string[]> {
  const postgres = await startEmbedded(folder);
  try {
    expect(await keptIn(postgres)).toBe(42);
    return postgres.notes;
  } finally {
    await postgres.stop();
  }
}

/** Refuses with these words and changes nothing. */
async function refuses(folder: string, words: RegExp): Promise<void> {
  const before = listing(folder);
  await expect(startEmbedded(folder)).rejects.toThrow(words);
  expect(listing(folder)).toEqual(before);
}

test("letters beyond ASCII have a case, and text sorts by its bytes", async () => {
  const postgres = await startEmbedded(newFolder());
  try {
    const asked = `SELECT 'BLÅBÆR жук' ILIKE 'blåbær ЖУК' AS same,
      (SELECT string_agg(x, ' ' ORDER BY x) FROM unnest('{a,B,ä,Z,_x,10,9,大,🦓}'::text[]) x) AS sorted`;
    expect(await query(postgres.url, asked)).toEqual([{ same: true, sorted: "10 9 B Z _x a ä 大 🦓" }]);
  } finally {
    await postgres.stop();
  }
});

describe("B2 nothing is deleted that this run did not make", { timeout: 150_000 }, () => {
  test("B2 a lost, empty or wrong postgres.password is set anew, and the data is there", async () => {
    const folder = copyOf(whole);
    const file = path.join(folder, "postgres.password");
    rmSync(file);
    expect(await starts(folder)).toEqual([`${file} was missing: the cluster has a new password`]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, "\n");
    expect(await starts(folder)).toHaveLength(1);
    writeFileSync(file, "not'the; password\\of this cluster\n");
    expect((await starts(folder))[0]).toContain("did not fit the cluster");
    expect(await starts(folder)).toEqual([]);
  });

  test("B2 a lost password of a server that a killed Hookline left running", async () => {
    const folder = copyOf(whole);
    const script = `import { startEmbedded } from ${JSON.stringify(path.resolve("src/embedded/start.ts"))};
      await startEmbedded(${JSON.stringify(folder)}); process.kill(process.pid, "SIGKILL");`;
    expect(() => execFileSync(process.execPath, ["--input-type=module", "-e", script])).toThrow();
    const left = postmasterOf(folder);
    expect(isAlive(left)).toBe(true);
    rmSync(path.join(folder, "postgres.password"));
    expect(await starts(folder)).toHaveLength(1);
    expect(isAlive(left)).toBe(false);
  });

  test("B2 killed while the cluster of a restore is made, with the key beside it: the next start makes it anew", async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, "master.key"), "x");
    const script = `import { startEmbedded } from ${JSON.stringify(path.resolve("src/embedded/start.ts"))};
      await startEmbedded(${JSON.stringify(folder)}, { launched: () => process.kill(process.pid, "SIGKILL") });`;
    expect(() => execFileSync(process.execPath, ["--input-type=module", "-e", script])).toThrow();
    expect(existsSync(path.join(folder, "postgres"))).toBe(true);
    expect(existsSync(path.join(folder, "postgres.password"))).toBe(false);
    const postgres = await startEmbedded(folder);
    await postgres.stop();
  });

  test.each([
    ["pg_wal", /pg_wal is missing.*Without pg_wal/],
    ["PG_VERSION", /PG_VERSION is missing/],
    ["global", /global, global\/pg_control are missing/],
    ["base", /base is missing/],
    ["pg_xact", /pg_xact is missing/],
    ["postgresql.conf", /postgresql.conf is missing/],
  ])("B2 without %s it says so and touches nothing", async (name, words) => {
    const folder = copyOf(whole);
    rmSync(path.join(clusterOf(folder), name), { recursive: true });
    await refuses(folder, words);
  });

  test("B2 without the whole cluster, where a key says that there was one", async () => {
    const folder = copyOf(whole);
    writeFileSync(path.join(folder, "master.key"), "x");
    for (const gone of [clusterOf(folder), path.join(folder, "postgres")]) {
      rmSync(gone, { recursive: true });
      await refuses(folder, /postgres\/data is missing, though .* has served before: bring it back .* remove .*postgres\.password/);
    }
    // Both ways on: the password given up, and a new folder with nothing but the key.
    rmSync(path.join(folder, "postgres.password"));
    const postgres = await startEmbedded(folder);
    await postgres.stop();
  });

  test("B2 empty folders that a copy left out are made again", async () => {
    const folder = copyOf(whole);
    execFileSync("find", [clusterOf(folder), "-depth", "-type", "d", "-empty", "-delete"]);
    expect((await starts(folder)).join("\n")).toContain("pg_notify was missing and is made again");
  });

  test("B2 a whole cluster without the files beside it, without postmaster.opts, in another place", async () => {
    const folder = newFolder();
    mkdirSync(path.join(folder, "postgres"));
    execFileSync("cp", ["-a", clusterOf(whole), path.join(folder, "postgres/data")]);
    rmSync(path.join(clusterOf(folder), "postmaster.opts"));
    expect(await starts(folder)).toHaveLength(1);
  });

  test("B2 a cluster of another major version: the two commands that move it", async () => {
    const folder = copyOf(whole);
    writeFileSync(path.join(clusterOf(folder), "PG_VERSION"), "17\n");
    await refuses(folder, /made by Postgres 17, and this Hookline brings Postgres 18.*hookline backup FILE.*hookline restore FILE/);
  });

  test("B2 an unfinished cluster of a killed run is made anew; one that ever served, or that has no marker, is left alone", async () => {
    const folder = newFolder();
    const home = path.join(folder, "postgres");
    const unfinished = (name: string, files: string[]) => {
      mkdirSync(path.join(home, name, "data"), { recursive: true });
      for (const file of files) writeFileSync(path.join(home, name, file), "");
    };
    unfinished("making-1", ["UNFINISHED", "data/PG_VERSION"]);
    unfinished("making-2", ["UNFINISHED", "data/PG_VERSION", "data/postmaster.opts"]);
    unfinished("making-mine", ["data/PG_VERSION"]);
    // Of a run that was killed before it had written anything into it, or after it had removed all of it.
    mkdirSync(path.join(home, "making-4"));
    const postgres = await startEmbedded(folder);
    await query(postgres.url, "SELECT 1");
    await postgres.stop();
    expect(listing(folder).filter((name) => name.includes("making"))).toEqual([
      "/postgres/making-2",
      "/postgres/making-2/UNFINISHED",
      "/postgres/making-2/data",
      "/postgres/making-2/data/PG_VERSION",
      "/postgres/making-2/data/postmaster.opts",
      "/postgres/making-mine",
      "/postgres/making-mine/data",
      "/postgres/making-mine/data/PG_VERSION",
    ]);
  });

  test("B2 what 0.1 left half made is made anew: its handover file is there, and no server ever ran", async () => {
    const folder = newFolder();
    mkdirSync(clusterOf(folder), { recursive: true });
    writeFileSync(path.join(clusterOf(folder), "PG_VERSION"), "18\n");
    writeFileSync(path.join(folder, "postgres/initdb.password"), "x");
    const postgres = await startEmbedded(folder);
    await postgres.stop();
    const served = copyOf(whole);
    writeFileSync(path.join(served, "postgres/initdb.password"), "x");
    await starts(served);
  });
});

describe("B1 stale and foreign things in the folder", { timeout: 150_000 }, () => {
  test("B1 a postmaster.pid whose pid is another process, or nobody", async () => {
    const folder = copyOf(whole);
    for (const pid of [process.pid, 2 ** 22 - 3]) {
      writeFileSync(
        path.join(clusterOf(folder), "postmaster.pid"),
        `${pid}\n${clusterOf(folder)}\n1700000000\n5432\n\n127.0.0.1\n  1 1\nready\n`,
      );
      await starts(folder);
    }
  });

  test("B1 a Postgres that Hookline did not start is used and left running", async () => {
    const folder = copyOf(whole);
    const first = await startEmbedded(folder);
    const port = first.port;
    await first.stop();
    const owner = statSync(clusterOf(folder));
    const { launch, programs, unprivileged } = await import("../../src/embedded/binaries.ts");
    const words = [...((await unprivileged(owner))?.prefix ?? []), (await programs()).postgres];
    const foreign = launch(
      [...words, "-D", clusterOf(folder), "-p", String(port), "-c", "unix_socket_directories="],
      ["ignore", "ignore", "ignore"],
    );
    const ended = new Promise((resolve) => foreign.once("exit", resolve));
    for (;;) {
      if ((await query(first.url, "SELECT 1").catch(() => [])).length === 1) break;
    }
    const beside = await startEmbedded(folder);
    expect({ port: beside.port, started: beside.started }).toEqual({ port, started: false });
    await beside.stop();
    expect(await query(first.url, "SELECT value FROM kept")).toEqual([{ value: 42 }]);
    foreign.kill("SIGINT");
    await ended;
  });

  test("B1 a killed server, its note still there", async () => {
    const folder = copyOf(whole);
    const first = await startEmbedded(folder);
    process.kill(postmasterOf(folder), "SIGKILL");
    await first.stop();
    await starts(folder);
  });
});

describe("B2 places and rights", { timeout: 150_000 }, () => {
  test("B2 rights that are too open are mended, and told", async () => {
    const folder = copyOf(whole);
    chmodSync(clusterOf(folder), 0o777);
    chmodSync(path.join(folder, "postgres.password"), 0o644);
    const notes = await starts(folder);
    expect(notes.join("\n")).toMatch(/postgres\/data could be read.*\n.*postgres.password could be read/);
    expect([clusterOf(folder), path.join(folder, "postgres.password")].map((file) => statSync(file).mode & 0o777)).toEqual([0o700, 0o600]);
  });

  test("B2 through symbolic links, and not through dangling ones", async () => {
    const folder = copyOf(whole);
    const link = path.join(newFolder(), "link");
    symlinkSync(folder, link);
    await starts(link);
    const moved = path.join(newFolder(), "elsewhere");
    renameSync(clusterOf(folder), moved);
    symlinkSync(moved, clusterOf(folder));
    await starts(folder);
    rmSync(clusterOf(folder));
    symlinkSync("/nowhere/at/all", clusterOf(folder));
    await refuses(folder, /is a symbolic link to \/nowhere\/at\/all, where nothing is/);
  });

  const asRoot = process.getuid?.() === 0;
  test.runIf(asRoot)("B2 as root: a cluster of root's is given away, one of another user is run as that user", async () => {
    const folder = copyOf(whole);
    execFileSync("chown", ["-R", "0:0", folder]);
    await starts(folder);
    expect(statSync(clusterOf(folder)).uid).not.toBe(0);
    execFileSync("chown", ["-R", "12345:12345", folder]);
    await starts(folder);
    expect(statSync(path.join(clusterOf(folder), "PG_VERSION")).uid).toBe(12345);
    // And that user can go on: nothing in the folder has become root's.
    expect(execFileSync("find", [folder, "-user", "root"]).toString()).toBe("");
  });

  /** A file system of its own for the test; undefined where nothing may be mounted. */
  function mounted(options: string): string | undefined {
    const folder = newFolder();
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", folder], { stdio: "ignore" });
    } catch {
      return undefined;
    }
    onTestFinished(() => void execFileSync("umount", ["-l", folder]));
    return folder;
  }

  test.runIf(asRoot)("B2 on a full disk it says so, leaves nothing half made, and starts once there is room", async () => {
    const folder = mounted("size=20m");
    expect(folder).toBeDefined();
    if (!folder) return;
    await expect(startEmbedded(folder)).rejects.toThrow(/No space left on device|the disk is full/);
    expect(listing(folder).filter((name) => name.includes("data") || name.includes("making"))).toEqual([]);
    execFileSync("mount", ["-o", "remount,size=300m", folder]);
    const postgres = await startEmbedded(folder);
    await postgres.stop();
    execFileSync("mount", ["-o", "remount,ro", folder]);
    await expect(startEmbedded(folder)).rejects.toThrow(/HOOKLINE_DATA_DIR: .*read-only/);
  });

  test("B2 a server that says why it does not start", async () => {
    const folder = copyOf(whole);
    writeFileSync(path.join(clusterOf(folder), "postgresql.conf"), "shared_preload_libraries = 'nothing_of_the_kind'\n");
    await expect(startEmbedded(folder)).rejects.toThrow(/Postgres does not start: .*nothing_of_the_kind.*postgres\.log/);
    expect(readFileSync(path.join(clusterOf(folder), "PG_VERSION"), "utf8")).toBe("18\n");
  });
});
