/** .env.example is what people copy: it names every variable, and says the truth about its default. */
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { readClientConfig, readConfig, VARIABLES } from "../../src/config.ts";

const FILE = new URL("../../.env.example", import.meta.url);
let examples: Map<string, string>;
let lines: string[];

beforeAll(async () => {
  lines = (await readFile(FILE, "utf8")).split("\n");
  examples = new Map(
    // As a start reads it: quotes are taken off, and a bare # begins a comment.
    lines.flatMap((line) => (/^#[A-Z][A-Z_]*=/.test(line) ? (Object.entries(parseEnv(line.slice(1))) as [string, string][]) : [])),
  );
});

describe(".env.example", () => {
  it("names every variable once, and no other", () => {
    expect([...examples.keys()].sort()).toEqual(VARIABLES.map(({ name }) => name).sort());
    expect(lines.filter((line) => /^#[A-Z_]+=/.test(line))).toHaveLength(examples.size);
  });

  it("sets nothing until it is uncommented", () => {
    expect(lines.filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
  });

  it("shows the default of every variable that has one", () => {
    for (const { name, hasDefault } of VARIABLES) {
      if (!hasDefault) continue;
      expect({ name, config: readConfig({ [name]: examples.get(name) }) }).toEqual({ name, config: readConfig({}) });
    }
  });

  it("shows values that are taken, all together", () => {
    const all = Object.fromEntries(examples);
    expect(readConfig(all).databaseUrl).toBe(`${all["DATABASE_URL"]}?schema=${all["HOOKLINE_DATABASE_SCHEMA"]}`);
    expect(readClientConfig(all).url).toBe("http://127.0.0.1:4000");
  });
});
