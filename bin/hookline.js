#!/usr/bin/env node
// Plain JavaScript that any Node runs: TypeScript without a build step needs Node 22.19, and the package `node`, one of
// our dependencies, brings it when the installed one is older.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 22 || (major === 22 && minor >= 19)) {
  if (existsSync(".env")) process.loadEnvFile(".env");
  const { load } = await import("../src/bundle.ts");
  await load("cli");
} else {
  const own = ["../node_modules/.bin/node", "../../.bin/node"]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  if (own === undefined) {
    console.error(`hookline needs Node 22.19 or newer, this is ${process.version}: install one, or run \`npm install\` here`);
    process.exit(1);
  }
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // Whatever is sent to us alone is passed on. Ctrl-C reaches the child by itself, too: twice at the same moment is once.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
