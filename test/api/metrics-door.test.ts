/** Who may read /metrics. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMetricsServer, createServer, createWorkerServer, type Server } from "../../src/api/server.ts";
import type { Config } from "../../src/config.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const TOKEN = "metrics-0123456789abcdef";

async function serving(
  config: Partial<Config>,
  make: (core: TestApp["doors"]["core"]) => Promise<Pick<Server, "listen" | "close">>,
  use: (get: (path: string, headers?: Record<string, string>) => Promise<Response>) => Promise<void>,
): Promise<void> {
  const core = { ...(await app.t.another()), config: { ...app.t.core.config, ...config } };
  const server = await make(core);
  try {
    const { port } = await server.listen();
    await use((path, headers = {}) => fetch(`http://127.0.0.1:${port}${path}`, { headers }));
  } finally {
    await server.close();
  }
}

describe("B64 /metrics", () => {
  const doors = { "an API": (core: TestApp["doors"]["core"]) => createServer({ ...app.doors, core }), "a worker": createWorkerServer };
  test.each(Object.entries(doors))("of %s answers this machine, and nobody through a proxy", async (_name, make) => {
    await serving({}, make, async (get) => {
      expect((await get("/metrics")).status).toBe(200);
      for (const header of ["x-forwarded-for", "forwarded", "x-real-ip", "via"]) {
        const refused = await get("/metrics", { [header]: "127.0.0.1" });
        expect(refused.status).toBe(403);
        expect(await refused.json()).toMatchObject({ code: "FORBIDDEN", detail: expect.stringContaining("HOOKLINE_METRICS_TOKEN") });
      }
    });
  });

  test("with a token: whoever shows it, from wherever, and nobody else", async () => {
    await serving({ metricsToken: TOKEN }, createWorkerServer, async (get) => {
      for (const authorization of [undefined, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, app.adminToken]) {
        const refused = await get("/metrics", authorization === undefined ? {} : { authorization });
        expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      }
      const shown = await get("/metrics", { authorization: `Bearer ${TOKEN}`, "x-forwarded-for": "203.0.113.9" });
      expect(shown.status).toBe(200);
      expect(await shown.text()).not.toContain(TOKEN);
      expect((await get("/healthz")).status).toBe(200);
    });
  });

  test("with a port of its own: there alone, and nothing else there; with a token, that too", async () => {
    await serving({ metricsPort: 0 }, createWorkerServer, async (get) => {
      expect((await get("/metrics")).status).toBe(404);
      expect((await get("/readyz")).status).toBe(200);
    });
    await serving({ metricsPort: 0 }, createMetricsServer, async (get) => {
      expect((await get("/metrics", { "x-forwarded-for": "203.0.113.9" })).status).toBe(200);
      expect(await Promise.all(["/healthz", "/graphql", "/"].map(async (path) => (await get(path)).status))).toEqual([404, 404, 404]);
    });
    await serving({ metricsPort: 0, metricsToken: TOKEN }, createMetricsServer, async (get) => {
      expect((await get("/metrics")).status).toBe(401);
      expect((await get("/metrics", { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    });
  });
});
