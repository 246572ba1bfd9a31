import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, createEgress, type Egress, type Refusal, type Resolver } from "../../src/delivery/egress.ts";
import { createRefusalLog } from "../../src/delivery/refusal-log.ts";
import type { Log } from "../../src/observe/log.ts";

/** A resolver with a fixed book of names; several answers are turns when they stand in an outer array. */
function book(names: Record<string, string[] | string[][]>): Resolver & { asked: string[] } {
  const turns = new Map<string, number>();
  const asked: string[] = [];
  const resolver = async (hostname: string): Promise<Address[]> => {
    asked.push(hostname);
    const entry = names[hostname.replace(/\.$/, "")];
    if (!entry) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" });
    const turn = turns.get(hostname) ?? 0;
    turns.set(hostname, turn + 1);
    const answers = Array.isArray(entry[0]) ? (entry as string[][])[Math.min(turn, entry.length - 1)] : (entry as string[]);
    return (answers as string[]).map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  return Object.assign(resolver, { asked });
}

const NAMES = {
  localhost: ["127.0.0.1", "::1"],
  "ip6-localhost": ["::1"],
  "app.localhost": ["127.0.0.1"],
  "localtest.me": ["127.0.0.1"],
  "127.0.0.1.nip.io": ["127.0.0.1"],
  "10-0-0-1.sslip.io": ["10.0.0.1"],
  "private.example": ["192.168.1.10"],
  "cgnat.example": ["100.64.0.1"],
  "metadata.google.internal": ["169.254.169.254"],
  "instance-data.ec2.internal": ["169.254.169.254"],
  "metadata.azure.example": ["168.63.129.16"],
  "metadata.alibaba.example": ["100.100.100.200"],
  "zero.example": ["0.0.0.0"],
  "broadcast.example": ["255.255.255.255"],
  "mapped.example": ["::ffff:127.0.0.1"],
  "mapped-private.example": ["::ffff:10.0.0.1"],
  "ula.example": ["fd00:ec2::254"],
  "link-local6.example": ["fe80::1%eth0"],
  "nat64.example": ["64:ff9b::7f00:1"],
  "sixtofour.example": ["2002:7f00:1::"],
  "teredo.example": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
  "one-bad-of-three.example": ["93.184.216.34", "10.0.0.1", "93.184.216.35"],
  "bad-last.example": ["2606:2800:220:1:248:1893:25c8:1946", "::1"],
  "public.example": ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
  "garbage.example": ["not-an-address"],
  "empty.example": [],
};

/** Everything SECURITY.md names. None may be reached from an installation that allows nothing. */
const HOSTILE = `
https://127.0.0.1/
https://127.0.0.1:8443/
https://127.1/
https://127.0.1/
https://127.255.255.254/
https://2130706433/
https://017700000001/
https://0177.0.0.1/
https://0177.0.0.01/
https://0x7f000001/
https://0x7f.0.0.1/
https://0x7f.1/
https://127.0.0.1./
https://127.0.0.1.:443/
https://１２７.０.０.１/
https://127。0。0。1/
https://①②⑦.⓪.⓪.①/
https://127%2e0%2e0%2e1/
https://%31%32%37.0.0.1/
https://%6c%6f%63%61%6c%68%6f%73%74/
https://localhost/
https://LOCALHOST/
https://localhost./
https://ｌｏｃａｌｈｏｓｔ/
https://ip6-localhost/
https://app.localhost/
https://localtest.me/
https://127.0.0.1.nip.io/
https://0.0.0.0/
https://0/
https://00000000000/
https://10.0.0.1/
https://10.255.255.255/
https://172.16.0.1/
https://172.31.255.254/
https://192.168.0.1/
https://0xc0a80001/
https://3232235521/
https://192.168.257/
https://100.64.0.1/
https://100.127.255.254/
https://169.254.169.254/latest/meta-data/
https://169.254.170.2/
https://2852039166/
https://0xa9fea9fe/
https://0251.0376.0251.0376/
https://168.63.129.16/
https://100.100.100.200/
https://192.0.0.192/
https://192.0.2.1/
https://192.31.196.1/
https://192.52.193.1/
https://192.88.99.1/
https://192.175.48.1/
https://198.18.0.1/
https://198.51.100.1/
https://203.0.113.1/
https://224.0.0.1/
https://239.255.255.255/
https://240.0.0.1/
https://255.255.255.255/
https://[::1]/
https://[0:0:0:0:0:0:0:1]/
https://[::]/
https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/
https://[::ffff:169.254.169.254]/
https://[::ffff:8.8.8.8]/
https://[::127.0.0.1]/
https://[::ffff:0:127.0.0.1]/
https://[64:ff9b::127.0.0.1]/
https://[64:ff9b:1::1]/
https://[100::1]/
https://[2002:7f00:1::]/
https://[2001::1]/
https://[2001:db8::1]/
https://[2620:4f:8000::1]/
https://[3fff::1]/
https://[4000::1]/
https://[5f00::1]/
https://[fc00::1]/
https://[fd00:ec2::254]/
https://[fe80::1]/
https://[fe80::1%25eth0]/
https://[fec0::1]/
https://[ff02::1]/
https://metadata.google.internal/
https://metadata.google.internal./
https://instance-data.ec2.internal/
https://metadata.azure.example/
https://metadata.alibaba.example/
https://10-0-0-1.sslip.io/
https://private.example/
https://cgnat.example/
https://zero.example/
https://broadcast.example/
https://mapped.example/
https://mapped-private.example/
https://ula.example/
https://link-local6.example/
https://nat64.example/
https://sixtofour.example/
https://teredo.example/
https://one-bad-of-three.example/
https://bad-last.example/
https://garbage.example/
https://empty.example/
https://unknown.example/
https://user@public.example/
https://user:password@public.example/
https://:password@public.example/
https://public.example@127.0.0.1/
https://public.example:443@127.0.0.1/
https://127.0.0.1#@public.example/
https://127.0.0.1?@public.example/
https://127.0.0.1\\@public.example/
https:\\\\127.0.0.1/
https:/127.0.0.1/
https:127.0.0.1
https:///127.0.0.1/
https://127.0.0.1%23.public.example/
https://
https://./
https://:443/
https://public.example:0/
https://public.example:22/
https://public.example:25/
https://public.example:6379/
https://public.example:11211/
https://93.184.216.34:5432/
https://public.example:65536/
http://public.example/
http://93.184.216.34/
http://127.0.0.1/
http://[2606:2800:220:1:248:1893:25c8:1946]/
file:///etc/passwd
ftp://public.example/
gopher://127.0.0.1:6379/_FLUSHALL
dict://127.0.0.1:11211/stats
ldap://127.0.0.1/
unix:/var/run/docker.sock
http+unix://%2Fvar%2Frun%2Fdocker.sock/info
ws://public.example/
wss://public.example/
data:text/plain,hello
javascript:alert(1)
blob:https://public.example/1
jar:https://public.example!/
mailto:someone@public.example
//127.0.0.1/
/relative
public.example
127.0.0.1
`
  .trim()
  .split("\n");

/** As a call does it: the URL, then its addresses. */
async function reach(egress: Egress, text: string): Promise<string[] | string> {
  const checked = egress.checkUrl(text);
  if (!checked.ok) return checked.reason;
  try {
    return (await egress.resolve(checked.url)).map((answer) => answer.address);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

describe("an installation that allows nothing", () => {
  const egress = createEgress({ allow: [], resolver: book(NAMES) });

  it("knows at least 90 hostile URLs, each once", () => {
    expect(new Set(HOSTILE).size).toBe(HOSTILE.length);
    expect(HOSTILE.length).toBeGreaterThanOrEqual(90);
  });

  it.each(HOSTILE)("refuses %s", async (url) => {
    expect(await reach(egress, url)).toBeTypeOf("string");
  });

  it.each([
    "https://public.example/",
    "https://PUBLIC.example:8443/hooks?a=1",
    "https://93.184.216.34/",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/",
    "https://1.1.1.1:8080/",
  ])("reaches %s", async (url) => {
    expect(await reach(egress, url)).toBeInstanceOf(Array);
  });

  it("refuses a URL longer than 2048 characters, also when only its canonical form is", async () => {
    const start = "https://public.example/";
    expect(egress.checkUrl(start + "a".repeat(2048 - start.length)).ok).toBe(true);
    expect(egress.checkUrl(start + "a".repeat(2049 - start.length)).ok).toBe(false);
    expect(egress.checkUrl(start + "å".repeat(500)).ok).toBe(false);
  });

  it("gives the canonical form of what it accepts", () => {
    const checked = egress.checkUrl(" HTTPS://Public.Example:443/a/../b?c#d ");
    expect(checked.ok && checked.url.href).toBe("https://public.example/b?c#d");
  });

  it("refuses every address of the private ranges, in every way to write it", async () => {
    const inside = fc.oneof(
      fc.tuple(fc.constant(10), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
    );
    const write = [
      (q: number[]) => q.join("."),
      (q: number[]) => `${q.join(".")}.`,
      (q: number[]) => String(q.reduce((sum, n) => sum * 256 + n, 0)),
      (q: number[]) => `0x${q.map((n) => n.toString(16).padStart(2, "0")).join("")}`,
      (q: number[]) => q.map((n) => `0${n.toString(8)}`).join("."),
      (q: number[]) => `[::ffff:${q.join(".")}]`,
      (q: number[]) => `[64:ff9b::${q.join(".")}]`,
    ];
    fc.assert(
      fc.property(inside, fc.constantFrom(...write), (quad, form) => {
        expect(egress.checkUrl(`https://${form(quad)}/`).ok).toBe(false);
      }),
    );
  });
});

describe("an installation that allows loopback and 10.1.0.0/16", () => {
  const egress = createEgress({
    allow: ["127.0.0.0/8", "::1/128", "10.1.0.0/16"],
    resolver: book({ ...NAMES, "inside.example": ["10.1.2.3"], "half.example": ["10.1.2.3", "93.184.216.34"] }),
  });

  it.each([
    "http://127.0.0.1:4001/",
    "https://127.0.0.1/",
    "http://[::1]:4001/",
    "http://localhost:4001/",
    "https://localhost/",
    "http://inside.example/",
    "https://inside.example:6379/",
    "http://10.1.255.255:9200/",
    "https://public.example/",
    "https://half.example/",
  ])("reaches %s", async (url) => {
    expect(await reach(egress, url)).toBeInstanceOf(Array);
  });

  it.each([
    "https://10.2.0.1/",
    "https://192.168.0.1/",
    "https://169.254.169.254/",
    "http://public.example/",
    "http://half.example/",
    "http://93.184.216.34/",
    "https://public.example:22/",
    "https://half.example:22/",
    "https://93.184.216.34:22/",
  ])("refuses %s", async (url) => {
    expect(await reach(egress, url)).toBeTypeOf("string");
  });

  it("leaves http out where only https will do", () => {
    expect(egress.checkUrl("http://127.0.0.1/", { httpsOnly: true })).toMatchObject({ ok: false });
    expect(egress.checkUrl("https://127.0.0.1/", { httpsOnly: true })).toMatchObject({ ok: true });
  });
});

describe("names", () => {
  it("are not resolved to check a URL", () => {
    const resolver = book(NAMES);
    expect(createEgress({ allow: [], resolver }).checkUrl("https://private.example/").ok).toBe(true);
    expect(resolver.asked).toEqual([]);
  });

  it("that change between two lookups are judged each time", async () => {
    const resolver = book({ "flips.example": [["93.184.216.34"], ["169.254.169.254"], ["93.184.216.34"]] });
    const egress = createEgress({ allow: [], resolver });
    expect(await reach(egress, "https://flips.example/")).toEqual(["93.184.216.34"]);
    expect(await reach(egress, "https://flips.example/")).toBe("EGRESS_BLOCKED");
    expect(await reach(egress, "https://flips.example/")).toEqual(["93.184.216.34"]);
    expect(resolver.asked).toHaveLength(3);
  });

  it("asked for by many at once are looked up once", async () => {
    const resolver = book(NAMES);
    const egress = createEgress({ allow: [], resolver });
    await Promise.all(Array.from({ length: 50 }, () => reach(egress, "https://public.example/")));
    expect(resolver.asked).toEqual(["public.example"]);
  });

  it("that mean this machine or a cloud's metadata are refused where the resolver does not know them", async () => {
    const egress = createEgress({ allow: [], resolver: book({}) });
    const names = ["localhost", "localhost.", "a.b.localhost", "metadata.google.internal", "metadata.goog.", "instance-data"];
    for (const name of names) expect(await reach(egress, `https://${name}/`)).toBe("EGRESS_BLOCKED");
    for (const name of ["mylocalhost", "localhost.example", "orders.internal"]) {
      expect(await reach(egress, `https://${name}/`)).toBe("ENOTFOUND");
    }
  });

  it("are refused without their address", async () => {
    const egress = createEgress({ allow: [], resolver: book(NAMES) });
    const error = await egress.resolve(new URL("https://private.example/")).catch((e: Error) => e);
    expect(error).toMatchObject({ code: "EGRESS_BLOCKED" });
    expect(String(error)).not.toContain("192.168");
  });
});

describe("the connected socket's address", () => {
  const egress = createEgress({ allow: ["127.0.0.0/8"], resolver: book(NAMES) });
  it.each([
    ["93.184.216.34", "https://public.example/", true],
    ["127.0.0.1", "https://public.example/", true],
    ["10.0.0.1", "https://public.example/", false],
    ["93.184.216.34", "http://public.example/", false],
    ["93.184.216.34", "https://public.example:22/", false],
    ["127.0.0.1", "http://localhost/", true],
    ["::1", "http://localhost/", false],
    [undefined, "https://public.example/", false],
  ])("%s for %s: %s", (address, url, verdict) => {
    expect(egress.checkAddress(address, new URL(url))).toBe(verdict);
  });
});

describe("lookup for other clients", () => {
  const egress = createEgress({ allow: [], resolver: book(NAMES) });
  const ask = (url: string, all: boolean) =>
    new Promise((resolve) => {
      egress.lookup(new URL(url))("ignored", { all }, (error, address) => resolve(error?.code ?? address));
    });
  it("answers as dns.lookup does, or refuses", async () => {
    expect(await ask("https://public.example/", false)).toBe("93.184.216.34");
    expect(await ask("https://public.example/", true)).toHaveLength(2);
    expect(await ask("https://localhost/", true)).toBe("EGRESS_BLOCKED");
    expect(await ask("https://unknown.example/", true)).toBe("ENOTFOUND");
  });
});

describe("B78 NAT64 is judged as the IPv4 address inside", () => {
  const through = (allow: string[], ...addresses: string[]) => {
    const refused: Refusal[] = [];
    const resolver = async () => addresses.map((address) => ({ address, family: address.includes(":") ? (6 as const) : (4 as const) }));
    return { egress: createEgress({ allow, resolver, refused: (refusal) => refused.push(refusal) }), refused };
  };
  const named = new URL("https://name.test/");

  it.each(["64:ff9b::808:808", "64:ff9b::8.8.8.8", "64:FF9B:0:0:0:0:808:808"])("%s is public", async (address) => {
    expect(await through([], address).egress.resolve(named)).toHaveLength(1);
    expect(through([]).egress.checkAddress(address, named)).toBe(true);
  });

  it.each([
    ["64:ff9b::7f00:1", "127.0.0.1/32"],
    ["64:ff9b::10.1.2.3", "10.1.2.3/32"],
    ["64:ff9b::a9fe:a9fe", "169.254.169.254/32"],
    ["64:ff9b::", "0.0.0.0/32"],
    ["64:ff9b::1", "0.0.0.1/32"],
    ["64:ff9b::7f00:1%eth0", "127.0.0.1/32"],
    ["64:ff9b:1::808:808", "64:ff9b:1::808:808/128"],
    ["64:ff9b:0:0:0:1:808:808", "64:ff9b:0:0:0:1:808:808/128"],
  ])("%s is refused, and %s would allow it", async (address, cidr) => {
    const { egress, refused } = through([], address);
    await expect(egress.resolve(named)).rejects.toThrow("HOOKLINE_EGRESS_ALLOW");
    expect(refused).toEqual([{ host: "name.test", address, cidr }]);
    expect(await through([cidr], address).egress.resolve(named)).toHaveLength(1);
  });

  it("http to it is for an allowed IPv4 address only", async () => {
    const plain = new URL("http://name.test/");
    await expect(through([], "64:ff9b::808:808").egress.resolve(plain)).rejects.toThrow();
    expect(await through(["8.8.8.0/24"], "64:ff9b::808:808").egress.resolve(plain)).toHaveLength(1);
  });

  it("localhost with a v4-only allow list: the operator learns of ::1, the tenant of nothing", async () => {
    const { egress, refused } = through(["127.0.0.0/8"], "::1", "127.0.0.1");
    const error = await egress.resolve(new URL("http://localhost:8080/")).catch((e: Error) => e);
    expect(String(error)).not.toMatch(/::1|127\./);
    expect(refused).toEqual([{ host: "localhost", address: "::1", cidr: "::1/128" }]);
  });

  it("the operator's log has a line a minute, with address and CIDR", () => {
    let now = 0;
    const lines: unknown[][] = [];
    const log = { warn: (...line: unknown[]) => lines.push(line) } as unknown as Log;
    const tell = createRefusalLog({ log, clock: { monotonic: () => now } });
    const refusal = { host: "localhost", address: "::1", cidr: "::1/128" };
    for (const at of [0, 1_000, 59_999, 60_000]) {
      now = at;
      tell(refusal);
    }
    expect(lines).toHaveLength(2);
    expect(lines[0]).toEqual([
      { code: "EGRESS_BLOCKED", host: "localhost", address: "::1", allow: "::1/128" },
      "a call was refused: localhost leads to ::1; if it may be called, add ::1/128 to HOOKLINE_EGRESS_ALLOW",
    ]);
  });
});
