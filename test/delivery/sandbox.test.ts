import { afterAll, describe, expect, test } from "vitest";
import { createFairQueue, MOST_TRIED } from "../../src/delivery/sandbox/queue.ts";
import { createSandbox, type RunContext } from "../../src/delivery/sandbox/sandbox.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.close());

const acme: RunContext = { organizationId: "acme", key: "a", now: new Date("2026-11-21T20:40:00.123Z") };
const globex: RunContext = { ...acme, organizationId: "globex" };
const script = (source: string, globals: Record<string, unknown> = {}, context = acme) => sandbox.runScript(source, globals, context);
const transform = (source: string, event: unknown = { id: "evt_1", payload: { total: 120 } }) =>
  sandbox.transform(source, JSON.stringify(event), acme);

describe("scripts", () => {
  test("see their globals; the last expression is the result", async () => {
    const ran = await script("console.log('got', Event, Changes); ({ n: PrimaryKey + 1, region })", {
      Event: "contact.changed",
      PrimaryKey: 18,
      Changes: { name: "Åse 😀" },
      region: "eu",
    });
    expect(ran).toMatchObject({ kind: "DONE", result: '{"n":19,"region":"eu"}', console: ['got contact.changed {"name":"Åse 😀"}'] });
  });

  test("nothing of a run is there for the next", async () => {
    await script("globalThis.leak = 1; Object.prototype.leak = 2; Array.prototype.map = null; JSON.stringify = null; 1");
    expect(await script("[typeof leak, ({}).leak === undefined, [1].map((x) => x + 1)]")).toMatchObject({
      result: '["undefined",true,[2]]',
    });
  });

  test("no network, no timers, no modules, no process", async () => {
    const names =
      "fetch XMLHttpRequest WebSocket setTimeout setInterval queueMicrotask require process module performance std os WebAssembly";
    const ran = await script(`${JSON.stringify(names.split(" "))}.filter((name) => typeof globalThis[name] !== "undefined")`);
    expect(ran).toMatchObject({ kind: "DONE", result: "[]" });
    expect(await script("import('fs')")).toMatchObject({ kind: "ERROR", code: "SCRIPT_ERROR" });
  });

  test("the clock stands at the given time, by every way to it", async () => {
    const ran = await script(
      "[new Date(), Date.now(), new (new Date(5).constructor)(), Reflect.construct(Date, []), new (class extends Date {})(), typeof Date(), new Date(7).getTime()]",
    );
    const now = "2026-11-21T20:40:00.123Z";
    expect(ran.kind === "DONE" && JSON.parse(ran.result)).toEqual([now, Date.parse(now), now, now, now, "string", 7]);
  });

  test("chance is the same for the same input", async () => {
    const roll = (n: number) => script("[Math.random(), Math.random()]", { n });
    const [one, again, other] = await Promise.all([roll(1), roll(1), roll(2)]);
    expect(one).toMatchObject({ kind: "DONE" });
    expect(
      one.kind === "DONE" && again.kind === "DONE" && other.kind === "DONE" && [again.result === one.result, other.result === one.result],
    ).toEqual([true, false]);
  });

  test("an exception is SCRIPT_ERROR with message, line and console", async () => {
    expect(await script("console.log('before');\n\nnull.x")).toMatchObject({
      kind: "ERROR",
      code: "SCRIPT_ERROR",
      message: expect.stringMatching(/^TypeError: .*null.* \(line 3\)$/),
      console: ["before"],
    });
    expect(await script("throw null")).toMatchObject({ code: "SCRIPT_ERROR", message: "thrown: null" });
    expect(await script("throw { get message() { throw 1 } }")).toMatchObject({ code: "SCRIPT_ERROR" });
    expect(await script("Promise.reject(new Error('late'))")).toMatchObject({
      code: "SCRIPT_ERROR",
      message: expect.stringContaining("late"),
    });
    expect(await script("new Promise(() => {})")).toMatchObject({ code: "SCRIPT_ERROR" });
  });

  test("a promise is followed; what is no JSON is null", async () => {
    expect(await script("(async () => 1 + (await 2))()")).toMatchObject({ kind: "DONE", result: "3" });
    expect(await script("(function () {})")).toMatchObject({ kind: "DONE", result: "null" });
    expect(await script("const o = {}; o.o = o; o")).toMatchObject({ kind: "DONE", result: "null", console: ["[the result is not JSON]"] });
  });
});

describe("hostile sources", () => {
  // The last needs the watchdog outside: QuickJS does not interrupt it.
  test.each([
    "for (;;) {}",
    "for (;;) { try { for (;;) {} } catch {} finally { continue } }",
    "/^(a+)+$/.test('a'.repeat(40) + 'b')",
    "const again = () => { Promise.resolve().then(again); }; again(); 1",
    "({ toJSON() { for (;;) {} } })",
    "throw { get message() { for (;;) {} } }",
    "new Array(1e9).join('x')",
  ])("endless: %s", async (source) => {
    const started = performance.now();
    expect(await script(source)).toMatchObject({ kind: "ERROR", code: "SCRIPT_TIMEOUT", message: "took longer than 1 s" });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await script("1 + 1")).toMatchObject({ kind: "DONE", result: "2" });
  });

  test.each([
    "const a = []; for (;;) a.push('x'.repeat(100_000) + a.length)",
    "const a = []; for (let i = 0; i < 100; i++) a.push(new Uint8Array(1 << 20).fill(1)); a.length",
    "'x'.repeat(2 ** 29)",
    "new ArrayBuffer(2 ** 30)",
    "const a = []; for (let i = 0; ; i++) a.push({ i })",
    "let s = 'x'; for (;;) s += s",
  ])("memory: %s", async (source) => {
    expect(await script(source)).toMatchObject({ kind: "ERROR", code: "SCRIPT_MEMORY", message: "needed more than 32 MiB of memory" });
    expect(await script("1 + 1")).toMatchObject({ kind: "DONE", result: "2" });
  });

  test.each([
    "function f() { f() } f()",
    "const a = []; a.push(a); a.flat(Infinity)",
    "JSON.parse('['.repeat(1e6))",
    `${"(".repeat(100_000)}`,
    "const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.x",
  ])("recursion: %.60s", async (source) => {
    expect(await script(source)).toMatchObject({ kind: "ERROR", code: "SCRIPT_ERROR" });
    expect(await script("1 + 1")).toMatchObject({ kind: "DONE", result: "2" });
  });

  test("a flood of console output is cut at 64 KiB, lines without text too", async () => {
    const bytes = async (source: string) => {
      const { console } = await script(source);
      expect(console.at(-1)).toBe("[the console was cut here]");
      expect(console.length).toBeLessThan(10_000);
      return console.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
    };
    const limit = 64 * 1024 + 64;
    expect(await bytes("for (let i = 0; i < 1e5; i++) console.log('line ' + i); 1")).toBeLessThan(limit);
    expect(await bytes("for (let i = 0; i < 1e5; i++) console.error(); 1")).toBeLessThan(limit);
    expect(await bytes("console.log('😀'.repeat(1e6)); 1")).toBeLessThan(limit);
    expect(await bytes("console.log('x'.repeat(20 * 2 ** 20)); throw 1")).toBeLessThan(limit);
  });

  test("a result over 64 KiB is refused", async () => {
    expect(await script("'x'.repeat(70000)")).toMatchObject({ code: "SCRIPT_ERROR", message: "the result is larger than 64 KiB" });
    expect(await script("'é'.repeat(40000)")).toMatchObject({ code: "SCRIPT_ERROR", message: "the result is larger than 64 KiB" });
  });

  test("what a source makes of the writing of JSON is no result", async () => {
    const tricks = [
      "RegExp.prototype[Symbol.replace] = () => 'not json'; ",
      'RegExp.prototype[Symbol.replace] = () => \'1,"console":["lie"]\'; ',
    ];
    for (const trick of tricks) {
      expect(await script(`${trick}1`)).toMatchObject({ kind: "ERROR", message: expect.stringContaining("cannot be written as JSON") });
      expect(await transform(`function transform() { ${trick} return { body: { a: 1 } }; }`)).toMatchObject({
        kind: "ERROR",
        message: expect.stringContaining("cannot be written as JSON"),
      });
    }
    for (const body of [String.raw`"\u0000number:007"`, String.raw`{ "\u0000number:1": 2 }`])
      expect(await transform(`function transform() { return { body: ${body} }; }`)).toMatchObject({ kind: "ERROR" });
  });

  test("prototype tricks reach nothing of ours", async () => {
    await script("Object.prototype.polluted = 1; ({ __proto__: { polluted: 1 } })");
    await transform(`function transform() {
      Object.prototype.headers = { "x-a": "1" }; Object.prototype.kind = "NULL"; Array.prototype.toJSON = () => "gotcha";
      return JSON.parse('{"body": {"__proto__": {"polluted": 1}}, "__proto__": {"polluted": 1}}');
    }`);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const constructed = await script("this.constructor.constructor('return typeof process + typeof globalThis.WebAssembly')()");
    expect(constructed).toMatchObject({ result: '"undefinedundefined"' });
  });

  test("one organization's endless loops do not keep another from running", async () => {
    const loops = Array.from({ length: 6 }, (_, i) => script("for (;;) {}", {}, { ...acme, key: `loop-${i}` }));
    const others = Array.from({ length: 5 }, (_, i) => script("1", {}, { ...globex, key: `k-${i}` }));
    const first = await Promise.race([Promise.all(others).then(() => "others"), Promise.all(loops).then(() => "loops")]);
    expect(first).toBe("others");
    expect((await Promise.all(loops)).every((ran) => ran.kind === "ERROR" && ran.code === "SCRIPT_TIMEOUT")).toBe(true);
  });

  test("the main thread goes on meanwhile", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    await script("for (;;) {}");
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
  });
});

describe("transformations", () => {
  test("body, headers and suffix come out; null sends nothing", async () => {
    const ran = await transform(
      "const transform = (event) => ({ body: { id: event.id, double: event.payload.total * 2 }, headers: { 'X-Region': 'eu' }, urlSuffix: '/orders?x=1' })",
    );
    expect(ran).toMatchObject({
      kind: "SEND",
      body: '{"id":"evt_1","double":240}',
      headers: { "X-Region": "eu" },
      urlSuffix: "/orders?x=1",
    });
    expect(await transform("function transform() { return null }")).toMatchObject({ kind: "SKIP" });
    expect(await transform("async function transform(e) { return { body: [e.id] } }")).toMatchObject({ kind: "SEND", body: '["evt_1"]' });
  });

  test.each([
    ["function transform() {}", /not undefined/],
    ["function transform() { return 'text' }", /not string/],
    ["function transform() { return {} }", /no body/],
    ["function transform() { return { body: 1, urlSuffix: '//evil.example' } }", /single \//],
    ["function transform() { return { body: 1, urlSuffix: 'orders' } }", /single \//],
    ["function transform() { return { body: 1, urlSuffix: '/a/%2e%2E/b' } }", /segments/],
    ["function transform() { return { body: 1, urlSuffix: '/a\\\\b' } }", /ASCII/],
    ["function transform() { return { body: 1, urlSuffix: 7 } }", /string/],
    ["function transform() { return { body: 1, headers: { Host: 'evil' } } }", /Host/],
    ["function transform() { return { body: 1, headers: { 'X-A': 'a\\r\\nb' } } }", /X-A/],
    ["function transform() { return { body: 1, headers: { 'X-A': 1 } } }", /X-A/],
    ["function transform() { return { body: 1, headers: ['X-A'] } }", /object/],
    ["function transform() { return { get body() { throw new Error('trap') } } }", /trap/],
    ["function transform() { return new Proxy({}, { get() { for (;;) {} } }) }", /longer than 1 s/],
    ["function transform() { return { body: 'x'.repeat(70000) } }", /64 KiB/],
    ["function transform() { return { body: new Array(1e8).fill(1) } }", /32 MiB/],
    ["function transform(e) { return { body: e.missing.deep } }", /line 1/],
    ["const x = 1", /function transform/],
    ["function transform( {", /SyntaxError/],
  ])("%s is TRANSFORMATION_ERROR", async (source, message) => {
    expect(await transform(source)).toMatchObject({ kind: "ERROR", code: "TRANSFORMATION_ERROR", message: expect.stringMatching(message) });
  });
});

describe("check", () => {
  test("a script must parse, and is not run", async () => {
    expect(await sandbox.check("for (;;) {}", { kind: "SCRIPT" })).toEqual([]);
    expect(await sandbox.check("let let = 1", { kind: "SCRIPT" })).toEqual([{ path: "", message: expect.stringContaining("SyntaxError") }]);
    expect(await sandbox.check(" ".repeat(300_000), { kind: "SCRIPT" })).toHaveLength(1);
  });

  test("a transformation must define transform", async () => {
    const check = (source: string) => sandbox.check(source, { kind: "TRANSFORMATION" });
    expect(await check("function transform(event) { return null }")).toEqual([]);
    expect(await check("let transform = (event) => event.deep.missing")).toEqual([]);
    expect(await check("function other() {}")).toEqual([{ path: "", message: "must define a function transform(event)" }]);
    expect(await check("function transform() { return 1")).toHaveLength(1);
    expect(await check("function transform() {} for (;;) {}")).toEqual([{ path: "", message: "took longer than 1 s" }]);
  });
});

describe("the queue", () => {
  test("organizations take turns, none takes the last thread, an owner runs once at a time", () => {
    const queue = createFairQueue<string>(3);
    const add = (organizationId: string, key: string, item: string) => queue.add({ organizationId, key }, item);
    for (const item of ["a1", "a2"]) add("A", "x", item);
    for (const item of ["a3", "a4"]) add("A", "y", item);
    add("A", "z", "a5");
    add("B", "x", "b1");
    const taken = () => queue.take();
    const first = taken();
    expect([first?.item, taken()?.item, taken()?.item, taken()?.item]).toEqual(["a1", "b1", "a3", undefined]);
    queue.done({ organizationId: "A", key: "x" });
    expect(taken()?.item).toBe("a5");
    expect(queue.clear().sort()).toEqual(["a2", "a4"]);
  });

  test("an owner that says so has a bound of its own, and others go on", () => {
    const queue = createFairQueue<number>(3);
    const hook = { organizationId: "acme", key: "hook", most: 2 };
    queue.add(hook, 1);
    queue.add(hook, 2);
    expect(() => queue.add(hook, 3)).toThrow("too many requests");
    queue.add({ organizationId: "acme", key: "definition" }, 4);
    expect(queue.take()?.item).toBe(1);
    queue.add(hook, 5);
    expect(queue.take()?.item).toBe(4);
  });

  test("what people try has a bound of its own, which deliveries of their organization never meet", () => {
    const queue = createFairQueue<number>(2);
    for (let i = 0; i < 2_000; i++) queue.add({ organizationId: "A", key: "x" }, i);
    const tried = { organizationId: "A", key: "dry-run", most: MOST_TRIED };
    for (let i = 0; i < MOST_TRIED; i++) queue.add(tried, i);
    expect(() => queue.add(tried, 0)).toThrow(/try again/);
    queue.add({ organizationId: "A", key: "x" }, 2_000);
    queue.add({ organizationId: "B", key: "x" }, 1);
    expect(queue.take()?.owner.organizationId).toBe("A");
    expect(queue.take()?.owner.organizationId).toBe("B");
  });
});

test("close rejects what still runs", async () => {
  const closing = createSandbox({ threads: 1 });
  const running = closing.runScript("for (;;) {}", {}, acme);
  const rejected = expect(running).rejects.toThrow("closed");
  await closing.close();
  await rejected;
  await expect(closing.runScript("1", {}, acme)).rejects.toThrow("closed");
});
