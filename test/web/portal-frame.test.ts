/** Who may hold which page in a frame. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, startInstallation } from "./helpers/installation.ts";

let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation({ HOOKLINE_PORTAL_FRAME_ANCESTORS: "https://app.example.com,https://b.example" });
}, 120_000);
afterAll(async () => {
  await installation?.remove();
});

const get = (path: string) => fetch(installation.url + path, { headers: { accept: "text/html" } });

test("pages of the named origins may frame the portal", { timeout: 150_000 }, async () => {
  for (const path of ["/portal", "/portal/requests", "/portal?x"]) {
    const page = await get(path);
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors https://app.example.com https://b.example");
    expect(page.headers.get("x-frame-options")).toBeNull();
  }
});

test("and nothing else", { timeout: 150_000 }, async () => {
  for (const path of ["/", "/webhooks/portal", "/portals", "/portal%2f", "/sign-in"]) {
    const page = await get(path);
    expect(page.headers.get("content-security-policy"), path).toContain("frame-ancestors 'none'");
    expect(page.headers.get("x-frame-options"), path).toBe("DENY");
  }
});

test("without a name, colour and logo of its owner the portal's page is the dashboard's, byte for byte", { timeout: 150_000 }, async () => {
  const bare = async (path: string) => (await (await get(path)).text()).replace(/(name="style-nonce" content=")[^"]+/, "$1");
  expect(await bare("/portal")).toBe(await bare("/"));
  expect(await bare("/portal/logo")).toBe(await bare("/"));
  expect(await bare("/portal")).not.toContain("portal-");
});
