/** Proxies as people set them up, each a real nginx before a real server: what works, and what is told where it cannot. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSession } from "../../src/accounts/sessions.ts";
import type { Config } from "../../src/config.ts";
import { makeHook } from "../api/faces/results-server.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { freePort } from "../helpers/free-port.ts";

const NGINX = "/usr/sbin/nginx";
/** What a browser shows in its address bar. */
const SHOWN = "https://hooks.example.com";

/** In `location /`, beside proxy_pass. */
const SETUPS = {
  // nginx' own default: Host is the upstream's name.
  bare: "",
  host: "proxy_set_header Host $http_host;",
  hostWithPort: "proxy_set_header Host $host:443;",
  forwardedHost: 'proxy_set_header X-Forwarded-Host "$host, inner.local"; proxy_set_header X-Forwarded-Proto "https, http";',
  upperCase: "proxy_set_header X-Forwarded-Proto HTTPS; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
  ports: 'proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-For "$remote_addr:$remote_port";',
} as const;
type Setup = keyof typeof SETUPS;

describe.runIf(existsSync(NGINX))("B76 behind nginx", { timeout: 150_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline-proxies-"));
  let nginx: ChildProcess;
  let app: TestApp;
  let named: TestApp;
  let trusting: TestApp;
  let whole: TestApp;
  /** Where each server's proxies listen. */
  const proxies = new Map<TestApp, Record<Setup, number>>();

  beforeAll(async () => {
    const start = (config: Partial<Config>) => testApp(config);
    app = await start({});
    named = await start({ publicUrl: SHOWN });
    trusting = await start({ trustedProxies: ["127.0.0.0/8"] });
    whole = await start({ publicUrl: SHOWN, trustedProxies: ["127.0.0.0/8"] });
    const servers: string[] = [];
    for (const each of [app, named, trusting, whole]) {
      const at = {} as Record<Setup, number>;
      for (const [setup, lines] of Object.entries(SETUPS) as [Setup, string][]) {
        at[setup] = await freePort();
        servers.push(
          `server { listen 127.0.0.1:${at[setup]}; location / { proxy_pass http://127.0.0.1:${each.port}; proxy_http_version 1.1; proxy_buffering off; ${lines} } }`,
        );
      }
      proxies.set(each, at);
    }
    mkdirSync(path.join(folder, "tmp"));
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/tmp/${name};`).join("\n");
    const user = process.getuid?.() === 0 ? "user root;" : "";
    writeFileSync(
      path.join(folder, "nginx.conf"),
      `daemon off; ${user} worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${servers.join("\n")}\n}\n`,
    );
    nginx = spawn(NGINX, ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
    let mistakes = "";
    nginx.stderr?.on("data", (chunk: Buffer) => (mistakes += chunk.toString()));
    for (;;) {
      if ((await fetch(`${at(app, "bare")}/healthz`).catch(() => undefined))?.status === 200) break;
      if (nginx.exitCode !== null) throw new Error(`nginx does not start: ${mistakes}`);
      await sleep(50);
    }
  }, 90_000);
  afterAll(async () => {
    nginx?.kill("SIGTERM");
    if (nginx && nginx.exitCode === null && nginx.signalCode === null) await once(nginx, "exit");
    for (const each of [app, named, trusting, whole]) await each?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (server: TestApp, setup: Setup) => `http://127.0.0.1:${proxies.get(server)?.[setup]}`;
  const cookieOf = async ({ t }: TestApp) => {
    const { organizationId, userId } = t.admin;
    return `hookline_session=${(await createSession(t.core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 })).token}`;
  };
  /** As a page at SHOWN asks. */
  async function asPage(server: TestApp, setup: Setup) {
    const headers = { cookie: await cookieOf(server), "content-type": "application/json", origin: SHOWN, host: "hooks.example.com" };
    // fetch lets nobody write Host.
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const asked = request(`${at(server, setup)}/graphql`, { method: "POST", headers }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      asked.on("error", reject);
      asked.end('{"query":"{ viewer { role } }"}');
    });
  }

  test("a page's cookie: 403 where Host is rewritten, and the message names both variables", async () => {
    const { status, text } = await asPage(app, "bare");
    expect(status).toBe(403);
    for (const word of ["HOOKLINE_PUBLIC_URL (not set)", "HOOKLINE_TRUSTED_PROXIES", SHOWN, `127.0.0.1:${app.port}`])
      expect(text).toContain(word);
  });

  test("HOOKLINE_PUBLIC_URL mends that, however Host is written", async () => {
    for (const setup of ["bare", "host", "hostWithPort", "forwardedHost"] as const)
      expect([setup, (await asPage(named, setup)).status]).toEqual([setup, 200]);
  });

  test("X-Forwarded-Host of a trusted proxy mends it too, and of no other", async () => {
    expect((await asPage(trusting, "forwardedHost")).status).toBe(200);
    expect((await asPage(trusting, "bare")).status).toBe(403);
    expect((await asPage(app, "forwardedHost")).status).toBe(403);
  });

  const post = (url: string, headers: Record<string, string> = {}) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: '{"date":"2017-03-16","value":1}',
    }).then(({ status }) => status);

  test("HTTPS in capitals, and the first of two hops, are TLS to an inbound URL; nothing else is", async () => {
    const { path: hook } = await makeHook(whole.t.core, whole.t.admin);
    for (const setup of ["upperCase", "ports", "forwardedHost"] as const)
      expect([setup, (await post(at(whole, setup) + hook)) < 300]).toEqual([setup, true]);
    for (const setup of ["bare", "host"] as const) expect([setup, await post(at(whole, setup) + hook)]).toEqual([setup, 403]);
    expect(await post(whole.url + hook, { "x-forwarded-proto": "http, https" })).toBe(403);
    // A proxy that is not named is not believed.
    expect(await post(at(named, "upperCase") + (await makeHook(named.t.core, named.t.admin)).path)).toBe(403);
  });

  test("B64 wrong keys are counted per /64, and per address whatever its port", async () => {
    const { path: hook } = await makeHook(whole.t.core, whole.t.admin);
    const wrong = whole.url + hook.replace(/[^/]+$/, "hki_wrong");
    const from = (address: string) => post(wrong, { "x-forwarded-proto": "https", "x-forwarded-for": address });
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) statuses.push(await from(`2001:db8:1:2::${i}`));
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    expect(await from("2001:db8:1:3::1")).toBe(401);
    for (let i = 0; i < 10; i++) expect(await from(`203.0.113.9:${4000 + i}`)).toBe(401);
    expect(await from("203.0.113.9")).toBe(429);
  });

  test("events are passed on as they come", async () => {
    const end = new AbortController();
    const query = encodeURIComponent("subscription { webhookRequestUpdated { cursor } }");
    const response = await fetch(`${at(named, "host")}/graphql?query=${query}`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${named.adminToken}` },
      signal: end.signal,
    });
    const first = await response.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toMatch(/^retry: \d+\nid: \S+\n\n$/);
    end.abort();
  });
});
