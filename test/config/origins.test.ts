/** HOOKLINE_CORS_ORIGINS and HOOKLINE_PORTAL_FRAME_ANCESTORS: what is an origin, and what is told of what is none. */
import { describe, expect, test } from "vitest";
import { normalOrigin } from "../../src/config/origins.ts";
import { ConfigError, readConfig } from "../../src/config.ts";

const read = (text: string) => readConfig({ HOOKLINE_CORS_ORIGINS: text }).corsOrigins;

describe("B74 HOOKLINE_CORS_ORIGINS", () => {
  test("is a list of exact origins, in the browser's own spelling, or *", () => {
    expect(readConfig({}).corsOrigins).toEqual([]);
    expect(read("")).toEqual([]);
    expect(read("https://App.example.com:443/, http://localhost:5173,")).toEqual(["https://app.example.com", "http://localhost:5173"]);
    expect(read(" * ")).toEqual(["*"]);
    expect(read("capacitor://localhost,http://[::1]:3000")).toEqual(["capacitor://localhost", "http://[::1]:3000"]);
  });

  test.each([
    "app.example.com",
    "https://app.example.com/page",
    "https://*.example.com",
    "https://app.example.com?x",
    "https://app.example.com#x",
    "https://ann@app.example.com",
    "null",
    "//app.example.com",
    "file:///home/ann/page.html",
    "capacitor://localhost/page",
  ])("refuses %s, which no browser sends as Origin", (text) => {
    expect(normalOrigin(text)).toBeUndefined();
    expect(() => read(`https://app.example.com,${text}`)).toThrow(`HOOKLINE_CORS_ORIGINS: "${text}" is no origin`);
  });

  test("refuses * beside others", () => {
    expect(() => read("*,https://app.example.com")).toThrow(ConfigError);
    expect(() => read("*,https://app.example.com")).toThrow("write * alone");
  });
});

describe("HOOKLINE_PORTAL_FRAME_ANCESTORS", () => {
  const ancestors = (text: string) => readConfig({ HOOKLINE_PORTAL_FRAME_ANCESTORS: text }).portalFrameAncestors;

  test("is a list of exact web origins", () => {
    expect(readConfig({}).portalFrameAncestors).toEqual([]);
    expect(ancestors("https://App.example.com:443/, http://localhost:5173,")).toEqual(["https://app.example.com", "http://localhost:5173"]);
  });

  test.each([
    "*",
    "'self'",
    "https://*.example.com",
    "app.example.com",
    "https://a.example/p",
    "https://a.example; script-src *",
    "capacitor://localhost",
  ])("refuses %s", (text) => {
    expect(() => ancestors(`https://b.example,${text}`)).toThrow(`HOOKLINE_PORTAL_FRAME_ANCESTORS: "${text}" is no origin`);
  });
});
