import { appendFileSync, writeFileSync } from "node:fs";
import { test } from "vitest";
import { probe, say, send, startTarget, TOKEN } from "./hostile.ts";
import { allMessages, allSpite } from "./spite.ts";
test("sweep", { timeout: 1e7 }, async () => {
  const t = await startTarget();
  const p = probe(t.url);
  const out: [number, string, unknown][] = [];
  const FILTER = new RegExp(process.env["ONLY"] ?? ".");
  const STEP = Number(process.env["STEP"] ?? 1);
  try {
    const items = allSpite().filter((s) => FILTER.test(s.name)).filter((_, i) => i % STEP === 0);
    console.log(items.length);
    for (const token of [undefined, TOKEN]) for (const item of items) {
      const spite = item.make();
      let r: { value: unknown; slowest: number };
      const began = performance.now();
      try { r = await p.during(() => send(t.url, spite, token)); } catch (e) { r = { value: String(e), slowest: 99999 }; }
      out.push([Math.round(r.slowest), `${token ? "SIGNED" : "ANON"} ${item.name} total ${Math.round(performance.now() - began)}`, r.value]);
      appendFileSync("/tmp/sweep.log", `${Math.round(r.slowest)} ${token ? "S" : "A"} ${item.name} ${r.value}\n`);
    }
    for (const token of [undefined, TOKEN]) for (const item of allMessages().filter((s) => FILTER.test(s.name)).filter((_, i) => i % STEP === 0)) {
      const m = item.make();
      let r: { value: unknown; slowest: number };
      try { r = await p.during(() => say(t.url, m, token)); } catch (e) { r = { value: String(e), slowest: 99999 }; }
      out.push([Math.round(r.slowest), `WS ${token ? "SIGNED" : "ANON"} ${item.name}`, r.value]);
    }
  } finally {
    out.sort((a, b) => b[0] - a[0]);
    writeFileSync("/tmp/sweep.out", out.map((o) => o.join(" | ")).join("\n"));
    console.log(out.slice(0, 60).map((o) => o.join(" | ")).join("\n"));
    console.log("500s:", out.filter((o) => o[2] === 500).map((o) => o[1]).join("\n"));
    p.close(); await t.close();
  }
});
