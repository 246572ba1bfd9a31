/**
 * Serves the dashboard from dist/web: hashed assets for ever, the page with a fresh style nonce each time, under a strict
 * Content-Security-Policy. Builds it first when dist/web is missing or older than its sources.
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { PortalBrand } from "../config/portal-brand.ts";
import { brandedPage, logoRoute } from "./portal-brand.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILT = join(ROOT, "dist/web");

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

interface Asset {
  type: string;
  plain: Buffer;
  br: Buffer | undefined;
  gz: Buffer | undefined;
}

export interface Dashboard {
  /** GET /, /assets/*, the icon and the portal's logo. */
  routes: FastifyPluginAsync;
  /** Answers with the page, whatever the path: the browser routes by itself. */
  page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
}

/** Scripts and styles are our own files; Mantine's style elements carry the nonce; nobody may frame us, unless a page is the portal's. */
function contentSecurityPolicy(nonce: string, ancestors: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${ancestors.length > 0 ? ancestors.join(" ") : "'none'"}`,
  ].join("; ");
}

/** Of everything the build reads; changes when the dashboard must be built anew. */
export async function dashboardFingerprint(): Promise<string> {
  const hash = createHash("sha256");
  const entries = await readdir(join(ROOT, "src/web"), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".d.ts"))
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of [...files.sort(), join(ROOT, "package.json")]) hash.update(path.slice(ROOT.length)).update(await readFile(path));
  return hash.digest("hex");
}

async function isCurrent(): Promise<boolean> {
  const builtFrom = await readFile(join(BUILT, "built-from"), "utf8").catch(() => undefined);
  if (builtFrom === undefined) return false;
  // An installation without the sources has nothing to compare with.
  return builtFrom === (await dashboardFingerprint().catch(() => builtFrom));
}

async function build(): Promise<void> {
  const child = spawn(process.execPath, [join(ROOT, "scripts/build-web.ts")], { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
  // A build takes seconds: it ends with the process that asked for it.
  const end = () => child.kill();
  process.once("exit", end);
  let mistakes = "";
  child.stderr.on("data", (chunk: Buffer) => {
    mistakes += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => process.removeListener("exit", end));
  if (code !== 0) throw new Error(`the dashboard could not be built (node scripts/build-web.ts): ${mistakes.slice(-2000)}`);
}

/** Builds what is missing or older than its sources: for a primary, so that its workers do not all do so at once. */
export async function buildDashboard(): Promise<void> {
  if (!(await isCurrent())) await build();
}

/** What stands in dist/web, built first when need be. Another process may be replacing it: then it is read again. */
async function load(): Promise<Map<string, Asset>> {
  for (let tries = 1; ; tries++) {
    if (!(await isCurrent())) await build();
    const assets = await readBuilt().catch(() => undefined);
    if (assets?.has("/index.html") && (await isCurrent())) return assets;
    if (tries === 5) throw new Error("dist/web changes all the time, or cannot be read");
  }
}

async function readBuilt(): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>();
  const entries = await readdir(BUILT, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const variant = (suffix: string) => readFile(path + suffix).catch(() => undefined);
    assets.set(path.slice(BUILT.length).replaceAll("\\", "/"), {
      type,
      plain: await readFile(path),
      br: await variant(".br"),
      gz: await variant(".gz"),
    });
  }
  return assets;
}

/** Picks the smallest form that the client takes. */
function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  const accepts = String(request.headers["accept-encoding"] ?? "");
  const [encoding, bytes] =
    asset.br && /\bbr\b/.test(accepts)
      ? ["br", asset.br]
      : asset.gz && /\bgzip\b/.test(accepts)
        ? ["gzip", asset.gz]
        : [undefined, asset.plain];
  if (encoding !== undefined) reply.header("content-encoding", encoding);
  return reply.header("content-type", asset.type).header("vary", "accept-encoding").header("x-content-type-options", "nosniff").send(bytes);
}

/**
 * Starts loading (and building, which takes seconds) at once and does not wait for it: the API is up meanwhile, and whoever
 * opens the dashboard waits. A failed build is told once through `failed` and answered with 503.
 * @param built what to wait for before: somebody else who builds it
 * @param portal origins that may frame the portal's pages, and whose name and colours these show
 */
export function openDashboard(
  failed: (error: unknown) => void,
  built: Promise<void> = Promise.resolve(),
  portal: { ancestors: readonly string[]; brand: PortalBrand } = { ancestors: [], brand: {} },
): Dashboard {
  const loading = built.then(load).catch((error: unknown) => {
    failed(error);
    return undefined;
  });
  const unavailable = (reply: FastifyReply) =>
    reply
      .code(503)
      .header("retry-after", "30")
      .type("text/plain; charset=utf-8")
      .send("The dashboard could not be built; see the server's log.\n");

  const pages = loading.then((assets) => {
    const own = assets?.get("/index.html")?.plain.toString();
    return own === undefined ? undefined : { own, portal: brandedPage(own, portal.brand) };
  });

  async function page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const written = await pages;
    if (!written) return unavailable(reply);
    const nonce = randomBytes(16).toString("base64");
    const isPortal = /^\/portal(?:[/?]|$)/.test(request.url);
    const ancestors = isPortal ? portal.ancestors : [];
    const html = isPortal ? written.portal : written.own;
    // The older header knows no list of origins.
    if (ancestors.length === 0) reply.header("x-frame-options", "DENY");
    return reply
      .header("content-security-policy", contentSecurityPolicy(nonce, ancestors))
      .header("cache-control", "no-store")
      .header("referrer-policy", "no-referrer")
      .header("x-content-type-options", "nosniff")
      .type("text/html; charset=utf-8")
      .send(html.replace('name="style-nonce" content=""', `name="style-nonce" content="${nonce}"`));
  }

  const routes: FastifyPluginAsync = async (app) => {
    await app.register(logoRoute(portal.brand.logo));
    // Whatever is accepted: `/` is the dashboard's own path, not an unknown one.
    app.get("/", page);
    app.get("/assets/*", async (request, reply) => {
      const assets = await loading;
      if (!assets) return unavailable(reply);
      const asset = assets.get(request.url.split("?")[0] ?? "");
      if (!asset) return reply.code(404).type("text/plain; charset=utf-8").send("Not found\n");
      return sendAsset(request, reply.header("cache-control", "public, max-age=31536000, immutable"), asset);
    });
    app.get("/favicon.svg", async (request, reply) => {
      const asset = (await loading)?.get("/favicon.svg");
      return asset ? sendAsset(request, reply.header("cache-control", "public, max-age=86400"), asset) : unavailable(reply);
    });
  };
  return { routes, page };
}
