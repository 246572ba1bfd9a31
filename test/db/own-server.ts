/** A Postgres of a test's own: of another version than the run's, or with certificates and a pg_hba.conf of its own. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Programs, programs, unprivileged } from "../../src/embedded/binaries.ts";
import { makeCluster } from "../../src/embedded/make.ts";
import { type Server, startServer } from "../../src/embedded/server.ts";

export interface OwnServer {
  /** Of its database `postgres`, without TLS. */
  url: URL;
  stop(): Promise<void>;
}

export interface OwnServerOptions {
  /** Those of the npm package unless given. */
  programs?: Programs;
  /** Lines of postgresql.conf. */
  conf?: string;
  /** Instead of initdb's, which takes every connection of this machine that has the password. */
  hba?: string;
  /** Put beside postgresql.conf, for nobody but the server to read: name → path. */
  files?: Record<string, string>;
}

export async function startOwnServer(options: OwnServerOptions = {}): Promise<OwnServer> {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline server-"));
  const home = path.join(folder, "postgres");
  const cluster = path.join(home, "data");
  mkdirSync(home, { mode: 0o700 });
  const runAs = await unprivileged(undefined);
  if (runAs) chownSync(home, runAs.uid, runAs.gid);
  const password = "own-Zebra-77";
  const parts = { cluster, runAs, programs: options.programs ?? (await programs()) };
  // As a database of any version may be, and Debian's 15 must be.
  await makeCluster({ ...parts, home, password, locale: ["--encoding=UTF8", "--locale=C"] });
  for (const [name, from] of Object.entries(options.files ?? {})) {
    const file = path.join(cluster, name);
    writeFileSync(file, readFileSync(from));
    chmodSync(file, 0o600);
    if (runAs) chownSync(file, runAs.uid, runAs.gid);
  }
  // Thrown away afterwards: nothing needs to reach the disk.
  writeFileSync(path.join(cluster, "postgresql.conf"), `fsync = off\nfull_page_writes = off\n${options.conf ?? ""}\n`, { flag: "a" });
  if (options.hba !== undefined) writeFileSync(path.join(cluster, "pg_hba.conf"), `${options.hba}\n`);
  const address = (port: number) => `postgres://hookline:${password}@127.0.0.1:${port}/postgres`;
  let launched: Server | undefined;
  const stop = async () => {
    await launched?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const logFile = path.join(folder, "postgres.log");
    const { server } = await startServer({ ...parts, logFile, address, launched: (server) => (launched = server) });
    return { url: new URL(address(server.port)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
