/**
 * TLS to a real server with certificates of its own, whose pg_hba.conf takes nothing else. What fails says what to do, and
 * no piece of the password. In CI openssl has to be there; elsewhere the tests run where it is.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { checkSessions } from "../../src/db/probe.ts";
import { DatabaseRefusal } from "../../src/db/refusal.ts";
import { clientConfig, SessionClient } from "../../src/db/session-client.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { startProgram } from "../helpers/program.ts";
import { type OwnServer, startOwnServer } from "./own-server.ts";

const fixtures = path.resolve(import.meta.dirname, "../fixtures/tls");
const folder = mkdtempSync(path.join(tmpdir(), "hookline tls-"));
const at = (name: string) => path.join(folder, name);
const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });

function makeCa(name: string, subject: string): void {
  openssl(
    ..."req -x509 -newkey rsa:2048 -nodes -days 1 -subj".split(" "),
    `/CN=${subject}`,
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.crt`,
  );
}

function makeCertificate(name: string, subject: string, ca: string, names: string): void {
  openssl(..."req -newkey rsa:2048 -nodes -subj".split(" "), `/CN=${subject}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
  writeFileSync(at(`${name}.ext`), `subjectAltName=${names}\n`);
  const signed = ["-CA", `${ca}.crt`, "-CAkey", `${ca}.key`, "-CAcreateserial", "-days", "1", "-extfile", `${name}.ext`];
  openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-out", `${name}.crt`);
}

describe.runIf(existsSync("/usr/bin/openssl") || process.env["CI"] !== undefined)("B15 TLS", () => {
  let server: OwnServer;

  beforeAll(async () => {
    makeCa("ca", "Test CA");
    makeCa("other", "Other CA");
    makeCa("namesake", "Test CA");
    makeCertificate("server", "localhost", "ca", "DNS:localhost");
    makeCertificate("hookline", "hookline", "ca", "DNS:hookline");
    server = await startOwnServer({
      files: {
        "server.crt": at("server.crt"),
        "server.key": at("server.key"),
        "ca.crt": at("ca.crt"),
        "expired.crt": path.join(fixtures, "expired.pem"),
        "expired.key": path.join(fixtures, "key.pem"),
      },
      conf: "ssl = on\nssl_ca_file = 'ca.crt'",
      // Without TLS only `postgres` is reached, by the test itself.
      hba: [
        "host postgres hookline 127.0.0.1/32 scram-sha-256",
        "hostssl certified hookline 127.0.0.1/32 cert",
        "hostssl all all 127.0.0.1/32 scram-sha-256",
      ].join("\n"),
    });
    await asAdmin("CREATE DATABASE certified");
    await asAdmin("CREATE DATABASE secret");
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function asAdmin(text: string): Promise<void> {
    const admin = new SessionClient(clientConfig({ url: server.url.href, purpose: "test" }));
    await admin.connect();
    await admin.query(text);
    await admin.end();
  }

  function address(host: string, parameters: Record<string, string>, database = "secret"): string {
    const url = new URL(server.url);
    [url.hostname, url.pathname] = [host, `/${database}`];
    url.search = new URLSearchParams(parameters).toString();
    return url.href;
  }

  const ca = { sslrootcert: at("ca.crt") };

  test.each([
    ["require without a CA", "127.0.0.1", { sslmode: "require" }, "secret"],
    ["require with the right CA", "127.0.0.1", { sslmode: "require", ...ca }, "secret"],
    ["verify-ca leaves the name out", "127.0.0.1", { sslmode: "verify-ca", ...ca }, "secret"],
    ["verify-full by a name that it has", "localhost", { sslmode: "verify-full", ...ca }, "secret"],
    ["direct negotiation", "localhost", { sslmode: "verify-full", sslnegotiation: "direct", ...ca }, "secret"],
    [
      "a client certificate",
      "localhost",
      { sslmode: "verify-full", ...ca, sslcert: at("hookline.crt"), sslkey: at("hookline.key") },
      "certified",
    ],
  ] as const)("B15 %s: every session is encrypted", async (_name, host, parameters, database) => {
    const url = address(host, parameters, database);
    await checkSessions(url);
    const client = new SessionClient(clientConfig({ url, purpose: "test" }));
    await client.connect();
    const { rows } = (await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")) as pg.QueryResult;
    await client.end();
    expect(rows).toEqual([{ ssl: true }]);
  });

  const UNTRUSTED = /^the server's certificate is of no CA that is trusted here \(\w+\): .* sslrootcert=…$/;
  test.each([
    ["require with another CA", "127.0.0.1", { sslmode: "require", sslrootcert: at("other.crt") }, "secret", UNTRUSTED],
    ["another CA of the same name", "localhost", { sslmode: "verify-full", sslrootcert: at("namesake.crt") }, "secret", UNTRUSTED],
    ["verify-ca with another CA", "localhost", { sslmode: "verify-ca", sslrootcert: at("other.crt") }, "secret", UNTRUSTED],
    ["verify-full without a CA", "localhost", { sslmode: "verify-full" }, "secret", UNTRUSTED],
    [
      "verify-full by another name",
      "127.0.0.1",
      { sslmode: "verify-full", ...ca },
      "secret",
      /^.* is for DNS:localhost, not .* sslmode=verify-ca/,
    ],
    ["no TLS where it is asked for", "127.0.0.1", { sslmode: "disable" }, "secret", /without TLS: set sslmode=require/],
    ["no mode at all", "127.0.0.1", {}, "secret", /without TLS: set sslmode=require/],
  ] as const)("B15 %s is refused, with the mend", async (_name, host, parameters, database, sentence) => {
    const refusal = await checkSessions(address(host, parameters, database)).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(refusal).toBeInstanceOf(DatabaseRefusal);
    expect(refusal?.message).toMatch(sentence);
    for (const piece of ["own", "Zebra", "77"]) expect(refusal?.message).not.toMatch(new RegExp(`\\b${piece}\\b`));
  });

  test("B15 a server without TLS that is asked for it", async () => {
    const url = new URL(inject("serverUrl"));
    url.searchParams.set("sslmode", "require");
    await expect(checkSessions(url.href)).rejects.toThrow(/^the server does no TLS, and DATABASE_URL asks for it: .* sslmode=disable$/);
  });

  test("B15 the program ends with that sentence alone, and exit code 1", async () => {
    const program = startProgram({
      DATABASE_URL: address("localhost", { sslmode: "verify-full", sslrootcert: at("other.crt") }),
      HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
      HOOKLINE_DATA_DIR: at("data"),
    });
    expect((await program.ended).code).toBe(1);
    expect(program.err()).toMatch(/^Hookline could not start: the server's certificate is of no CA .* sslrootcert=…\n$/);
    expect(program.out() + program.err()).not.toContain("Zebra");
  });

  test("B15 a certificate that has expired", async () => {
    await asAdmin("ALTER SYSTEM SET ssl_key_file = 'expired.key'");
    await asAdmin("ALTER SYSTEM SET ssl_cert_file = 'expired.crt'");
    await asAdmin("SELECT pg_reload_conf()");
    const url = address("localhost", { sslmode: "verify-full", sslrootcert: path.join(fixtures, "ca.pem") });
    await expect
      .poll(() => checkSessions(url).catch((error: Error) => error.message))
      .toMatch(/^the server's certificate is not valid now \(CERT_HAS_EXPIRED\): renew it/);
  });
});
