/**
 * Pictures of every page, light, dark and on a phone, into test/web/__screenshots__ (not in git), from an installation of
 * its own with sample data. `node scripts/screenshots.ts log goal` takes only pages whose name holds one of the words;
 * `--readme` writes those that the README shows, and the moving one, into docs/images.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { BrowserContext, Page } from "playwright-core";
import { startReceiver } from "../test/helpers/receiver.ts";
import { launchBrowser } from "../test/web/helpers/browser.ts";
import { startInstallation } from "../test/web/helpers/installation.ts";
import { order, seed } from "../test/web/helpers/seed.ts";
import { apng } from "./apng.ts";

const TARGET = fileURLToPath(new URL("../test/web/__screenshots__", import.meta.url));
const IMAGES = fileURLToPath(new URL("../docs/images", import.meta.url));
const README = process.argv.includes("--readme");
const wanted = process.argv.slice(2).filter((word) => word !== "--readme");
/** Which of them the README shows, and as what. */
const README_SHOTS: Record<string, string> = {
  ...{ overview: "overview", log: "log", "request-rejected": "request", webhook: "webhook", search: "search", events: "events" },
};
const FRAMES = 14;

interface Shot {
  name: string;
  path: string;
  /** Brings the page to what the picture shows. */
  ready?: (page: Page) => Promise<unknown>;
}

const LOOKS = [
  { name: "light", viewport: { width: 1360, height: 850 }, colorScheme: "light" },
  { name: "dark", viewport: { width: 1360, height: 850 }, colorScheme: "dark" },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "light" },
] as const;

await mkdir(TARGET, { recursive: true });
const receivers = { good: await startReceiver(), flaky: await startReceiver(), broken: await startReceiver() };
const installation = await startInstallation({ HOOKLINE_RETRY_SCALE: "0.3" });
const browser = await launchBrowser();
try {
  const first = await browser.newContext({ viewport: LOOKS[0].viewport });
  await take(first, "light", { name: "sign-in", path: "/sign-in" });
  const page = await first.newPage();
  await page.goto(await installation.signInLink());
  await page.getByText("Welcome to Hookline").waitFor();
  await page.screenshot({ path: `${TARGET}/empty-light.png` });
  const storageState = await first.storageState();
  await first.close();

  await seed(installation, receivers, 480);
  await age();
  const shots = await list();
  for (const { name, ...look } of LOOKS) {
    const context = await browser.newContext({ ...look, storageState });
    for (const shot of shots) await take(context, name, shot);
    await context.close();
  }
  if (README) await live(await browser.newContext({ viewport: { width: 1080, height: 800 }, colorScheme: "light", storageState }));
} finally {
  await browser.close();
  await installation.remove();
  for (const receiver of Object.values(receivers)) await receiver.close();
}

/** Roll-ups of an hour, like those of what was just delivered, so that charts have something to show. */
async function age(): Promise<void> {
  const client = new pg.Client({ connectionString: await installation.databaseUrl() });
  await client.connect();
  const made = client.query(`
    INSERT INTO delivery_minute (organization_id, definition_id, minute, process, delivered, retried, rejected, durations, last_attempt_at)
    SELECT organization_id, definition_id, date_trunc('minute', now()) - n * interval '1 minute', process, ceil(sum(delivered) * share)::int,
      floor(sum(retried) * share)::int, floor(sum(rejected) * share)::int, (array_agg(durations::text ORDER BY delivered DESC))[1]::int[], max(last_attempt_at)
    FROM delivery_minute, generate_series(2, 58) AS n, LATERAL (SELECT (0.5 + 0.3 * sin(n / 7.0) + 0.1 * sin(n * 1.7)) / 10 AS share) s
    GROUP BY organization_id, definition_id, process, n, share ON CONFLICT DO NOTHING`);
  await made.finally(() => client.end());
}

async function take(context: BrowserContext, look: string, { name, path, ready }: Shot): Promise<void> {
  if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) return;
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") console.error(`${name} ${look}: ${message.text()}`);
  });
  await page.goto(installation.url + path);
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector('[role="status"][aria-label="Loading"]') === null);
  await ready?.(page);
  await page.waitForTimeout(350); // what still fades in
  const picture = await page.screenshot({ path: `${TARGET}/${name}-${look}.png` });
  if (README && look === "light" && name in README_SHOTS) await writeFile(`${IMAGES}/${README_SHOTS[name]}.png`, picture);
  await page.close();
}

/** The log while events come in. */
async function live(context: BrowserContext): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${installation.url}/log`);
  await page.getByText("Live", { exact: true }).waitFor();
  const frames: Buffer[] = [];
  for (let n = 0; n < FRAMES; n++) {
    await installation.emit(Array.from({ length: 1 + (n % 3) }, (_, i) => order(1_000 + 3 * n + i)));
    await page.waitForTimeout(250);
    frames.push(await page.screenshot({ clip: { x: 0, y: 0, width: 1080, height: 560 } }));
  }
  await writeFile(
    `${IMAGES}/live-log.png`,
    apng(
      frames,
      frames.map((_, i) => (i === FRAMES - 1 ? 1_500 : 400)),
    ),
  );
  await page.close();
}

async function list(): Promise<Shot[]> {
  const data =
    await installation.graphql(`{ webhookDefinitions(first: 100) { edges { node { id name } } } goals(first: 10) { edges { node { id name } } }
    rejected: webhookRequests(first: 1, filter: {state: [REJECTED]}) { edges { node { number } } }
    delivered: webhookRequests(first: 1, filter: {state: [DELIVERED], eventType: "order.paid"}) { edges { node { number } } } }`);
  const definition = (name: string) =>
    data.webhookDefinitions.edges.find((edge: { node: { name: string } }) => edge.node.name === name).node.id as string;
  const goal = data.goals.edges.find((edge: { node: { name: string } }) => edge.node.name === "Monthly revenue").node.id as string;
  return [
    { name: "overview", path: "/" },
    { name: "log", path: "/log", ready: (page) => page.getByText("Live", { exact: true }).waitFor() },
    { name: "log-selected", path: "/log", ready: select },
    { name: "request-rejected", path: `/log/${data.rejected.edges[0].node.number}` },
    { name: "request-compared", path: `/log/${data.rejected.edges[0].node.number}?compare=1-2` },
    { name: "request-delivered", path: `/log/${data.delivered.edges[0].node.number}` },
    { name: "lanes", path: "/lanes" },
    { name: "events", path: "/events" },
    { name: "search", path: "/log", ready: search },
    { name: "webhooks", path: "/webhooks" },
    { name: "webhook", path: `/webhooks/${definition("Order desk")}` },
    { name: "webhook-editor", path: "/webhooks", ready: (page) => edit(page, 0) },
    { name: "webhook-editor-middle", path: "/webhooks", ready: (page) => edit(page, 900) },
    { name: "webhook-editor-end", path: "/webhooks", ready: (page) => edit(page, 9_000) },
    { name: "webhook-test", path: `/webhooks/${definition("Order desk")}`, ready: test },
    { name: "workflow-rules", path: "/workflow-rules" },
    { name: "connections", path: "/connections" },
    { name: "scripts", path: "/scripts" },
    { name: "secret-keys", path: "/secret-keys" },
    { name: "web-services", path: "/web-services" },
    { name: "goals", path: "/goals" },
    { name: "wall", path: "/goals/wall", ready: (page) => page.getByText("Live", { exact: true }).waitFor() },
    { name: "goal", path: `/goals/${goal}`, ready: (page) => page.locator(".recharts-surface").first().waitFor() },
    { name: "inbound-webhooks", path: "/inbound-webhooks" },
    { name: "inbound-new", path: "/inbound-webhooks", ready: (page) => page.getByRole("button", { name: "New Webhook" }).click() },
    { name: "organization", path: "/settings" },
    { name: "users", path: "/settings/users" },
    { name: "api-tokens", path: "/settings/api-tokens" },
    { name: "event-types", path: "/settings/event-types" },
    { name: "audit-log", path: "/settings/audit-log" },
    { name: "not-found", path: "/nowhere" },
  ];
}

async function search(page: Page): Promise<void> {
  await page.getByText("Live", { exact: true }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search" }).fill("web");
  await page.getByRole("option").nth(1).waitFor();
}

async function select(page: Page): Promise<void> {
  await page.getByText("Live", { exact: true }).waitFor();
  const boxes = page.getByRole("checkbox", { name: /Select request/ });
  await boxes.nth(2).click();
  await boxes.nth(6).click({ modifiers: ["Shift"] });
}

async function edit(page: Page, scroll: number): Promise<void> {
  await page.getByRole("button", { name: "Actions of Accounting" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page.getByText(/Would take/).waitFor();
  await page.waitForTimeout(300);
  await page.locator(".mantine-Drawer-body, .mantine-Drawer-content").first().hover();
  await page.mouse.wheel(0, scroll);
}

async function test(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("region", { name: "Reply" }).waitFor();
}
