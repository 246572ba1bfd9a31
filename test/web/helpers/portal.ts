/** The portal of one application, as its customers open it. */
import type { Page } from "playwright-core";
import type { Dashboard } from "./dashboard.ts";
import { mutate } from "./seed.ts";

export interface Customers {
  /** Of the application. */
  id: string;
  /** In a browser that knows nothing of the organization's own people. @param path within the portal */
  open(path?: string): Promise<Page>;
}

export async function makeCustomers({ installation, browser, mistakes }: Dashboard, uid: string, name: string): Promise<Customers> {
  const { id } = await mutate(installation, "createApplication", { uid, name }, "... on Application { id }");
  return {
    id,
    async open(path) {
      const { url } = await mutate(installation, "createPortalLink", { applicationId: id }, "... on PortalLink { url }");
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
      context.setDefaultTimeout(60_000);
      const page = await context.newPage();
      page.on("pageerror", (error) => mistakes.push(String(error)));
      await page.goto(url);
      await page.locator("h1").first().waitFor();
      if (path !== undefined) {
        await page.goto(installation.url + path);
        await page.locator("h1").first().waitFor();
      }
      return page;
    },
  };
}
