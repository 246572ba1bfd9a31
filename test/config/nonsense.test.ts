/** What can never work, or is not what was meant, is refused at the start by its variable's name; what means something is taken. */
import { describe, expect, test } from "vitest";
import { readClientConfig, readConfig, VARIABLES } from "../../src/config.ts";

const KEY = Buffer.alloc(32, 3).toString("base64");
const HUGE = "9".repeat(400);

const NUMBERS = ["abc", "-1", "1.5", "1e3", " 1", "0x10", HUGE];
const FLAGS = ["maybe", "TRUE", "1", "yes"];
const CIDRS = ["10.1.2.3/8", "10.0.0.0/33", "fd00::1/8", "::ffff:10.0.0.1/64", "010.0.0.0/8", "10.0.0.0/8 192.168.0.0/16", "localhost"];
const RATES = ["60", "0/60", "60/0", "60/60/60", `${HUGE}/${HUGE}`, "99999999999999999999999/60", `1/${HUGE}`, "1/1000000000", "-1/60"];
const URLS = [
  ...["hooks.example.com", "ftp://x", "https://", "https:///x", "https:x", "https:\\\\x", "https://x:0", "https://x:99999", "http://*"],
  ...["http://a b", "https://x\n.example.com", "https://999.1.1.1", "https://x?", "https://x#", "http://a..b"],
];

const NONSENSE: Record<string, readonly string[]> = {
  NODE_ENV: ["Production", "prod", "production "],
  PORT: [...NUMBERS, "65536"],
  HOST: ["http://x", "127.0.0.1:80", " ", "[::1]", "*", "a b", "a/b", "999.1.1.1", "a..b", "u@h"],
  DATABASE_URL: [
    ...["mysql://h/d", "postgres://h:0/d", "postgres://h/d?port=0", "postgres://h:99999/d", "postgres://a,b/d"],
    ...["abc", "-5", "9999999999", "2147484", "1e3", "", HUGE].map((seconds) => `postgres://h/d?connect_timeout=${seconds}`),
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
  HOOKLINE_MAIL_FROM: [
    ...[
      "nobody",
      "a\nBcc: x@y.z",
      "a@b\nBcc: x@y.z",
      ",",
      "@b",
      "a@",
      "a@b c",
      "<>",
      "Name <nobody>",
      "a@b, c@d",
      "a@b, c@d <e@f>",
      "<a> <b@c>",
    ],
    ...['"half <a@b>', "a b@c", "a@*", "a@[999.1.1.1]", "x <a@b> y"],
  ],
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

/** Of a variable whose default says what it is. */
function nonsenseOf(name: string): readonly string[] {
  const listed = NONSENSE[name];
  if (listed !== undefined) return listed;
  return /^HOOKLINE_(CRMCOM|SUPEROFFICE|GRAPHIQL|PASSWORDS|DELIVERY)/.test(name) ? FLAGS : NUMBERS;
}

function mistakes(name: string, value: string): string {
  try {
    (CLIENT.includes(name) ? readClientConfig : readConfig)({ HOOKLINE_MASTER_KEY: KEY, [name]: value });
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

  test("two schemas at once are refused, the same one twice is not", () => {
    const both = (schema: string) => () =>
      readConfig({ HOOKLINE_MASTER_KEY: KEY, DATABASE_URL: "postgres://h/d?schema=a", HOOKLINE_DATABASE_SCHEMA: schema });
    expect(both("b")).toThrow("HOOKLINE_DATABASE_SCHEMA: is b, and DATABASE_URL has schema=a: set one of the two, or both the same");
    expect(both("a")().databaseUrl).toBe("postgres://h/d?schema=a");
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
    const beside = name === "HOOKLINE_OIDC_ISSUER" ? { HOOKLINE_OIDC_CLIENT_ID: "a", HOOKLINE_OIDC_CLIENT_SECRET: "b" } : {};
    for (const value of values) expect(() => readConfig({ HOOKLINE_MASTER_KEY: KEY, ...beside, [name]: value }), value).not.toThrow();
  });
});
