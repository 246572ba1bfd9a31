/** The dashboard in a browser, signed in, for one test file. */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { createTestDatabase, MASTER_KEY_TEXT } from "../../helpers/database.ts";
import { launchBrowser } from "./browser.ts";
import { type Installation, startInstallation } from "./installation.ts";

export interface Dashboard {
  installation: Installation;
  browser: Browser;
  /** Signed in as the administrator. */
  context: BrowserContext;
  /** Errors on the browser's console: a page must write none. */
  mistakes: string[];
  open(path: string): Promise<Page>;
  /** A browser of somebody else, signed in nowhere, whose mistakes count as well. */
  person(options?: BrowserContextOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

/** What a browser says by itself when the server is away, which tests make happen. */
const EXPECTED = /ERR_CONNECTION|WebSocket connection|Failed to load resource/;

export async function openDashboard(env: Record<string, string> = {}): Promise<Dashboard> {
  // One that brings its own Postgres needs ten seconds more on a small machine.
  const database = await createTestDatabase();
  const own = { DATABASE_URL: database.url, HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT, HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8,::1/128" };
  const installation = await startInstallation(env, own);
  const remove = async () => {
    await installation.remove();
    await database.drop();
  };
  try {
    return await openIn(installation, remove);
  } catch (error) {
    // Nobody else ends what a test file never got.
    await remove();
    throw error;
  }
}

async function openIn(installation: Installation, remove: () => Promise<void>): Promise<Dashboard> {
  const browser = await launchBrowser();
  // A third of a test's time would go to what slides and fades; a menu that moves is tried by sign-out.test.ts.
  const context = await browser.newContext({
    viewport: { width: 1360, height: 850 },
    permissions: ["clipboard-read", "clipboard-write"],
    reducedMotion: "reduce",
  });
  // Playwright's own is half of it: too short for a page on a machine that starts a server beside it.
  context.setDefaultTimeout(60_000);
  const mistakes: string[] = [];
  const watch = (watched: BrowserContext) =>
    watched.on("page", (page) => {
      page.on("console", (message) => {
        if (message.type() === "error" && !EXPECTED.test(message.text())) mistakes.push(message.text());
      });
      page.on("pageerror", (error) => mistakes.push(String(error)));
    });
  watch(context);
  const first = await context.newPage();
  await first.goto(await installation.signInLink());
  await first.getByRole("navigation", { name: "Main" }).waitFor();
  await first.close();
  return {
    installation,
    browser,
    context,
    mistakes,
    async person(options = {}) {
      const other = await browser.newContext({ viewport: { width: 1300, height: 850 }, reducedMotion: "reduce", ...options });
      other.setDefaultTimeout(60_000);
      watch(other);
      return other;
    },
    async open(path) {
      const page = await context.newPage();
      await page.goto(installation.url + path);
      await page.locator("h1").first().waitFor();
      return page;
    },
    async close() {
      await browser.close();
      await remove();
    },
  };
}
