/** The commands that talk to a server, as processes, against a real one. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Api, connect } from "../../src/cli/client.ts";
import { expiry } from "../../src/cli/token.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { run, start } from "./run.ts";

let app: TestApp;
let receiver: Receiver;
let api: Api;
let folder: string;
let env: Record<string, string>;

async function define(name: string, eventTypes: string[], over: object = {}): Promise<string> {
  const { createWebhookDefinition } = await api.graphql<{ createWebhookDefinition: { definition: { id: string } } }>(
    `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) {
       __typename ... on CreatedWebhookDefinition { definition { id } } ... on Error { message } } }`,
    { input: { name, code: name, eventTypes, targetUrl: `${receiver.url}/${name}`, ...over } },
  );
  return createWebhookDefinition.definition.id;
}

beforeAll(async () => {
  app = await testApp({ retryScale: 0.01 }, { worker: true });
  receiver = await startReceiver();
  folder = await mkdtemp(path.join(tmpdir(), "hookline-cli-"));
  env = { HOOKLINE_URL: app.url, HOOKLINE_TOKEN: app.adminToken };
  api = await connect({ url: app.url, token: app.adminToken, dataDir: folder });
});

afterAll(async () => {
  await app?.close();
  await receiver?.close();
  await rm(folder, { recursive: true, force: true });
});

describe("emit", () => {
  it("sends an event with everything it was given, the payload as it was written", async () => {
    await define("emitted", ["emitted.*"]);
    const args = ["emit", "emitted.one", "--entity", "order", "--entity-id", "18", "--actor", "ann", "--payload", '{"b":1.0, "a":2}'];
    const { code, out, err } = await run(args, env);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    await receiver.waitFor((calls) => calls.some((call) => call.path === "/emitted"));
    const body = receiver.calls.find((call) => call.path === "/emitted")?.body.toString();
    expect(body).toContain('"data":{"b":1.0,"a":2}');
    expect(JSON.parse(String(body))).toMatchObject({ id: out[0], type: "emitted.one", subject: "order/18" });
  });

  it("makes one event of the same key, and takes files and standard input", async () => {
    const twice = ["emit", "keyed", "--idempotency-key", "k-1"];
    const [first, second] = [await run(twice, env), await run(twice, env)];
    expect(first.code).toBe(0);
    expect(second.out).toEqual(first.out);
    await writeFile(path.join(folder, "events.json"), JSON.stringify([{ type: "a" }, { type: "b" }]));
    expect((await run(["emit", "--file", path.join(folder, "events.json")], env)).out).toHaveLength(2);
    expect((await run(["emit", "piped", "--payload", "-"], env, '{"x":1}')).code).toBe(0);
  });
});

describe("tail", () => {
  it("prints a line for each attempt and goes on from its cursor file", async () => {
    const id = await define("tailed", ["tailed.*"], { retrySchedule: [5] });
    let failures = 1;
    receiver.respond((call) => (call.json().type === "tailed.one" && failures-- > 0 ? 503 : 200));
    const cursorFile = path.join(folder, "cursor");
    const first = start(["tail", "--definition", "tailed", "--cursor-file", cursorFile], env);
    // "From now on" has begun when something was seen; a test delivery is in no lane.
    await seen(first.out, () => test(id));
    expect(first.out[0]).toMatch(/tailed test .* attempt 1 {2}DELIVERED 200/);
    const tests = first.out.length;
    await run(["emit", "tailed.one"], env);
    await first.until(() => first.out.length >= tests + 2);
    first.child.kill("SIGINT");
    const { code, out, err } = await first.ended;
    expect({ code, err }).toEqual({ code: 0, err: [] });
    // A retried request: a line for its failure, a line for its delivery.
    expect(out).toHaveLength(tests + 2);
    expect(out.at(-2)).toMatch(/tailed #1 .* attempt 1 {2}REJECTED 503 .*again at/);
    expect(out.at(-1)).toMatch(/tailed #1 .* attempt 2 {2}DELIVERED 200/);

    await run(["emit", "tailed.two"], env);
    await run(["emit", "tailed.three"], env);
    const second = await run(["tail", "--definition", "tailed", "--cursor-file", cursorFile, "--count", "2", "--json"], env);
    const lines = second.out.map((line) => JSON.parse(line));
    expect(lines.map((line) => [line.request.laneNumber, line.attempt.outcome])).toEqual([
      [2, "DELIVERED"],
      [3, "DELIVERED"],
    ]);
    expect((await readFile(cursorFile, "utf8")).trim()).toBe(lines.at(-1).cursor);
  });

  it("survives cuts of its connection without gap or repeat, and says where to go on when it is stopped", async () => {
    const id = await define("cut", ["cut.*"]);
    receiver.respond(200);
    const proxy = await startProxy(app.port);
    const running = start(["tail", "--definition", "cut", "--json"], { ...env, HOOKLINE_URL: `http://127.0.0.1:${proxy.port}` });
    await seen(running.out, () => test(id));
    const tests = running.out.length;
    for (let round = 0; round < 3; round++) {
      proxy.cut();
      await run(["emit", "cut.while-away"], env);
      await run(["emit", "cut.while-away"], env);
      await running.until(() => running.out.length >= tests + (round + 1) * 2);
    }
    running.child.kill("SIGINT");
    const { code, out, err } = await running.ended;
    await proxy.close();
    expect(code).toBe(0);
    expect(out.slice(tests).map((line) => JSON.parse(line).request.laneNumber)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(err.filter((line) => line.startsWith("connection lost"))).not.toEqual([]);
    expect(err.at(-1)).toBe(`go on with: hookline tail --after ${JSON.parse(out.at(-1) as string).cursor}`);
  });

  const test = (id: string) =>
    api.graphql(
      "mutation ($input: TestWebhookDefinitionInput!) { testWebhookDefinition(input: $input) { __typename ... on Error { message } } }",
      {
        input: { id },
      },
    );

  /** Does it again until something of it is printed. */
  async function seen(out: readonly string[], work: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; out.length === 0; tries++) {
      if (tries > 40) throw new Error("the tail shows nothing");
      await work();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    // Those sent while it began may come as well: the tail is quiet before the test goes on.
    for (let before = -1; before !== out.length; await new Promise((resolve) => setTimeout(resolve, 400))) before = out.length;
  }
});

describe("resend and token", () => {
  it("sends a request again by its number, refuses one that was not rejected, and replays the rejected ones", async () => {
    await define("resent", ["resent.*"], { retrySchedule: [] });
    receiver.respond((call) => (call.path === "/resent" ? 500 : 200));
    await run(["emit", "resent.one"], env);
    await run(["emit", "resent.two"], env);
    const rejected = async () =>
      (
        await api.graphql<{ webhookRequests: { edges: { node: { number: number } }[] } }>(
          `query { webhookRequests(first: 10, filter: { eventType: "resent.one", lifeCycleState: [REJECTED] }) { edges { node { number } } } }`,
        )
      ).webhookRequests.edges[0]?.node.number;
    await expect.poll(rejected, { timeout: 10_000 }).toBeTypeOf("number");
    const number = String(await rejected());
    await expect.poll(() => receiver.calls.filter((call) => call.path === "/resent").length, { timeout: 10_000 }).toBe(2);
    receiver.respond(200);
    // What is shown is how it stands by then: it may be on its way already.
    expect((await run(["resend", number], env)).out).toEqual([
      expect.stringMatching(new RegExp(`^request ${number}: (PENDING|SENDING|DELIVERED)$`)),
    ]);
    await expect.poll(rejected, { timeout: 10_000 }).toBeUndefined();
    const refused = await run(["resend", number], env);
    expect(refused.code).toBe(1);
    expect(refused.err).toHaveLength(1);
    expect((await run(["resend", number, "--force"], env)).code).toBe(0);
    expect((await run(["resend", "--rejected", "--definition", "resent"], env)).out).toEqual(["1 rejected requests are sent again"]);
  });

  it("makes a token that works, with no more than it was given", async () => {
    const { code, out } = await run(["token", "shop", "--role", "member", "--scope", "events:write", "--expires", "30d"], env);
    expect(code).toBe(0);
    const narrow = { ...env, HOOKLINE_TOKEN: String(out[0]) };
    expect((await run(["emit", "by.token"], narrow)).code).toBe(0);
    const refused = await run(["token", "more"], narrow);
    expect([refused.code, refused.err.length]).toEqual([1, 1]);
  });

  it("reads spans and times", () => {
    const now = new Date("2026-11-01T00:00:00Z");
    expect(expiry("30d", now).toISOString()).toBe("2026-12-01T00:00:00.000Z");
    expect(expiry("12h", now).toISOString()).toBe("2026-11-01T12:00:00.000Z");
    expect(expiry("2027-01-01", now).toISOString()).toBe("2027-01-01T00:00:00.000Z");
    expect(expiry("2027-01-01T02:00+02:00", now).toISOString()).toBe("2027-01-01T00:00:00.000Z");
    // V8 reads 36 as the year 2036, and a time without a zone as this machine's.
    for (const none of ["soon", "36", "1", "30 d", "2027", "2027-01", "2027-01-01T00:00:00", "2027-13-01", "1 Jan 2027"])
      expect(() => expiry(none, now), none).toThrow(/--expires/);
  });
});

describe("what goes wrong is one line that says what to do, and exit code 1", () => {
  const cases: [string, string[], () => Record<string, string>, RegExp][] = [
    ["no server", ["emit", "a"], () => ({ ...env, HOOKLINE_URL: "http://127.0.0.1:1" }), /cannot be reached .*npm start.*HOOKLINE_URL/],
    ["no token", ["emit", "a"], () => ({ HOOKLINE_URL: "https://hooks.example" }), /no token: set HOOKLINE_TOKEN/],
    ["a wrong token", ["emit", "a"], () => ({ ...env, HOOKLINE_TOKEN: "hkl_wrong" }), /does not accept this token.*HOOKLINE_TOKEN/],
    ["a wrong token, live", ["tail"], () => ({ ...env, HOOKLINE_TOKEN: "hkl_wrong" }), /does not accept this token.*HOOKLINE_TOKEN/],
    ["a bad URL", ["tail"], () => ({ HOOKLINE_URL: "ftp://x" }), /HOOKLINE_URL/],
    ["a payload that is no JSON", ["emit", "a", "--payload", "{a"], () => env, /--payload is no JSON/],
    ["a file that is not there", ["emit", "--file", "/nowhere.json"], () => env, /--file: ENOENT/],
    ["an event type that is none", ["emit", "a b"], () => env, /type/],
    ["neither type nor file", ["emit"], () => env, /name an event type, or a --file/],
    [
      "a token that no header carries",
      ["emit", "a"],
      () => ({ ...env, HOOKLINE_TOKEN: "a\nb" }),
      /^hookline: the token holds a character that none has/,
    ],
    ["a cursor that is none", ["tail", "--after", "nonsense"], () => env, /cursor.*leave --after away/],
    ["an unknown definition", ["tail", "--definition", "nobody"], () => env, /there is no webhook definition nobody/],
    ["an unknown request", ["resend", "999999"], () => env, /there is no webhook request 999999/],
    ["nothing to resend", ["resend"], () => env, /name requests by number or id/],
    ["a time that is none", ["resend", "--rejected", "--since", "yesterday"], () => env, /--since must be a time/],
    ["a time that is not the one meant", ["resend", "--rejected", "--since", "1"], () => env, /--since must be a time/],
  ];
  it.each(cases)("%s", async (_name, args, environment, message) => {
    const { code, out, err } = await run(args, environment());
    expect(err.join("\n")).toMatch(message);
    expect({ code, out, lines: err.length }).toEqual({ code: 1, out: [], lines: 1 });
  });

  it("finds the token that a server on this machine keeps", async () => {
    await writeFile(path.join(folder, "admin.token"), `${app.adminToken}\n`);
    expect((await run(["emit", "a"], { HOOKLINE_URL: app.url, HOOKLINE_DATA_DIR: folder })).code).toBe(0);
  });

  it("every command has help with examples", async () => {
    const commands = ["serve", "migrate", "emit", "tail", "resend", "token"];
    const shown = await Promise.all(commands.map((command) => run([command, "--help"], {})));
    for (const { code, out } of shown) expect([code, out.join("\n")]).toEqual([0, expect.stringMatching(/Examples:\n.*hookline/)]);
    expect((await run(["rekey", "--help"], {})).out.join("\n")).toMatch(/HOOKLINE_MASTER_KEY=2:<new>,1:<old>/);
  });
});

/** A wire between client and server that can be cut. */
async function startProxy(target: number) {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = dial(target, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
