/** deploy/nginx/hookline.conf with a real nginx before a real server: HTTP, SSE, WebSocket, TLS, and what its log holds. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type TestApp, testApp } from "../helpers/app.ts";
import { freePort } from "../helpers/free-port.ts";
import { data } from "../helpers/graphql.ts";

const NGINX = "/usr/sbin/nginx";

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

describe.runIf(existsSync(NGINX))("deploy/nginx", { timeout: 150_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline-nginx-"));
  let app: TestApp;
  let nginx: ChildProcess;
  let plain: number;
  let tls: number;
  let certificate: string;
  const log = () => readFileSync(path.join(folder, "hookline.log"), "utf8");

  function ask(method: string, url: string, headers: Record<string, string> = {}, body = ""): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { method, headers, ca: certificate, servername: "hooks.example.com", port: tls, host: "127.0.0.1", path: url };
      const asked = request(options, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      asked.on("error", reject);
      asked.end(body);
    });
  }
  const json = (token: string) => ({ authorization: `Bearer ${token}`, "content-type": "application/json", host: "hooks.example.com" });

  beforeAll(async () => {
    app = await testApp({ publicUrl: "https://hooks.example.com", trustedProxies: ["127.0.0.1/32"] });
    [plain, tls] = [await freePort(), await freePort()];
    const [cert, key] = [path.join(folder, "fullchain.pem"), path.join(folder, "privkey.pem")];
    const subject = ["-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com"];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        cert,
        ...subject,
      ],
      { stdio: "ignore" },
    );
    certificate = readFileSync(cert, "utf8");
    // The file as it is, but for the ports, the certificate and the places of this test.
    const conf = readFileSync(path.resolve("deploy/nginx/hookline.conf"), "utf8")
      .replace("server 127.0.0.1:4000;", `server 127.0.0.1:${app.port};`)
      .replaceAll(/^ *listen \[::\].*\n/gm, "")
      .replace("listen 80;", `listen 127.0.0.1:${plain};`)
      .replace("listen 443 ssl http2;", `listen 127.0.0.1:${tls} ssl http2;`)
      .replaceAll("/etc/ssl/hooks.example.com", folder)
      .replace("/var/log/nginx/hookline.log", path.join(folder, "hookline.log"));
    mkdirSync(path.join(folder, "tmp"));
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/tmp/${name};`).join("\n");
    writeFileSync(path.join(folder, "site.conf"), conf);
    writeFileSync(
      path.join(folder, "nginx.conf"),
      `daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log info;\nevents {}\nhttp {\n${paths}\ninclude ${folder}/site.conf;\n}\n`,
    );
    nginx = spawn(NGINX, ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
    let mistakes = "";
    nginx.stderr?.on("data", (chunk: Buffer) => (mistakes += chunk.toString()));
    for (;;) {
      const up = await ask("GET", "/healthz").catch(() => undefined);
      if (up?.status === 200) break;
      if (nginx.exitCode !== null) throw new Error(`nginx does not start: ${mistakes}`);
      await sleep(50);
    }
  }, 60_000);

  afterAll(async () => {
    nginx?.kill("SIGQUIT");
    if (nginx && nginx.exitCode === null) nginx.kill("SIGTERM");
    if (nginx && nginx.exitCode === null && nginx.signalCode === null) await once(nginx, "exit");
    await app?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("plain HTTP is sent on to TLS; the operator's page is not for the world", async () => {
    const moved = await fetch(`http://127.0.0.1:${plain}/log?x=1`, { redirect: "manual", headers: { host: "hooks.example.com" } });
    expect([moved.status, moved.headers.get("location")?.endsWith("/log?x=1")]).toEqual([308, true]);
    expect((await ask("GET", "/metrics")).status).toBe(404);
  });

  test("GraphQL, REST and a body of 5 MiB pass; what is larger is 413 on every path", async () => {
    const viewer = await ask("POST", "/graphql", json(app.adminToken), '{"query":"{ viewer { role } }"}');
    expect([viewer.status, viewer.body]).toEqual([200, '{"data":{"viewer":{"role":"ADMIN"}}}']);
    const events = JSON.stringify(Array.from({ length: 20 }, () => ({ type: "a.b", payload: { text: "x".repeat(250_000) } })));
    expect((await ask("POST", "/v1/events", json(app.adminToken), events)).status).toBe(202);
    for (const [url, mib] of [
      ["/v1/events", 5.5],
      ["/graphql", 1.5],
      ["/inbound/goals/0197/key", 0.5],
    ] as const) {
      expect((await ask("POST", url, json(app.adminToken), " ".repeat(mib * 2 ** 20))).status).toBe(413);
    }
    expect(viewer.headers["strict-transport-security"]).toBeDefined();
    expect(viewer.headers["x-content-type-options"]).toBe("nosniff");
  });

  test("a browser's cookie is Secure and its Origin is ours; the client's address is its own, whatever it claims", async () => {
    const headers = { ...json(""), origin: "https://hooks.example.com" };
    const { authorization: _, ...without } = headers;
    const signedIn = await ask("POST", "/sign-in-token", without, JSON.stringify({ token: app.adminToken }));
    expect(signedIn.status).toBe(204);
    const cookies = signedIn.headers["set-cookie"] as string[];
    expect(cookies.every((cookie) => cookie.includes("; Secure"))).toBe(true);
    const cookie = cookies.map((each) => each.split(";")[0]).join("; ");
    const goal = { query: 'mutation { createGoal(input: { name: "Through nginx", direction: MAXIMIZE }) { __typename } }' };
    const forged = { "x-forwarded-for": "203.0.113.9", forwarded: "for=203.0.113.9", "x-forwarded-proto": "http" };
    const xsrf = decodeURIComponent(/XSRF-TOKEN=([^;]*)/.exec(cookie)?.[1] ?? "");
    const made = await ask("POST", "/graphql", { ...without, cookie, "x-xsrf-token": xsrf, ...forged }, JSON.stringify(goal));
    expect(made.body).toContain('"Goal"');
    const { rows } = await app.t.core.db.pool.query<{ address: string }>("SELECT address FROM audit_entry WHERE action = 'goal.create'");
    expect(rows.map(({ address }) => address)).toEqual(["127.0.0.1"]);
  });

  test("SSE comes through at once, event by event", async () => {
    await data(
      app,
      app.adminToken,
      'mutation { createWebhookDefinition(input: { name: "All", targetUrl: "https://example.com/", eventTypes: ["*"] }) { __typename } }',
    );
    let received = "";
    const headers = { ...json(app.adminToken), accept: "text/event-stream" };
    const options = {
      method: "POST",
      headers,
      ca: certificate,
      servername: "hooks.example.com",
      port: tls,
      host: "127.0.0.1",
      path: "/graphql",
    };
    const stream = request(options, (response) => response.on("data", (chunk: Buffer) => (received += chunk.toString())));
    stream.on("error", () => undefined);
    stream.end(JSON.stringify({ query: "subscription { webhookRequestUpdated { cursor } }" }));
    await until(async () => /hookline_live_subscriptions [1-9]/.test(await (await fetch(`${app.url}/metrics`)).text()));
    await data(app, app.adminToken, 'mutation { emitEvent(input: { type: "a.b" }) { __typename } }');
    await until(async () => received.includes('"cursor"'));
    stream.destroy();
  });

  test("a WebSocket comes through", async () => {
    class Trusting extends WebSocket {
      constructor(url: string, protocols: string | string[]) {
        super(url, protocols, { ca: certificate, headers: { host: "hooks.example.com" }, ...{ servername: "hooks.example.com" } });
      }
    }
    const client = createClient({
      url: `wss://127.0.0.1:${tls}/graphql`,
      webSocketImpl: Trusting,
      connectionParams: { authorization: `Bearer ${app.adminToken}` },
      retryAttempts: 0,
    });
    const updates = client.iterate({ query: "subscription { webhookRequestUpdated { cursor } }" });
    const first = updates.next();
    await until(async () => /hookline_live_connections [1-9]/.test(await (await fetch(`${app.url}/metrics`)).text()));
    await until(async () => /hookline_live_subscriptions [1-9]/.test(await (await fetch(`${app.url}/metrics`)).text()));
    await data(app, app.adminToken, 'mutation { emitEvent(input: { type: "a.b" }) { __typename } }');
    expect((await first).value).toMatchObject({ data: { webhookRequestUpdated: { cursor: expect.any(String) } } });
    await updates.return?.(undefined);
    await client.dispose();
  });

  test("no key of an inbound URL and no token of a query is in nginx' logs", async () => {
    await ask("POST", "/inbound/goals/0197/THE-SECRET-KEY", { "content-type": "application/json" }, "{}");
    await ask("GET", "/sign-in-link?token=THE-SECRET-TOKEN");
    await until(async () => log().includes("/sign-in-link"));
    expect(log()).toContain("/inbound/goals/0197/***");
    expect(log() + readFileSync(path.join(folder, "error.log"), "utf8")).not.toContain("THE-SECRET");
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 15_000; !(await condition()); await sleep(20))
    if (Date.now() > deadline) throw new Error("waited 15 s");
}
