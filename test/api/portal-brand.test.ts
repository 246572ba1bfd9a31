/** What the portal's pages are told of their owner's name, colour and logo, and the logo as it is served. */
import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brandedPage, logoRoute } from "../../src/api/portal-brand.ts";

const PAGE = "<html><head><title>Hookline</title></head><body></body></html>";
const logo = { type: "image/svg+xml", bytes: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') };

describe("the page's head", () => {
  test("without a brand is what it was", () => {
    expect(brandedPage(PAGE, {})).toBe(PAGE);
    expect(brandedPage(PAGE, { name: undefined, color: undefined, logo: undefined })).toBe(PAGE);
  });

  test("says each part that there is", () => {
    expect(brandedPage(PAGE, { color: "#ffe600" })).toBe(PAGE.replace("</head>", '<meta name="portal-color" content="#ffe600" /></head>'));
    expect(brandedPage(PAGE, { name: "Acme" })).toBe(
      '<html><head><title>Acme</title><meta name="portal-name" content="Acme" /></head><body></body></html>',
    );
    expect(brandedPage(PAGE, { logo })).toMatch(
      /<title>Hookline<\/title><meta name="portal-logo" content="\/portal\/logo\?v=[0-9a-f]{16}" \/>/,
    );
  });

  test("names another address when the logo is another", () => {
    const other = { ...logo, bytes: Buffer.from("<svg></svg>") };
    expect(brandedPage(PAGE, { logo: other })).not.toBe(brandedPage(PAGE, { logo }));
  });

  test("has no name that ends its attribute or its element, or that stands for something in a replacement", () => {
    const page = brandedPage(PAGE, { name: `"><script>alert('1')</script>&amp;$&$\`$'$1` });
    const safe = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;$&amp;$`$&#39;$1";
    expect(page).toBe(`<html><head><title>${safe}</title><meta name="portal-name" content="${safe}" /></head><body></body></html>`);
  });
});

describe("GET /portal/logo", () => {
  const [withLogo, without] = [Fastify(), Fastify()];
  let url: string;
  beforeAll(async () => {
    await withLogo.register(logoRoute(logo));
    await without.register(logoRoute(undefined));
    url = await withLogo.listen({ host: "127.0.0.1", port: 0 });
  });
  afterAll(async () => {
    await withLogo.close();
    await without.close();
  });

  test("is the file, in its type, and runs nothing when it is opened alone", async () => {
    const answer = await fetch(`${url}/portal/logo?v=any`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(logo.bytes);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "image/svg+xml",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      "x-content-type-options": "nosniff",
      "cache-control": "public, max-age=86400",
    });
  });

  test("is no route without a logo", () => {
    expect(without.hasRoute({ method: "GET", url: "/portal/logo" })).toBe(false);
    expect(withLogo.hasRoute({ method: "GET", url: "/portal/logo" })).toBe(true);
  });
});
