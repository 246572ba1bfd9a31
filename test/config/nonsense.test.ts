/** What can never work, or is not what was meant, is refused at the start by its variable's name; what means something is taken. */
import { describe, expect, test } from "vitest";
import { type Config, readClientConfig, readConfig, VARIABLES } from "../../src/config.ts";

const KEY = Buffer.alloc(32, 3).toString("base64");
const HUGE = "9".repeat(400);

const NUMBERS = ["abc", "-1", "1.5", "1e3", " 1", "0x10", HUGE];
const FLAGS = ["maybe", "TRUE", "1", "yes"];
const CIDRS = ["10.0.0.0/33", "fd00::1/129", "010.0.0.0/8", "10.0.0.0/8 192.168.0.0/16", "localhost"];
const RATES = ["60", "0/60", "60/0", "60/60/60", "0/1000000000", "000/60", "abc/60", "1e9/60", "-1/60", `-${HUGE}/60`];
const URLS = [
  ...["hooks.example.com", "ftp://x", "https://", "https:///x", "https:x", "https:\\\\x", "https://x:0", "https://x:99999", "http://*"],
  ...["http://a b", "https://x\n.example.com", "https://999.1.1.1", "https://x?", "https://x#", "http://a..b"],
];

const NONSENSE: Record<string, readonly string[]> = {
  NODE_ENV: ["Production", "PRODUCTION", "prod", "Prod", "production ", " production", "production\n", "prod "],
  PORT: [...NUMBERS, "65536"],
  HOST: ["http://x", "127.0.0.1:80", " ", "[::1]", "*", "a b", "a/b", "999.1.1.1", "a..b", "u@h"],
  DATABASE_URL: [
    ...["mysql://h/d", "postgres://h:0/d", "postgres://h/d?port=0", "postgres://h:99999/d", "postgres://a,b/d"],
    ...["9999999999", "2147484", "1e10", "Infinity", HUGE].map((seconds) => `postgres://h/d?connect_timeout=${seconds}`),
  ],
  HOOKLINE_DATABASE_SCHEMA: ["Hookline", "pg_x", "a.b", "information_schema"],
  HOOKLINE_QUEUE_SCHEMA: ["Hookline", "pg_x", "a b"],
  HOOKLINE_ROLES: ["cook", "api,", "api;worker"],
  HOOKLINE_WORKERS: [...NUMBERS, "0", "65", "AUTO"],
  HOOKLINE_ADMIN_TOKEN: ["short", "a".repeat(64)],
  HOOKLINE_MASTER_KEY: ["abc", `1:${KEY},1:${KEY}`, `a b:${KEY}`],
  HOOKLINE_METRICS_TOKEN: ["short", "with blanks in its sixteen"],
  HOOKLINE_PUBLIC_URL: [...URLS, "https://u:p@x", "https://x/path"],
  HOOKLINE_URL: [...URLS, "https://u:p@x"],
  HOOKLINE_EGRESS_ALLOW: CIDRS,
  HOOKLINE_TRUSTED_PROXIES: CIDRS,
  HOOKLINE_OIDC_EGRESS_ALLOW: CIDRS,
  HOOKLINE_SMTP_URL: [
    "mail.example.com",
    "smtp://",
    "smtp:///x",
    "smtp:h",
    "smtp://h:0",
    "smtp://h:99999",
    "smtp://*",
    "smtp://u:p@",
    "http://h",
  ],
  HOOKLINE_MAIL_FROM: ["nobody", "a\nBcc: x@y.z", "a@b\nBcc: x@y.z", "a@b\0", ",", " ", "@b", "a@", "<>", "Acme <>", '"half <a@b>'],
  HOOKLINE_RETRY_SCALE: ["-1", "abc", "1001", HUGE],
  HOOKLINE_TOKEN_TTL_SCALE: ["-1", "abc", "1001", HUGE],
  HOOKLINE_CORS_ORIGINS: ["null", "https://x/path", "https://x:0", "*,https://x", "https://*.example.com"],
  HOOKLINE_PORTAL_FRAME_ANCESTORS: ["*", "https://x/path", "https://x:0", "capacitor://localhost"],
  HOOKLINE_PORTAL_NAME: ["a\nb", "a".repeat(61)],
  HOOKLINE_PORTAL_COLOR: ["red", "#12345"],
  HOOKLINE_PORTAL_LOGO: ["/nonexistent.svg", "/dev/null", "logo.exe"],
  HOOKLINE_INBOUND_GOAL_LIMIT: RATES,
  HOOKLINE_INBOUND_EVENT_LIMIT: RATES,
  HOOKLINE_INBOUND_ADDRESS_LIMIT: RATES,
  HOOKLINE_OIDC_ISSUER: [...URLS, "https://u:p@x"],
  HOOKLINE_OIDC_CLIENT_ID: ["a".repeat(1_025)],
  HOOKLINE_OIDC_CLIENT_SECRET: ["a".repeat(1_025)],
  HOOKLINE_OIDC_SCOPE: ["email profile"],
  HOOKLINE_OIDC_ROLE_CLAIM: ["a".repeat(1_025)],
  HOOKLINE_OIDC_ROLES: ["ADMIN", "KING=a", "ADMIN="],
  HOOKLINE_OIDC_ORGANIZATION: ["a".repeat(1_025)],
  HOOKLINE_LOG_LEVEL: ["loud", "INFO"],
  HOOKLINE_PAYLOAD_INDEX: ["on"],
  OTEL_EXPORTER_OTLP_ENDPOINT: URLS,
  OTEL_EXPORTER_OTLP_HEADERS: ["no pair", "a b=c", "a=%zz", "a=%00"],
  OTEL_SERVICE_NAME: ["a".repeat(256)],
  OTEL_TRACES_SAMPLER: ["sometimes"],
  OTEL_TRACES_SAMPLER_ARG: ["2", "-1", "abc"],
};
/** Any text is one: a folder, which the start tries to write, and a token, which the server judges. */
const ANY_TEXT = ["HOOKLINE_DATA_DIR", "HOOKLINE_TOKEN"];
const CLIENT = ["HOOKLINE_URL"];
/** What a variable is judged beside. */
const BESIDE: Record<string, Record<string, string>> = {
  HOOKLINE_MAIL_FROM: { HOOKLINE_SMTP_URL: "smtp://mail.example.com" },
  HOOKLINE_OIDC_ISSUER: { HOOKLINE_OIDC_CLIENT_ID: "a", HOOKLINE_OIDC_CLIENT_SECRET: "b" },
};

/** Of a variable whose default says what it is. */
function nonsenseOf(name: string): readonly string[] {
  const listed = NONSENSE[name];
  if (listed !== undefined) return listed;
  return /^HOOKLINE_(CRMCOM|SUPEROFFICE|GRAPHIQL|PASSWORDS|DELIVERY)/.test(name) ? FLAGS : NUMBERS;
}

function mistakes(name: string, value: string): string {
  try {
    (CLIENT.includes(name) ? readClientConfig : readConfig)({ HOOKLINE_MASTER_KEY: KEY, ...BESIDE[name], [name]: value });
    return "none";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("nonsense is refused by the variable's name", () => {
  test.each(VARIABLES.map(({ name }) => name).filter((name) => !ANY_TEXT.includes(name)))("%s", (name) => {
    for (const value of nonsenseOf(name))
      expect(mistakes(name, value), `${name}=${value.slice(0, 80)}`).toMatch(new RegExp(`^the environment is not usable:\n {2}${name}: `));
  });
});

describe("what means something is taken", () => {
  test.each([
    ["HOST", ["0.0.0.0", "::", "::1", "fe80::1%eth0", "localhost", "my_host", "api.example.com.", "müller.example", "0", "127.1"]],
    ["HOOKLINE_PUBLIC_URL", ["https://hooks.example.com", "http://my_host:4000/", "http://[::1]:4000", "HTTPS://Hooks.Example.com:443"]],
    ["HOOKLINE_OIDC_ISSUER", ["https://login.example.com/realms/staff", "http://127.0.0.1:8080/"]],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", ["http://otel_collector:4318", "https://u:p@collector.example.com/otlp/"]],
    ["HOOKLINE_CORS_ORIGINS", ["http://[::1]:3000", "https://app.example.com,capacitor://localhost", "*"]],
    [
      "HOOKLINE_EGRESS_ALLOW",
      ["10.0.0.0/8,fd00::/8", "10.1.2.3", "10.1.2.3/32", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104", "2001:db8::1"],
    ],
    [
      "HOOKLINE_SMTP_URL",
      ["smtp://h", "smtps://u%40x:p@h:465", "smtp://my_host", "smtp://[::1]:25", "smtp://müller.example", "smtp://u:p%zz@h?pool=true"],
    ],
    [
      "HOOKLINE_MAIL_FROM",
      [
        ...[
          "hookline@localhost",
          "a.b+c@my_host.local",
          "<a@b>",
          "Hookline <a@b>",
          '"Acme, Inc." <a@b>',
          "Acme, Inc. <a@b>",
          "a@b (Hookline)",
        ],
        ...[
          "alerts@b <alerts@b>",
          '"a@b, c" <a@b>',
          'Tom "T" O\'Neil <a@b>',
          '"john doe"@b',
          "a@[127.0.0.1]",
          "a@[IPv6:::1]",
          "ä@müller.example",
        ],
      ],
    ],
    ["HOOKLINE_INBOUND_EVENT_LIMIT", ["1/1", "999999999/999999999"]],
    ["DATABASE_URL", ["0", "5", "2.5", "2147483"].map((seconds) => `postgres://my_host/d?connect_timeout=${seconds}`)],
  ])("%s", (name, values) => {
    for (const value of values) expect(() => readConfig({ HOOKLINE_MASTER_KEY: KEY, ...BESIDE[name], [name]: value }), value).not.toThrow();
  });
});

/** What is written, what comes of it, and the warning, where there is one. */
type Kept = [given: Record<string, string>, becomes: Partial<Config>, warning?: string];

const cidr = (name: string, written: string, network: string, becomes: Partial<Config>): Kept => [
  { [name]: written },
  becomes,
  `${name} has ${written}, which stands for all of ${network}`,
];
const mode = (written: string): Kept => [
  { NODE_ENV: written },
  { production: false, graphiql: true, egressAllow: ["127.0.0.0/8", "::1/128"] },
  `NODE_ENV is ${JSON.stringify(written)}, which counts as development: it may be production, development or test`,
];
const NO_SECONDS = "DATABASE_URL has a connect_timeout that is no number of seconds: the default is taken";
const timeout = (written: string, warning?: string): Kept => {
  const url = `postgres://h/d?connect_timeout=${written}`;
  return warning === undefined ? [{ DATABASE_URL: url }, { databaseUrl: url }] : [{ DATABASE_URL: url }, { databaseUrl: url }, warning];
};
const sender = (mailFrom: string): Kept => [{ HOOKLINE_MAIL_FROM: mailFrom, ...BESIDE.HOOKLINE_MAIL_FROM }, { mailFrom }];
const noSender = (written: string): Kept => [
  { HOOKLINE_MAIL_FROM: written },
  {},
  "HOOKLINE_MAIL_FROM holds no mail address: no mail can be sent from it, once HOOKLINE_SMTP_URL is set",
];
const MOST = 999_999_999;

const KEPT: Kept[] = [
  cidr("HOOKLINE_TRUSTED_PROXIES", "172.17.0.1/16", "172.17.0.0/16", { trustedProxies: ["172.17.0.0/16"] }),
  cidr("HOOKLINE_EGRESS_ALLOW", "10.1.2.3/8", "10.0.0.0/8", { egressAllow: ["10.0.0.0/8"] }),
  cidr("HOOKLINE_EGRESS_ALLOW", "10.1.2.3/31", "10.1.2.2/31", { egressAllow: ["10.1.2.2/31"] }),
  cidr("HOOKLINE_EGRESS_ALLOW", "10.1.2.3/0", "0.0.0.0/0", { egressAllow: ["0.0.0.0/0"] }),
  cidr("HOOKLINE_EGRESS_ALLOW", "fd00::1/8", "fd00::/8", { egressAllow: ["fd00::/8"] }),
  cidr("HOOKLINE_EGRESS_ALLOW", "2001:db8:0:7::1:2/62", "2001:db8:0:4::/62", { egressAllow: ["2001:db8:0:4::/62"] }),
  cidr("HOOKLINE_OIDC_EGRESS_ALLOW", "192.168.7.9/24", "192.168.7.0/24", {}),
  ...["staging", "ci", "local", "dev", "Development", "development "].map(mode),
  [
    { DATABASE_URL: "postgres://h/d?schema=a", HOOKLINE_DATABASE_SCHEMA: "b" },
    { databaseUrl: "postgres://h/d?schema=a" },
    "HOOKLINE_DATABASE_SCHEMA is b and does nothing: DATABASE_URL has schema=a, which wins",
  ],
  [{ DATABASE_URL: "postgres://h/d?schema=a", HOOKLINE_DATABASE_SCHEMA: "a" }, { databaseUrl: "postgres://h/d?schema=a" }],
  ...["10s", "none", "abc", "-5"].map((written) => timeout(written, NO_SECONDS)),
  ...["", "0", "1e3", "0.5"].map((written) => timeout(written)),
  ...["Acme a@x.com", "Acme <a@x.com> (ops)", "a@x.com (Acme (Hooks))", "< a@x.com >", "Acme <a@x.com>;", "a@x.com, b@x.com"].map(sender),
  ...["Ops: a@x.com, b@x.com;", "Acme <hookline>", "a@b c", "x <a@b> y", "Acme\t<a@b>"].map(sender),
  ...["nobody", ",", "a\nBcc: x@y.z"].map(noSender),
  [{ HOOKLINE_INBOUND_GOAL_LIMIT: "1000000000/60" }, { inboundGoalLimit: { count: MOST, seconds: 60 } }],
  [{ HOOKLINE_INBOUND_EVENT_LIMIT: `${HUGE}/1` }, { inboundEventLimit: { count: MOST, seconds: 1 } }],
  [{ HOOKLINE_INBOUND_ADDRESS_LIMIT: `99999999999/${HUGE}` }, { inboundAddressLimit: { count: MOST, seconds: MOST } }],
  [{ HOOKLINE_INBOUND_EVENT_LIMIT: "00000000060/60" }, { inboundEventLimit: { count: 60, seconds: 60 } }],
  ...["smtp://?service=gmail", "smtp:///?host=mail&port=25", "smtps:///?host=127.0.0.1"].map(
    (smtpUrl): Kept => [{ HOOKLINE_SMTP_URL: smtpUrl }, { smtpUrl }],
  ),
  [{ HOOKLINE_PUBLIC_URL: " https://hooks.example.com/\n" }, { publicUrl: "https://hooks.example.com" }],
  [{ HOOKLINE_PUBLIC_URL: "HTTPS://Hooks.Example.com:443" }, { publicUrl: "https://hooks.example.com" }],
  [{ HOOKLINE_PUBLIC_URL: "http://Müller.example:4000/" }, { publicUrl: "http://xn--mller-kva.example:4000" }],
  [{ HOOKLINE_SMTP_URL: "smtp://mail.example.com\r\n" }, { smtpUrl: "smtp://mail.example.com" }],
  [{ HOOKLINE_MAIL_FROM: " a@x.com\n", ...BESIDE.HOOKLINE_MAIL_FROM }, { mailFrom: "a@x.com" }],
  [{ HOST: "0.0.0.0\n" }, { host: "0.0.0.0" }],
  [{ DATABASE_URL: " postgres://h/d\n" }, { databaseUrl: "postgres://h/d" }],
];

describe("values of the last release that must go on", () => {
  test.each(KEPT)("%j", (given, becomes, warning) => {
    const config = readConfig(given.DATABASE_URL === undefined ? given : { HOOKLINE_MASTER_KEY: KEY, ...given });
    expect(config).toMatchObject(becomes);
    expect(config.warnings).toEqual(warning === undefined ? [] : [warning]);
  });

  test("URLs of others are without the white space around them", () => {
    const config = readConfig({
      ...BESIDE.HOOKLINE_OIDC_ISSUER,
      HOOKLINE_OIDC_ISSUER: "https://login.example.com/realms/staff\n",
      HOOKLINE_OIDC_EGRESS_ALLOW: "192.168.7.9/24",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel_collector:4318\n",
    });
    expect(config.oidc).toMatchObject({ issuer: "https://login.example.com/realms/staff", egressAllow: ["192.168.7.0/24"] });
    expect(config.tracing?.url).toMatch(/^http:\/\/otel_collector:4318\/?\S*$/);
    expect(readClientConfig({ HOOKLINE_URL: "https://hooks.example.com\n" }).url).toBe("https://hooks.example.com");
  });
});
