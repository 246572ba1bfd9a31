/** The environment as operators write it: every mistake at once, each with its variable and the mend. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SECRETS } from "../src/config/secret-files.ts";
import { ConfigError, readClientConfig, readConfig, VARIABLES } from "../src/config.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hookline config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => path.join(folder, name);
const KEY = Buffer.alloc(32, 3).toString("base64");
const TOKEN = "config-0123456789abcdefghijklmnop";

function problemsOf(env: Record<string, string>, options: { places?: boolean } = {}): string[] {
  try {
    readConfig(env, options);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.split("\n  ").slice(1);
  }
}

test("B9 all mistakes at once, each by its variable and with what to write: numbers, CIDRs, tokens, keys, files, folders", () => {
  writeFileSync(at("file"), "");
  const problems = problemsOf(
    {
      PORT: "many",
      HOOKLINE_ROLES: "cook",
      HOOKLINE_ADMIN_TOKEN: `${" ".repeat(31)}a`,
      HOOKLINE_MASTER_KEY_FILE: at("nothing"),
      HOOKLINE_PUBLIC_URL: "hooks.example.com",
      HOOKLINE_EGRESS_ALLOW: "10.0.0.0/33,fd00::/8,localhost",
      HOOKLINE_TRUSTED_PROXIES: "999.1.1.1",
      HOOKLINE_SMTP_URL: "mail.example.com",
      HOOKLINE_RETRY_SCALE: "-1",
      HOOKLINE_SHUTDOWN_GRACE_MS: "20s",
      HOOKLINE_DELIVERY: "maybe",
      HOOKLINE_DATA_DIR: at("file"),
    },
    { places: true },
  );
  expect(problems.sort()).toEqual([
    expect.stringMatching(/^HOOKLINE_ADMIN_TOKEN: must have 32 characters or more, not counting white space/),
    expect.stringMatching(/^HOOKLINE_DATA_DIR: .*file is a file: name a folder/),
    expect.stringMatching(/^HOOKLINE_DELIVERY: must be/),
    expect.stringMatching(/^HOOKLINE_EGRESS_ALLOW: "10.0.0.0\/33" is no CIDR: write such as/),
    expect.stringMatching(/^HOOKLINE_EGRESS_ALLOW: "localhost" is no CIDR/),
    expect.stringMatching(/^HOOKLINE_MASTER_KEY_FILE: .*nothing does not exist/),
    expect.stringMatching(/^HOOKLINE_PUBLIC_URL: must be an http or https URL/),
    "HOOKLINE_RETRY_SCALE: must be a number from 0 to 1000",
    "HOOKLINE_ROLES: must be api, worker, or api,worker",
    "HOOKLINE_SHUTDOWN_GRACE_MS: must be a whole number from 0 to 600000",
    expect.stringMatching(/^HOOKLINE_SMTP_URL: must be such as smtp:/),
    expect.stringMatching(/^HOOKLINE_TRUSTED_PROXIES: "999.1.1.1" is no CIDR/),
    "PORT: must be a whole number from 0 to 65535",
  ]);
});

test("B9 one variable's mistake hides none that two make together: every pair is named, and what is set wrongly is not called missing", () => {
  const both = { PORT: "4000", HOOKLINE_METRICS_PORT: "4000", HOOKLINE_OIDC_CLIENT_ID: "x", HOOKLINE_OIDC_ISSUER: "no URL" };
  expect(problemsOf({ ...both, HOOKLINE_LOG_LEVEL: "loud", HOOKLINE_OIDC_CLIENT_SECRET_FILE: at("nothing") }).sort()).toEqual([
    "HOOKLINE_LOG_LEVEL: must be trace, debug, info, warn, error or silent",
    "HOOKLINE_METRICS_PORT: is PORT too: give /metrics a port of its own",
    expect.stringMatching(/^HOOKLINE_OIDC_CLIENT_SECRET_FILE: .*nothing does not exist/),
    expect.stringMatching(/^HOOKLINE_OIDC_ISSUER: must be the issuer's URL/),
  ]);
  expect(problemsOf({ PORT: "abc", HOOKLINE_OIDC_CLIENT_ID: "x" }).sort()).toEqual([
    "HOOKLINE_OIDC_CLIENT_SECRET: is needed for single sign-on beside the other HOOKLINE_OIDC_ ones",
    "HOOKLINE_OIDC_ISSUER: is needed for single sign-on beside the other HOOKLINE_OIDC_ ones",
    "PORT: must be a whole number from 0 to 65535",
  ]);
});

describe("B9 HOOKLINE_ADMIN_TOKEN", () => {
  test.each(["a".repeat(64), "password".repeat(8), `${"ab".repeat(20)}`, " ".repeat(64), "\t a \t".repeat(1).padEnd(80), "1".repeat(31)])(
    "B9 is refused when it is plainly no secret: %j",
    (token) => {
      expect(problemsOf({ HOOKLINE_ADMIN_TOKEN: token })).toEqual([expect.stringMatching(/^HOOKLINE_ADMIN_TOKEN: .*openssl rand -hex 24/)]);
    },
  );

  test.each([
    TOKEN,
    "0123456789abcdef".repeat(2),
    "überall 32 Zeichen, für 5 € oder mehr",
    execFileSync("openssl", ["rand", "-hex", "24"]).toString().trim(),
  ])("B9 any other text of 32 characters will do: %j", (token) => {
    expect(readConfig({ HOOKLINE_ADMIN_TOKEN: ` ${token}\n` }).adminToken).toBe(token);
  });
});

describe("B9 NAME_FILE", () => {
  test("each is named where operators read of them", () => {
    const docs = readFileSync("docs/operations.md", "utf8");
    expect(SECRETS.filter((name) => !docs.includes(`${name}_FILE`))).toEqual([]);
  });

  test("each is of a variable that is read", () => {
    const known = VARIABLES.map(({ name }) => name);
    expect(SECRETS.filter((name) => !known.includes(name))).toEqual([]);
  });

  test("B9 every secret may stand in a file, which a line's end ends", () => {
    writeFileSync(at("url"), "postgres://u:p@127.0.0.1/x\n");
    writeFileSync(at("key"), `1:${KEY}\n`);
    writeFileSync(at("token"), `${TOKEN}\n`);
    writeFileSync(at("smtp"), "smtp://u:p@mail.example.com:587");
    symlinkSync(at("token"), at("linked"));
    const config = readConfig({
      DATABASE_URL_FILE: at("url"),
      HOOKLINE_MASTER_KEY_FILE: at("key"),
      HOOKLINE_ADMIN_TOKEN_FILE: at("linked"),
      HOOKLINE_SMTP_URL_FILE: at("smtp"),
    });
    expect(config).toMatchObject({
      databaseUrl: "postgres://u:p@127.0.0.1/x",
      adminToken: TOKEN,
      smtpUrl: "smtp://u:p@mail.example.com:587",
      production: true,
    });
    expect(config.masterKeys?.[0]?.key.toString("base64")).toBe(KEY);
    expect(readClientConfig({ HOOKLINE_TOKEN_FILE: at("token") }).token).toBe(TOKEN);
  });

  test("B9 a mistake is told of what was set: the file, and never its text", () => {
    writeFileSync(at("bad"), "secret but no key\n");
    expect(problemsOf({ HOOKLINE_MASTER_KEY_FILE: at("bad") })).toEqual([
      expect.stringMatching(/^HOOKLINE_MASTER_KEY_FILE: must be base64 of 32 bytes/),
    ]);
    expect(problemsOf({ HOOKLINE_ADMIN_TOKEN_FILE: at("bad") })[0]).not.toContain("secret but no key");
    expect(problemsOf({ HOOKLINE_ADMIN_TOKEN: TOKEN, HOOKLINE_ADMIN_TOKEN_FILE: at("token") })).toEqual([
      "HOOKLINE_ADMIN_TOKEN_FILE: HOOKLINE_ADMIN_TOKEN is set too: set one of the two",
    ]);
  });

  test("B9 nothing hangs on a FIFO, a folder, a device or a huge file", () => {
    execFileSync("mkfifo", [at("fifo")]);
    writeFileSync(at("huge"), "x".repeat(70_000));
    writeFileSync(at("empty"), "\n");
    for (const [file, words] of [
      [at("fifo"), /no plain file/],
      [folder, /no plain file/],
      ["/dev/zero", /no plain file/],
      [at("huge"), /at most 65536/],
      [at("empty"), /is empty/],
      [path.join(at("token"), "below"), /cannot be read|does not exist/],
    ] as const) {
      expect(problemsOf({ HOOKLINE_ADMIN_TOKEN_FILE: file })).toEqual([expect.stringMatching(words)]);
    }
  });
});

describe("B9 HOOKLINE_DATA_DIR", () => {
  test("B9 what can be no data folder is refused at once", () => {
    execFileSync("mkfifo", [at("fifo2")]);
    symlinkSync(at("nowhere"), at("dangling"));
    symlinkSync(at("round"), at("round"));
    for (const [dir, words] of [
      ["/proc/x", /cannot be made/],
      ["/proc/x/y/z", /cannot be made/],
      ["/dev/null", /is a device/],
      ["/dev/null/x", /is a device/],
      [at("fifo2"), /is a FIFO/],
      [path.join(at("file"), "below"), /is a file/],
      [at("dangling"), /symbolic link to nothing/],
      [at("round"), /go round in a circle/],
      [`/tmp/${"x".repeat(300)}`, /too long/],
    ] as const) {
      expect(problemsOf({ HOOKLINE_DATA_DIR: dir }, { places: true })).toEqual([expect.stringMatching(words)]);
    }
  });

  test("B9 a damaged key in it is told, and a new folder is made for its owner alone", () => {
    const dir = at("new/and deep");
    expect(problemsOf({ HOOKLINE_DATA_DIR: dir }, { places: true })).toEqual([]);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    writeFileSync(path.join(dir, "master.key"), "half a ke");
    expect(problemsOf({ HOOKLINE_DATA_DIR: dir }, { places: true })).toEqual([expect.stringMatching(/master.key holds no key.*backup/)]);
    expect(readFileSync(path.join(dir, "master.key"), "utf8")).toBe("half a ke");
    // With a key given nobody reads the file; with a DATABASE_URL the folder is not made.
    expect(problemsOf({ HOOKLINE_DATA_DIR: dir, HOOKLINE_MASTER_KEY: KEY }, { places: true })).toEqual([]);
    expect(
      problemsOf({ HOOKLINE_DATA_DIR: at("unused"), DATABASE_URL: "postgres://h/x", HOOKLINE_MASTER_KEY: KEY }, { places: true }),
    ).toEqual([]);
    expect(existsSync(at("unused"))).toBe(false);
  });
});

test("B9 variables that look like ours and are none are named, with the nearest; Kubernetes' own are not", () => {
  const { warnings } = readConfig({
    HOOKLINE_EGRES_ALLOW: "10.0.0.0/8",
    HOOKLINE_PORT: "4000",
    HOOKLINE_MASTERKEY: KEY,
    HOOKLINE_SOMETHING_ELSE_ALTOGETHER: "1",
    HOOKLINE_PORT_4000_TCP: "tcp://10.0.0.1:4000",
    HOOKLINE_API_SERVICE_HOST: "10.0.0.1",
    HOOKLINE_ADMIN_TOKEN_FILE: at("token"),
  });
  expect(warnings).toEqual([
    "HOOKLINE_EGRES_ALLOW is no variable of Hookline and does nothing: do you mean HOOKLINE_EGRESS_ALLOW?",
    "HOOKLINE_PORT is no variable of Hookline and does nothing: do you mean PORT?",
    "HOOKLINE_MASTERKEY is no variable of Hookline and does nothing: do you mean HOOKLINE_MASTER_KEY?",
    "HOOKLINE_SOMETHING_ELSE_ALTOGETHER is no variable of Hookline and does nothing",
  ]);
});

test("B61 loopback may be called only with the embedded Postgres outside of production", () => {
  const given = { HOOKLINE_MASTER_KEY: KEY };
  expect(readConfig({}).egressAllow).toEqual(["127.0.0.0/8", "::1/128"]);
  expect(readConfig({ NODE_ENV: "production", ...given }).egressAllow).toEqual([]);
  expect(readConfig({ DATABASE_URL: "postgres://h/x", ...given }).egressAllow).toEqual([]);
  expect(readConfig({ NODE_ENV: "production", HOOKLINE_EGRESS_ALLOW: "127.0.0.1", ...given }).egressAllow).toEqual(["127.0.0.1/32"]);
  expect(readConfig({ HOOKLINE_EGRESS_ALLOW: "" }).egressAllow).toEqual([]);
});

test.each(["Production", "PRODUCTION", "prod", "production "])(
  "B61 a NODE_ENV that misses production is refused, and not taken for one without production's rules: %j",
  (NODE_ENV) => {
    expect(problemsOf({ NODE_ENV, HOOKLINE_MASTER_KEY: KEY })).toEqual(["NODE_ENV: must be production, development or test, or unset"]);
  },
);

test("B61 development, test, an empty and an absent NODE_ENV are the same", () => {
  for (const env of [{ NODE_ENV: "development" }, { NODE_ENV: "test" }, { NODE_ENV: "" }, {}])
    expect(readConfig(env)).toMatchObject({ production: false, graphiql: true });
  expect(readConfig({ NODE_ENV: "production", HOOKLINE_MASTER_KEY: KEY })).toMatchObject({ production: true, graphiql: false });
});

test("B76 a public URL with a path is refused at the start, and the sentence says what to write", () => {
  const read = (url: string) => () => readConfig({ HOOKLINE_PUBLIC_URL: url });
  expect(read("https://example.com/hooks")).toThrow("HOOKLINE_PUBLIC_URL: must have no path: Hookline stands at the root");
  expect(read("https://hooks.example.com/")).not.toThrow();
});
