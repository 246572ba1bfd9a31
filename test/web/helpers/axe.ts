/** What axe finds wrong with a page as it stands, and whether it can be scrolled sideways. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** The document is the same in both themes. */
export const OF_THE_THEME = ["color-contrast", "link-in-text-block"];

export interface Fault {
  page: string;
  rule: string;
  where: string[];
}

/** @param rules those alone; what depends on the theme is looked at in both, all else once */
export async function faultsOf(page: Page, name: string, rules?: readonly string[]): Promise<Fault[]> {
  // By the debugger's door: the page's own policy would not let a foreign script in.
  await page
    .context()
    .newCDPSession(page)
    .then(async (session) => {
      await session.send("Runtime.evaluate", { expression: await readFile(AXE, "utf8") });
      await session.detach();
    });
  const { violations } = await page.evaluate(
    (only) =>
      (
        window as unknown as {
          axe: {
            run(options: { runOnly?: readonly string[] }): Promise<{
              violations: { id: string; impact: string; nodes: { html: string; target: string[]; failureSummary: string }[] }[];
            }>;
          };
        }
      ).axe.run(only ? { runOnly: only } : {}),
    rules,
  );
  return violations
    .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
    .map((violation) => ({
      page: name,
      rule: violation.id,
      where: violation.nodes.slice(0, 4).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`),
    }));
}

export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-label="Loading"]') === null);
  // What fades in has no contrast yet.
  await page.waitForFunction(() =>
    document.getAnimations().every(({ playState, effect }) => playState !== "running" || effect?.getTiming().iterations === Infinity),
  );
}

/** The page hears of it a little later, unless somebody chose a theme. */
export async function turnTo(page: Page, colorScheme: "light" | "dark"): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.waitForFunction(
    (scheme) =>
      document.documentElement.dataset["mantineColorScheme"] === scheme ||
      ["light", "dark"].includes(localStorage.getItem("mantine-color-scheme-value") ?? "auto"),
    colorScheme,
  );
}

/** Faults of the page in light and in dark, and on a phone's width whether it goes beyond; leaves it light and wide. */
export async function looked(page: Page, name: string): Promise<unknown[]> {
  const wrong: unknown[] = [];
  const wide = page.viewportSize() ?? { width: 1360, height: 850 };
  for (const [colorScheme, rules] of [["dark", OF_THE_THEME] as const, ["light", undefined] as const]) {
    await turnTo(page, colorScheme);
    await settled(page);
    wrong.push(...(await faultsOf(page, `${name}, ${colorScheme}`, rules)));
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await settled(page);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > 390) wrong.push(`${name}: ${width} wide at 390`);
  await page.setViewportSize(wide);
  return wrong;
}
