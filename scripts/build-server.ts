/**
 * Bundles the server into dist/server, which src/bundle.ts loads. `npm ci` does so; by hand after a change, for a quick start:
 * `node scripts/build-server.ts`.
 */
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Plugin, rolldown } from "rolldown";
import { BUILT_FROM, BUNDLE, ENTRIES, fileOf, sourcesFingerprint } from "../src/bundle.ts";
import { moveIntoPlace } from "./move-into-place.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Built aside and moved into place: another process may build, or start, at the same moment. */
const aside = `${BUNDLE}-${process.pid}`;

/** What stands beside a source, such as a thread's script or a list, is found where it is. */
const besideSources: Plugin = {
  name: "beside-sources",
  transform(code, id) {
    if (!id.startsWith(join(root, "src")) || !code.includes("import.meta.")) return null;
    const url = `new URL(${JSON.stringify(relative(aside, id).replaceAll("\\", "/"))}, import.meta.url)`;
    return code.replaceAll(/import\.meta\.(url|dirname)/g, (_, what) =>
      what === "url" ? `${url}.href` : `process.getBuiltinModule("node:url").fileURLToPath(new URL(".", ${url}))`,
    );
  },
};

// An image installs its packages before its sources are there.
if (!existsSync(join(root, "src/serve.ts"))) process.exit(0);

const started = performance.now();
const builtFrom = sourcesFingerprint();
try {
  const bundle = await rolldown({
    input: Object.fromEntries(ENTRIES.map((entry) => [entry, join(root, `src/${entry}.ts`)])),
    cwd: root,
    platform: "node",
    plugins: [besideSources],
    // Packages' own: what they probe for, such as pg-native, and circles.
    logLevel: "silent",
  });
  // All in one folder, which `besideSources` counts on; and readable, as an error's stack names it.
  await bundle.write({
    dir: aside,
    format: "esm",
    entryFileNames: (chunk) => fileOf(chunk.name),
    chunkFileNames: "[name]-[hash].js",
    // One character beyond Latin-1 makes a text of twice the size, which stays for as long as the process does.
    charset: "ascii",
    comments: false,
  });
  await bundle.close();
  await writeFile(join(aside, BUILT_FROM), builtFrom);
  await moveIntoPlace(aside, BUNDLE);
} finally {
  await rm(aside, { recursive: true, force: true });
}
console.log(`server bundled in ${((performance.now() - started) / 1000).toFixed(1)} s`);
