/** What a start prints: it works as printed, and holds secrets on a terminal only. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, MASTER_KEY_TEXT, type TestDatabase } from "./helpers/database.ts";
import { type Program, startProgram } from "./helpers/program.ts";

const TOKEN = "banner-0123456789abcdefghijklmnopqrstuvwxyz";
const SECRET = /hk[ls]_[\w-]{20,}/;
const folders: string[] = [];
const programs: Program[] = [];
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const program of programs.splice(0)) await program.stop();
});
afterAll(async () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  await database.drop();
});
function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline banner's-"));
  folders.push(folder);
  return folder;
}
async function start(env: Record<string, string>, command?: string[]): Promise<Program> {
  const program = startProgram(env, command ? { command } : {});
  programs.push(program);
  await program.up();
  return program;
}

describe("B7 the banner", { timeout: 120_000 }, () => {
  test("B7 off a terminal it holds no secret, but where they are, each for its owner alone", async () => {
    const folder = newFolder();
    const program = await start({ HOOKLINE_DATA_DIR: folder });
    await program.until(() => program.out().includes("A first delivery"));
    expect(program.out() + program.err()).not.toMatch(SECRET);
    for (const name of ["admin.token", "sign-in.link"]) {
      expect(program.out()).toContain(path.join(folder, name));
      expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
    }
    expect(readFileSync(path.join(folder, "sign-in.link"), "utf8")).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/sign-in#token=hks_/);
  });

  test("B7 its first delivery works as printed, in a folder whose name a shell would split", async () => {
    const program = await start({ HOOKLINE_DATA_DIR: newFolder() });
    await program.until(() => program.out().includes("A first delivery"));
    // Port 9000 may be taken on this machine: any other does as well.
    const port = 20_000 + (process.pid % 20_000);
    const script = program.out().split("A first delivery:\n")[1]?.replaceAll("9000", String(port)) as string;
    const shell = spawn("bash", ["-c", `${script}\nsleep 60`], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}` },
    });
    let printed = "";
    for (const stream of [shell.stdout, shell.stderr]) stream.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    try {
      await program.until(() => printed.includes('"total":120'));
      expect(printed).toContain("signingSecret");
      expect(printed).toContain('"type":"order.created"');
    } finally {
      process.kill(-(shell.pid as number), "SIGKILL");
    }
  });

  test("B7 on a terminal it shows the token it made, once, and a link", async () => {
    const folder = newFolder();
    const inTerminal = ["script", "-qefc", `${process.execPath} ${path.resolve("src/main.ts")}`, "/dev/null"];
    const first = await start({ HOOKLINE_DATA_DIR: folder }, inTerminal);
    await first.until(() => first.out().includes("A first delivery"));
    const token = readFileSync(path.join(folder, "admin.token"), "utf8").trim();
    expect(first.out()).toContain(token);
    expect(first.out()).toMatch(/\/sign-in#token=hks_/);
    await first.stop();
    const second = await start({ HOOKLINE_DATA_DIR: folder }, inTerminal);
    await second.until(() => second.out().includes("A first delivery"));
    expect(second.out()).not.toContain(token);
  });

  test("B7 with DATABASE_URL, HOOKLINE_PUBLIC_URL and no way to loopback it offers nothing that would be refused", async () => {
    const env = { DATABASE_URL: database.url, HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT, HOOKLINE_DATA_DIR: newFolder() };
    const program = await start({ ...env, HOOKLINE_PUBLIC_URL: "https://hooks.example.com/" });
    const printed = program.out();
    expect(printed).toContain("GraphQL    https://hooks.example.com/graphql");
    expect(printed).toContain("Dashboard  https://hooks.example.com/");
    expect(printed).toContain("npx hookline sign-in-link");
    expect(printed).not.toContain("first delivery");
    expect(printed).not.toMatch(SECRET);
  });

  test("B17 HOOKLINE_DELIVERY=off is shown: in the banner, the metrics, /readyz and to the viewer; nothing is sent", async () => {
    const env = {
      DATABASE_URL: database.url,
      HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
      HOOKLINE_DATA_DIR: newFolder(),
      HOOKLINE_ADMIN_TOKEN: TOKEN,
    };
    const program = await start({ ...env, HOOKLINE_DELIVERY: "off", HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8" });
    const url = await program.up();
    expect(program.out()).toContain("Delivers   nothing: HOOKLINE_DELIVERY=off");
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: "ready", delivery: "off" });
    expect(await (await fetch(`${url}/metrics`)).text()).toContain("hookline_delivery 0");
    const ask = async (query: string, variables: object = {}) => {
      const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
      const answer = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
      // biome-ignore lint/suspicious/noExplicitAny: read as expected
      return ((await answer.json()) as any).data;
    };
    expect((await ask("{ viewer { delivering } }")).viewer.delivering).toBe(false);
    let called = 0;
    const receiver = createServer((_request, response) => {
      called++;
      response.end();
    }).listen(0, "127.0.0.1");
    await once(receiver, "listening");
    const input = { name: "Kept", targetUrl: `http://127.0.0.1:${(receiver.address() as { port: number }).port}/`, eventTypes: ["*"] };
    const { createWebhookDefinition } = await ask(
      "mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { ... on CreatedWebhookDefinition { definition { id } } } }",
      { input },
    );
    const { id } = createWebhookDefinition.definition;
    await ask('mutation { emitEvent(input: { type: "order.created" }) { __typename } }');
    const test = await ask(
      "mutation ($id: ID!) { testWebhookDefinition(input: { id: $id }) { __typename ... on WebhookRequest { state errorDescription } ... on Error { message } } }",
      { id },
    );
    expect(JSON.stringify(test)).toContain("HOOKLINE_DELIVERY=off");
    await program.stop();
    expect(called).toBe(0);
    // Started as usual, what was kept is sent.
    const again = await start({ ...env, HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8" });
    await again.until(() => called === 1);
    receiver.close();
  });
});

test("B8 a lost admin.token is said, with how to go on", { timeout: 60_000 }, async () => {
  const folder = newFolder();
  const first = await start({ HOOKLINE_DATA_DIR: folder });
  await first.stop();
  rmSync(path.join(folder, "admin.token"));
  const second = await start({ HOOKLINE_DATA_DIR: folder });
  await second.until(() => second.out().includes("Admin token"));
  expect(second.out()).toContain("not kept in");
  expect(second.out()).toContain("npx hookline token NAME");
  const env = { PATH: String(process.env["PATH"]), HOOKLINE_DATA_DIR: folder };
  const token = execFileSync(process.execPath, ["src/cli.ts", "token", "new"], { env }).toString().trim();
  const url = await second.up();
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: '{"query":"{ viewer { role } }"}',
  });
  expect(await answer.json()).toEqual({ data: { viewer: { role: "ADMIN" } } });
});
