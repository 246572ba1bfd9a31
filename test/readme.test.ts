/** What the documents promise: links that lead somewhere, five lines that verify, commands that exist. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };

const root = path.resolve(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "src/delivery/README.md", "src/api/faces/README.md"];

describe("the documents", () => {
  it.each(DOCUMENTS)("%s links to files that exist", (file) => {
    const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] as string);
    expect(links.filter((link) => !existsSync(path.join(root, path.dirname(file), link)))).toEqual([]);
  });

  it.each(DOCUMENTS)("%s names only npm scripts that exist", (file) => {
    const scripts = [...read(file).matchAll(/npm (?:run ([a-z]+(?::[a-z]+)?)|(start|test)\b)/g)].map(
      (match) => match[1] ?? (match[2] as string),
    );
    expect(scripts.filter((script) => !(script in manifest.scripts))).toEqual([]);
  });

  it("the files that SECURITY.md names exist", () => {
    const named = [...read("SECURITY.md").matchAll(/`(src\/[^`]+)`/g)].map((match) => match[1] as string);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});

describe("the README's five lines", () => {
  const lines = /```js\n([\s\S]*?)```/.exec(read("README.md"))?.[1] ?? "";
  const verify = new Function("headers", "secret", "body", "createHmac", "timingSafeEqual", "Date", `${lines}\nreturn genuine;`);
  // The vector of Standard Webhooks' own tests.
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const body = '{"test": 2432232314}';
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const at = (seconds: number) => ({ now: () => seconds * 1000 });
  const genuine = (given: object, text: string, seconds = 1614265330) =>
    verify({ ...headers, ...given }, secret, text, createHmac, timingSafeEqual, at(seconds));

  it("are five, and take what is genuine", () => {
    expect(lines.trim().split("\n")).toHaveLength(5);
    expect(genuine({}, body)).toBe(true);
  });

  it("refuse another body, another id, another secret's signature, and what is old", () => {
    expect(genuine({}, body.replace("{", "{ "))).toBe(false);
    expect(genuine({ "webhook-id": "msg_other" }, body)).toBe(false);
    expect(genuine({ "webhook-signature": "v1,AAAA" }, body)).toBe(false);
    expect(genuine({}, body, 1614265330 + 301)).toBe(false);
  });
});
