/** B51: how often a password may be tried, at each door, over all processes. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkAtDoor, networkOf } from "../../src/accounts/password-door.ts";
import { checkPassword } from "../../src/accounts/sessions.ts";
import { createUser, updateUser } from "../../src/accounts/users.ts";
import type { Core } from "../../src/core.ts";
import { RateLimitedError } from "../../src/errors.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

const PASSWORD = "analytical-engine";

let app: TestApp;
let users = 0;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

async function user(): Promise<string> {
  users += 1;
  const email = `door-${users}@example.test`;
  await createUser(app.t.core, app.t.admin, { email, name: "Ada", password: PASSWORD, role: "MEMBER" });
  return email;
}

const address = () => {
  users += 1;
  return `198.51.100.${users}`;
};
const tried = (core: Core, email: string, password: string, from = address()) =>
  checkPassword(core, email, password, from).then(
    (found) => (found ? "right" : "wrong"),
    (error: unknown) => (error instanceof RateLimitedError ? "limited" : String(error)),
  );

/** Resolves once so many tries stand in the bucket. */
async function counted(key: string, count: number): Promise<void> {
  const text = "SELECT count FROM rate_bucket WHERE key = $1 AND window_ends_at > now()";
  while (((await app.t.core.db.pool.query<{ count: number }>(text, [key])).rows[0]?.count ?? 0) < count) await sleep(10);
}

describe("B51 tries", { timeout: 120_000 }, () => {
  test("of an account are ten a minute, counted before they are computed, over two processes; right ones do not count", async () => {
    const email = await user();
    const another = await app.t.another();
    for (let i = 0; i < 12; i++) expect(await tried(i % 2 ? app.t.core : another, email, PASSWORD)).toBe("right");
    const outcomes = await Promise.all(Array.from({ length: 16 }, (_, i) => tried(i % 2 ? app.t.core : another, email, "wrong")));
    expect(outcomes.filter((outcome) => outcome === "wrong")).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === "limited")).toHaveLength(6);
    // Who was let in a moment ago still is: the pair is known. Anybody else waits.
    expect(await tried(app.t.core, email, PASSWORD)).toBe("right");
    expect(await tried(app.t.core, await user(), PASSWORD)).toBe("right");
  });

  test("of an account are counted together, by whatever name it is called", async () => {
    const email = await user();
    const { id } = await app.t.core.db.unscoped.user.findFirstOrThrow({ where: { email } });
    const name = `name-${users}`;
    await updateUser(app.t.core, app.t.admin, { id, username: name });
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, i) => tried(app.t.core, i % 2 ? email : name, "wrong", "192.0.2.99")),
    );
    expect(outcomes.filter((outcome) => outcome === "wrong")).toHaveLength(10);
  });

  test("a pair that was right is known for that user and hash alone: a changed password, role or user is seen at once", async () => {
    const email = await user();
    const { id } = await app.t.core.db.unscoped.user.findFirstOrThrow({ where: { email } });
    expect(await tried(app.t.core, email, PASSWORD)).toBe("right");
    await updateUser(app.t.core, app.t.admin, { id, role: "VIEWER" });
    expect((await checkPassword(app.t.core, email, PASSWORD))?.role).toBe("VIEWER");
    await updateUser(app.t.core, app.t.admin, { id, password: "difference-engine" });
    expect(await tried(app.t.core, email, PASSWORD)).toBe("wrong");
    await updateUser(app.t.core, app.t.admin, { id, password: PASSWORD });
    await updateUser(app.t.core, app.t.admin, { id, disabled: true });
    expect(await tried(app.t.core, email, PASSWORD)).toBe("wrong");
  });

  test("of an address are thirty a minute, whatever the account, known or not", async () => {
    const from = "2001:db8:1:2::7";
    const somebody = await user();
    // All at once: they are counted before they are computed, which may take longer than a minute.
    const tries = Promise.all(
      Array.from({ length: 32 }, (_, i) => tried(app.t.core, `nobody-${i}@example.test`, "wrong", `2001:db8:1:2::${i.toString(16)}`)),
    );
    await counted(`password-address:${networkOf(from)}`, 30);
    expect(await tried(app.t.core, somebody, PASSWORD, from)).toBe("limited");
    const outcomes = await tries;
    expect(outcomes.filter((outcome) => outcome === "wrong")).toHaveLength(30);
    expect(await tried(app.t.core, await user(), PASSWORD, "2001:db8:1:3::7")).toBe("right");
  });

  test("a password that was changed is asked for anew, whatever pair was known", async () => {
    const subject = { id: "01930000-0000-7000-8000-000000000009", hash: null };
    expect(await checkAtDoor(app.t.core, { account: "gone", address: address(), subject, password: PASSWORD })).toBe(false);
  });

  test("IPv6 is counted by its /64, IPv4 by the address, mapped or not", () => {
    expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe(networkOf("2001:db8:1:2::1"));
    expect(networkOf("2001:db8:1:2::1")).not.toBe(networkOf("2001:db8:1:3::1"));
    expect(networkOf("::1")).toBe("0:0:0:0::/64");
    expect(networkOf("::ffff:192.0.2.7")).toBe("192.0.2.7");
  });
});

describe("B51 every password door says 429 with Retry-After in its own form", { timeout: 120_000 }, () => {
  const post = (path: string, body: string, headers: Record<string, string>) => fetch(app.url + path, { method: "POST", body, headers });
  const json = { "content-type": "application/json" };
  const SIGN_IN = `mutation ($input: SignInInput!) { signIn(input: $input) { __typename ... on RateLimitedError { code retryAfterSeconds } } }`;

  test("all six", async () => {
    // Thirty wrong ones of this machine's own address.
    const tries = Promise.all(Array.from({ length: 30 }, (_, i) => tried(app.t.core, `spite-${i}@example.test`, "wrong", "127.0.0.1")));
    await counted("password-address:127.0.0.1", 30);
    const signIn = await post(
      "/graphql",
      JSON.stringify({ query: SIGN_IN, variables: { input: { email: "a@b.c", password: "x" } } }),
      json,
    );
    expect(((await signIn.json()) as { data: unknown }).data).toEqual({
      signIn: { __typename: "RateLimitedError", code: "RATE_LIMITED", retryAfterSeconds: expect.any(Number) },
    });
    const basic = Buffer.from("a@b.c:x").toString("base64");
    const answers = [
      await post("/auth/local", JSON.stringify({ email: "a@b.c", password: "x" }), json),
      await post("/crmapi/rest/v2/authentication/token", JSON.stringify({ username: "a", password: "x", organisation: "o" }), json),
      await post("/api/v2/tokens/webservice", JSON.stringify({ id: "a", password: "x" }), json),
      await fetch(`${app.url}/api/v2/webservices`, { headers: { authorization: "Bearer a:x" } }),
      await fetch(`${app.url}/api/v1/Webhook`, { headers: { authorization: `Basic ${basic}` } }),
    ];
    for (const answer of answers) {
      expect([answer.url, answer.status]).toEqual([answer.url, 429]);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await answer.text()).not.toContain("stack");
    }
    await tries;
  });
});
