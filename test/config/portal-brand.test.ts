/** HOOKLINE_PORTAL_NAME, _COLOR and _LOGO: what is taken, and one sentence for what is not. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hookline-brand-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SVG = '<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>';
const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const WEBP = Buffer.from("RIFF\n\0\0\0WEBPVP8 ", "latin1");
const JPEG = Buffer.from("ffd8ffe000104a464946", "hex");
const MOST = 256 * 1024;

function file(name: string, content: string | Buffer): string {
  const at = path.join(folder, name);
  writeFileSync(at, content);
  return at;
}
const brand = (env: Record<string, string>) => readConfig(env).portalBrand;

test("without the variables, or with empty ones, the portal is Hookline's", () => {
  const nothing = { name: undefined, color: undefined, logo: undefined };
  expect(brand({})).toEqual(nothing);
  expect(brand({ HOOKLINE_PORTAL_NAME: "", HOOKLINE_PORTAL_COLOR: "", HOOKLINE_PORTAL_LOGO: "" })).toEqual(nothing);
});

describe("HOOKLINE_PORTAL_NAME", () => {
  test.each(["A", 'Søren & Søn "><script>', "🦊".repeat(60), "x".repeat(60)])("takes %s", (name) => {
    expect(brand({ HOOKLINE_PORTAL_NAME: ` ${name} ` }).name).toBe(name);
  });

  test.each([" ", "x".repeat(61), "two\nlines", "nul\0"])("refuses %j", (name) => {
    expect(() => brand({ HOOKLINE_PORTAL_NAME: name })).toThrow("HOOKLINE_PORTAL_NAME: must have 1 to 60 characters, on one line");
  });
});

describe("HOOKLINE_PORTAL_COLOR", () => {
  test("takes six hexadecimal digits, large or small", () => {
    expect(brand({ HOOKLINE_PORTAL_COLOR: "#FFe600" }).color).toBe("#ffe600");
  });

  test.each(["ffe600", "#fe0", "#ffe6000", "#ffe60g", "yellow", "#ffe600;--x:1", "#ffe600\n#ffe600"])("refuses %j", (color) => {
    expect(() => brand({ HOOKLINE_PORTAL_COLOR: color })).toThrow(
      "HOOKLINE_PORTAL_COLOR: must be # and six hexadecimal digits, such as #1a6b54",
    );
  });
});

describe("HOOKLINE_PORTAL_LOGO", () => {
  test.each([
    ["logo.svg", SVG, "image/svg+xml"],
    ["LOGO.PNG", PNG, "image/png"],
    ["logo.webp", WEBP, "image/webp"],
    ["logo.jpg", JPEG, "image/jpeg"],
    ["largest.png", Buffer.concat([PNG], MOST), "image/png"],
  ])("reads %s", (name, content, type) => {
    const { logo } = brand({ HOOKLINE_PORTAL_LOGO: file(name, content) });
    expect(logo).toEqual({ type, bytes: Buffer.from(content) });
  });

  test("refuses what is missing, too large, no file, or no picture, each in a sentence", () => {
    const problem = (at: string) => {
      try {
        return String(brand({ HOOKLINE_PORTAL_LOGO: at }));
      } catch (error) {
        return (error as Error).message.split("\n  ")[1]?.replaceAll(folder, "…");
      }
    };
    mkdirSync(path.join(folder, "folder.svg"));
    expect([
      problem(path.join(folder, "nothing.svg")),
      problem(path.join(folder, "folder.svg")),
      problem(file("larger.png", Buffer.concat([PNG], MOST + 1))),
      problem(file("logo.gif", "GIF89a")),
      problem(file("page.svg", "<!doctype html><p>no picture</p>")),
      problem(file("renamed.png", JPEG)),
      problem(file("empty.jpg", "")),
    ]).toEqual([
      "HOOKLINE_PORTAL_LOGO: …/nothing.svg does not exist",
      "HOOKLINE_PORTAL_LOGO: …/folder.svg is no plain file: name one that holds a logo",
      "HOOKLINE_PORTAL_LOGO: …/larger.png has 262145 bytes: a logo has at most 262144",
      "HOOKLINE_PORTAL_LOGO: …/logo.gif is no picture that the portal shows: name a file that ends with .svg, .png, .webp or .jpg",
      "HOOKLINE_PORTAL_LOGO: …/page.svg holds something else than its ending .svg says",
      "HOOKLINE_PORTAL_LOGO: …/renamed.png holds something else than its ending .png says",
      "HOOKLINE_PORTAL_LOGO: …/empty.jpg holds something else than its ending .jpg says",
    ]);
  });
});
