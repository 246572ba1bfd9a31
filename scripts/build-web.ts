/**
 * Builds the dashboard into dist/web, every file also as .br and .gz. `npm start` runs this by itself when dist/web is
 * missing or was built from other sources, in a process of its own, so that Vite never loads into the server.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "vite";
import { dashboardFingerprint } from "../src/api/dashboard.ts";
import { moveIntoPlace } from "./move-into-place.ts";

const target = fileURLToPath(new URL("../dist/web", import.meta.url));
// Two processes may build at once: each builds aside and moves its own into place.
const aside = `${target}-${process.pid}`;
const started = performance.now();
// Whoever asks may run in another mode, and React's own code for that is twice as large.
process.env["NODE_ENV"] = "production";

await mkdir(aside, { recursive: true });
await build({
  configFile: fileURLToPath(new URL("../src/web/vite.config.ts", import.meta.url)),
  logLevel: "warn",
  build: { outDir: aside, emptyOutDir: true },
});

const compressed = new Map<string, number>();
for (const entry of await readdir(aside, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || /\.(woff2|png)$/.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const bytes = await readFile(path);
  const br = await promisify(brotliCompress)(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  compressed.set(path.slice(aside.length + 1), br.length);
  await writeFile(`${path}.br`, br);
  await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
}
await writeFile(join(aside, "built-from"), await dashboardFingerprint());
await moveIntoPlace(aside, target); // whoever reads meanwhile reads again

const page = await readFile(join(target, "index.html"), "utf8");
const first = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => compressed.get(match[1] ?? "") ?? 0);
const kilobytes = first.reduce((sum, size) => sum + size, 0) / 1000;
console.log(
  `dashboard built in ${((performance.now() - started) / 1000).toFixed(1)} s; the shell is ${kilobytes.toFixed(0)} kB compressed`,
);
