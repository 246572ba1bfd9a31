/** Names whose servers are mute, and what they leave to others. */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { type Address, createEgress } from "../../src/delivery/egress.ts";
import { createNames } from "../../src/delivery/names.ts";

const ADDRESSES: Address[] = [{ address: "93.184.216.34", family: 4 }];
const AT_ONCE = 7;

/** Lookups that end when the test says so; time that goes on when it says so. */
function world(atOnce = AT_ONCE) {
  let now = 0;
  const ends = new Map<string, (code?: string) => void>();
  const asked: string[] = [];
  const resolver = (hostname: string) => {
    asked.push(hostname);
    return new Promise<Address[]>((resolve, reject) => {
      ends.set(hostname, (code = hostname.startsWith("no") ? "ENOTFOUND" : undefined) =>
        code ? reject(Object.assign(new Error(`getaddrinfo ${code}`), { code })) : resolve(ADDRESSES),
      );
    });
  };
  const names = createNames(resolver, atOnce, () => now);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    asked,
    ask: (owner: string, ...hostnames: string[]) =>
      Promise.all(hostnames.map((hostname) => names(hostname, owner).catch((error) => error.code as string))),
    async answer(...hostnames: string[]) {
      for (const hostname of hostnames) ends.get(hostname)?.();
      await turn();
    },
    async fail(...hostnames: string[]) {
      for (const hostname of hostnames) ends.get(hostname)?.("EAI_AGAIN");
      await turn();
    },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const list = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}-${i}.test`);

describe("lookups under way", () => {
  test("one owner holds half of them, whatever he asks for, and others find some at once", async () => {
    const w = world();
    void w.ask("a", ...list(100, "mute"));
    expect(w.asked).toHaveLength(4);
    void w.ask("b", ...list(5, "b"));
    void w.ask("c", "c-0.test");
    expect(w.asked.slice(4)).toEqual(["b-0.test", "b-1.test", "c-0.test"]);
    await w.answer("c-0.test");
    expect(w.asked.at(-1)).toBe("c-0.test");
    await w.answer("b-0.test");
    expect(w.asked.at(-1)).toBe("b-2.test");
  });

  test("are never more than there are, and owners take turns", async () => {
    const w = world(2);
    for (const owner of ["a", "b", "c", "d"]) void w.ask(owner, ...list(3, owner));
    expect(w.asked).toEqual(["a-0.test", "b-0.test"]);
    await w.answer("a-0.test");
    await w.answer("b-0.test");
    await w.answer("a-1.test");
    await w.answer("b-1.test");
    expect(w.asked.slice(2)).toEqual(["a-1.test", "b-1.test", "c-0.test", "d-0.test"]);
  });

  test("a name is looked up once for all who ask, at whose turn comes first", async () => {
    const w = world();
    void w.ask("a", ...list(100, "mute"), "shared.test");
    const shared = w.ask("b", "shared.test");
    expect(w.asked.at(-1)).toBe("shared.test");
    const third = w.ask("a", "shared.test");
    await w.answer("shared.test");
    expect([await shared, await third]).toEqual([[ADDRESSES], [ADDRESSES]]);
    expect(w.asked.filter((name) => name === "shared.test")).toHaveLength(1);
    void w.ask("b", "shared.test");
    expect(w.asked.filter((name) => name === "shared.test")).toHaveLength(2);
  });

  test("what failed keeps its code, and holds nothing", async () => {
    const w = world(1);
    const first = w.ask("a", "nowhere.test", "next.test");
    await w.answer("nowhere.test");
    await w.answer("next.test");
    expect(await first).toEqual(["ENOTFOUND", ADDRESSES]);
  });
});

describe("names that did not answer", () => {
  test("go apart the next time, and hold up no other name of their owner", async () => {
    const w = world();
    const mute = list(4, "mute");
    void w.ask("a", ...mute, "good.test");
    w.pass(10_000);
    // Who asked for it has given up: it is not begun any more.
    await w.answer(...mute);
    expect(w.asked).toEqual(mute);
    void w.ask("a", ...mute, "good.test");
    expect(w.asked.slice(4).sort()).toEqual(["good.test", "mute-0.test"]);
    await w.answer("mute-0.test");
    expect(w.asked.at(-1)).toBe("mute-1.test");
    // It answers again.
    void w.ask("a", "mute-0.test");
    expect(w.asked.at(-1)).toBe("mute-0.test");
  });

  test("take turns, however often one of them is asked for", async () => {
    const w = world();
    const mute = list(4, "mute");
    void w.ask("a", ...mute);
    w.pass(6_000);
    await w.fail(...mute);
    void w.ask("b", "often.test");
    w.pass(6_000);
    await w.fail("often.test");
    const before = w.asked.length;
    void w.ask("a", ...mute, "often.test");
    for (let second = 1; second <= 40; second++) {
      w.pass(1_000);
      if (second % 4 === 0) void w.ask("a", ...mute);
      void w.ask("a", "often.test");
      if (second % 10 === 0) await w.fail(w.asked.at(-1) as string);
    }
    expect(w.asked.slice(before)).toEqual([...mute, "often.test"]);
  });

  test("and answered before are tried among the others soon, unless they fail again", async () => {
    const w = world();
    void w.ask("a", "good.test");
    await w.answer("good.test");
    void w.ask("a", "good.test", "mute-0.test", "mute-1.test");
    w.pass(10_000);
    await w.fail("good.test", "mute-0.test", "mute-1.test");
    void w.ask("a", "mute-0.test", "mute-1.test", "good.test");
    expect(w.asked.slice(4)).toEqual(["mute-0.test"]);
    w.pass(30_000);
    void w.ask("a", "mute-1.test", "good.test");
    expect(w.asked.slice(4)).toEqual(["mute-0.test", "good.test"]);
  });

  test("whoever still waits for one that is not begun is told to try again", async () => {
    const w = world(1);
    const waiting = w.ask("a", "first.test", "second.test");
    w.pass(6_000);
    await w.answer("first.test");
    expect(await waiting).toEqual([ADDRESSES, "EAI_AGAIN"]);
    void w.ask("a", "second.test");
    expect(w.asked).toEqual(["first.test", "second.test"]);
  });
});

test("an egress that asks for one tenant's mute names resolves another's", async () => {
  const resolver = (hostname: string) => (hostname.startsWith("mute") ? new Promise<Address[]>(() => {}) : Promise.resolve(ADDRESSES));
  const egress = createEgress({ allow: [], resolver });
  for (const name of list(50, "mute")) void egress.resolve(new URL(`https://${name}/`), "a");
  await expect(egress.resolve(new URL("https://good.test/"), "b")).resolves.toEqual(ADDRESSES);
});

/** What getaddrinfo itself does needs a resolv.conf of its own, and so a mount namespace. */
const mayMount = await promisify(execFile)("unshare", ["-m", "true"]).then(
  () => true,
  () => false,
);
test.runIf(mayMount)("a name server that does not answer leaves the names of others", { timeout: 60_000 }, async () => {
  const server = createSocket("udp4").bind(53, "127.0.0.53");
  await once(server, "listening");
  const egress = new URL("../../src/delivery/egress.ts", import.meta.url).pathname;
  const script = `
    const { createEgress } = await import(${JSON.stringify(egress)});
    const egress = createEgress({ allow: ["127.0.0.0/8", "::1/128"] });
    for (let i = 0; i < 20; i++) egress.resolve(new URL("https://mute-" + i + ".test/"), "a").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = performance.now();
    const [{ address }] = await egress.resolve(new URL("https://localhost/"), "b");
    console.log(JSON.stringify({ address, ms: performance.now() - before }));
    process.exit();`;
  const inside = `printf 'nameserver 127.0.0.53\\noptions attempts:1 timeout:3\\n' > /tmp/resolv.$$; mount --bind /tmp/resolv.$$ /etc/resolv.conf; rm /tmp/resolv.$$; exec "$@"`;
  const { stdout } = await promisify(execFile)(
    "unshare",
    ["-m", "sh", "-c", inside, "sh", process.execPath, "--input-type=module", "-e", script],
    { timeout: 50_000, env: { ...process.env, UV_THREADPOOL_SIZE: "16" } },
  ).finally(() => server.close());
  const { address, ms } = JSON.parse(stdout);
  expect(["127.0.0.1", "::1"]).toContain(address);
  expect(ms).toBeLessThan(1_000);
});
