/** A real Chromium: Debian's where it is installed, else the one that Playwright installed. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const DEBIAN = "/usr/bin/chromium";

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(existsSync(DEBIAN) ? { executablePath: DEBIAN } : {}),
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Fewer processes to start: a tenth of the time of a test.
      "--process-per-site",
      "--in-process-gpu",
    ],
  });
}
