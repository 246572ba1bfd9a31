/** The portal in its owner's name, colour and logo (docs/portal.md): what its pages are told in their head, and the logo itself. */
import { createHash } from "node:crypto";
import type { FastifyPluginAsync } from "fastify";
import type { PortalBrand, PortalLogo } from "../config/portal-brand.ts";

const LOGO_PATH = "/portal/logo";

/** An SVG that is opened by itself runs nothing, and loads nothing. */
const LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** For text and for quoted attributes. */
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);

/** Another logo has another address, so that no browser shows the old one. */
const addressOf = ({ bytes }: PortalLogo): string => `${LOGO_PATH}?v=${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`;

/** The page with a `<meta>` for each part of the brand (src/web/meta.ts reads them), and titled by its name; without a brand unchanged. */
export function brandedPage(html: string, { name, color, logo }: PortalBrand): string {
  const told = { "portal-name": name, "portal-color": color, "portal-logo": logo && addressOf(logo) };
  const metas = Object.entries(told).flatMap(([key, value]) =>
    value === undefined ? [] : `<meta name="${key}" content="${escapeHtml(value)}" />`,
  );
  // By functions: in a text that replaces, $& has a meaning.
  const headed = html.replace("</head>", (end) => metas.join("") + end);
  return name === undefined ? headed : headed.replace(/<title>[^<]*<\/title>/, () => `<title>${escapeHtml(name)}</title>`);
}

/** GET /portal/logo, where there is one: for everybody, since whoever is signed out sees it too. */
export function logoRoute(logo: PortalLogo | undefined): FastifyPluginAsync {
  return async (app) => {
    if (!logo) return;
    app.get(LOGO_PATH, (_request, reply) =>
      reply
        .header("content-security-policy", LOGO_POLICY)
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "public, max-age=86400")
        .type(logo.type)
        .send(logo.bytes),
    );
  };
}
