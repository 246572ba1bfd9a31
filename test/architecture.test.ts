/**
 * The layout of DESIGN.md, a line for each rule. A rule that cannot fail is worth nothing: each is also shown a snippet
 * that breaks it, and one beside it that does not.
 */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { patternsAreLinear } from "./architecture/patterns.ts";
import * as rules from "./architecture/rules.ts";
import { parse, readTree } from "./architecture/source.ts";

const root = path.resolve(import.meta.dirname, "..");
const files = readTree(root, ["src", "test", "scripts", "bench"]);
const src = files.filter((file) => file.path.startsWith("src/"));

/** What each rule must find, and what it must leave alone: path → text. */
type Snippets = Record<string, string>;
const table: [name: string, rule: rules.Rule, broken: Snippets[], kept: Snippets][] = [
  ["every file of src has a floor", rules.everyFileHasAFloor, [{ "src/things/a.ts": "" }], { "src/wire/a.ts": "" }],
  [
    "a folder imports only from lower floors, types too",
    rules.importsRunDown,
    [
      { "src/delivery/a.ts": `import { b } from "../requests/b.ts";` },
      { "src/delivery/a.ts": `import type { B } from "../events/b.ts";` },
      { "src/wire/a.ts": `export { b } from "../accounts/b.ts";` },
      { "src/vault.ts": `const b = await import("./db/keys.ts");` },
      { "src/live/a.ts": `let b: import("../api/doors.ts").Doors;` },
      { "src/core.ts": `import { App } from "./app.ts";` },
    ],
    {
      "src/delivery/a.ts": `import { b } from "./sandbox/b.ts"; import { c } from "../wire/c.ts"; import type { Core } from "../core.ts";`,
    },
  ],
  [
    "the dashboard and the server import nothing of each other",
    rules.theDashboardStandsAlone,
    [{ "src/web/a.ts": `import "../wire/b.ts";` }, { "src/api/a.ts": `import type { A } from "../web/a.ts";` }],
    { "src/web/a.ts": `import "./routes/b.ts";` },
  ],
  [
    "src imports nothing from test, scripts or bench",
    rules.productStaysOutOfTestsAndScripts,
    [{ "src/app.ts": `import { r } from "../test/helpers/receiver.ts";` }],
    { "src/app.ts": `import { r } from "./core.ts";` },
  ],
  [
    "there is no circle, types included",
    rules.noCircles,
    [
      { "src/wire/a.ts": `import "./b.ts";`, "src/wire/b.ts": `import type { A } from "./c.ts";`, "src/wire/c.ts": `import "./a.ts";` },
      { "src/wire/a.ts": `import "./a.ts";` },
    ],
    { "src/wire/a.ts": `import "./b.ts"; import "./c.ts";`, "src/wire/b.ts": `import "./c.ts";`, "src/wire/c.ts": "" },
  ],
  [
    "nothing below api/ imports graphql, Pothos, Fastify or React",
    rules.noDoorsBelowApi,
    [
      { "src/goals/a.ts": `import { parse } from "graphql";` },
      { "src/live/a.ts": `import type { A } from "@pothos/core";` },
      { "src/delivery/a.ts": `import type { FastifyInstance } from "fastify";` },
      { "src/db/a.ts": `import "react/jsx-runtime";` },
    ],
    { "src/api/a.ts": `import { parse } from "graphql";`, "src/cli/tail.ts": `import { createClient } from "graphql-ws";` },
  ],
  [
    "only delivery/transport.ts opens a socket to a receiver",
    rules.oneWayOut,
    [
      { "src/delivery/a.ts": `import { request } from "undici";` },
      { "src/goals/a.ts": `import net from "node:net";` },
      { "src/api/a.ts": `import { get } from "node:https";` },
      { "src/definitions/a.ts": `import got from "got";` },
      { "src/requests/a.ts": `await fetch("https://example.com");` },
      { "src/live/a.ts": `new WebSocket("ws://127.0.0.1");` },
    ],
    {
      "src/delivery/transport.ts": `import { Client } from "undici"; import { connect } from "node:net";`,
      "src/delivery/addresses.ts": `import { isIP, type LookupFunction } from "node:net"; import type { Dispatcher } from "undici";`,
      "src/api/a.ts": `await yoga.fetch("http://in-process");`,
    },
  ],
  [
    "and through delivery/egress.ts",
    rules.theWayOutIsGuarded,
    [{ "src/delivery/transport.ts": `import type { Egress } from "./egress.ts";` }],
    { "src/delivery/transport.ts": `import { guard } from "./egress.ts";` },
  ],
  [
    "wire/* and definitions/{match,filter} are pure",
    rules.pureFilesArePure,
    [
      { "src/wire/a.ts": `import { readFileSync } from "node:fs";` },
      { "src/wire/a.ts": `import { systemClock } from "../clock.ts";` },
      { "src/definitions/match.ts": `import { catalog } from "./catalog.ts";` },
      { "src/definitions/filter.ts": `console.log(1);` },
    ],
    { "src/wire/a.ts": `import { createHmac } from "node:crypto"; import type { Clock } from "../clock.ts";` },
  ],
  [
    "process.env is read in config.ts and nowhere else",
    rules.oneFileReadsTheEnvironment,
    [
      { "src/app.ts": `const port = process.env.PORT;` },
      { "src/app.ts": `const port = process["env"]["PORT"];` },
      { "src/app.ts": `const { env } = process;` },
      { "src/app.ts": `import { env } from "node:process";` },
    ],
    { "src/config.ts": `const env = process.env;`, "src/app.ts": `process.exit(1); const text = "process.env";` },
  ],
  [
    "time and randomness of the delivery path come from clock.ts",
    rules.timeAndChanceComeFromTheClock,
    [
      { "src/delivery/a.ts": `Date.now();` },
      { "src/delivery/a.ts": `later(Date.now);` },
      { "src/events/a.ts": `const at = new Date();` },
      { "src/wire/a.ts": `Math.random();` },
      { "src/delivery/a.ts": `performance.now();` },
      { "src/events/a.ts": `import { randomUUID } from "node:crypto";` },
    ],
    { "src/delivery/a.ts": `new Date(row.created_at); setTimeout(f, 1); clock.now();`, "src/live/a.ts": `Date.now();` },
  ],
  [
    "only the lane files change lanes, requests and the queue",
    rules.oneHandMovesLanes,
    [
      { "src/requests/a.ts": "q(`UPDATE lane SET x = 1`)" },
      { "src/api/a.ts": `q("insert into webhook_request (id) values (1)")` },
      { "src/goals/a.ts": "q(`WITH x AS (DELETE FROM lane_entry e USING s WHERE true) SELECT 1`)" },
      { "src/live/a.ts": "await core.db.unscoped.webhookRequest.updateMany({})" },
      { "src/definitions/a.ts": 'q(`DELETE\n FROM "webhook_request" WHERE id = $1`)' },
    ],
    {
      "src/delivery/lane-settle.ts": "q(`UPDATE lane SET x = 1`)",
      "src/requests/sql/delete-requests.ts": "q(`DELETE FROM webhook_request WHERE id = $1`)",
      "src/requests/list.ts": "q(`SELECT 1 FROM lane l FOR UPDATE OF l`); q(`UPDATE lanes_seen SET x = 1`)",
    },
  ],
  [
    "faces read no tables",
    rules.facesReadNoTables,
    [
      { "src/api/faces/acme/face.ts": "await core.db.prisma.user.findMany({});" },
      { "src/api/faces/acme/face.ts": "await doors.core.db.pool.query(text);" },
      { "src/api/faces/acme/face.ts": "await db.tenant(id).query(text);" },
      { "src/api/faces/acme/face.ts": "await read(`SELECT id FROM users`);" },
    ],
    {
      "src/api/faces/acme/face.ts": "await totalsOf(core.db, id, ids);",
      "src/definitions/find.ts": "await core.db.prisma.user.findMany({});",
    },
  ],
  [
    "B50 no regular expression takes more than linear time on what somebody sends",
    patternsAreLinear,
    [
      { "src/api/a.ts": "/^(a+)+$/.test(text);" },
      { "src/api/a.ts": "/^Bearer +(.*\\S)\\s*$/i.exec(text);" },
      { "src/wire/a.ts": 'text.replace(/=+$/, "");' },
      { "src/goals/a.ts": "/^\\d+\\d+x$/.test(text);" },
      { "src/definitions/a.ts": "/^(?:[a-z]|[a-z]x)*$/.test(text);" },
      { "src/accounts/a.ts": "/\\s*,\\s*;/.test(text);" },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: source text of a rule's example
      { "src/api/a.ts": "new RegExp(`^${text}$`);" },
      { "src/api/a.ts": "RegExp(text).test(text);" },
    ],
    {
      "src/api/a.ts": "/^[a-z]+-[a-z]+$/.test(text); /^\\d{1,16}$/.test(text); /[&<>]/g.exec(text);",
      "src/web/a.ts": 'text.replace(/_$/, "");',
    },
  ],
  ["no file is longer than 500 lines", rules.noLongFiles, [{ "src/a.ts": "f();\n".repeat(501) }], { "src/a.ts": "f();\n".repeat(500) }],
  [
    "no folder is called utils, common, types or services",
    rules.noEmptyFolderNames,
    [{ "src/delivery/utils/a.ts": "" }, { "src/common/a.ts": "" }, { "src/types/a.ts": "" }, { "src/api/services/a.ts": "" }],
    { "src/wire/types.ts": "" },
  ],
  ["names are in kebab-case", rules.namesAreKebabCase, [{ "src/wire/someThing.ts": "" }], { "src/wire/some-thing.ts": "" }],
  [
    "there are no barrels",
    rules.noBarrels,
    [{ "src/wire/a.ts": `export * from "./b.ts";` }, { "src/wire/a.ts": `export { b } from "./b.ts";` }, { "src/wire/index.ts": "f();" }],
    { "src/wire/a.ts": `export { b } from "./b.ts"; export const c = 1;` },
  ],
  [
    "exports have names",
    rules.exportsHaveNames,
    [{ "src/wire/a.ts": "export default 1;" }],
    { "src/wire/a.ts": "export const a = 1;", "src/web/vite.config.ts": "export default {};" },
  ],
  [
    "no test is left out",
    rules.noTestIsLeftOut,
    [{ "test/a.test.ts": `it.skip("x", f);` }, { "test/a.test.ts": `describe.only("x", f);` }, { "test/a.test.ts": `it.todo("x");` }],
    { "test/a.test.ts": `it.each([])("x", f);` },
  ],
];

const parsed = (snippets: Snippets) => Object.entries(snippets).map(([file, text]) => parse(file, text));

describe("the layout", () => {
  it("is read whole: known files are among those found", () => {
    expect(files.map((file) => file.path)).toEqual(expect.arrayContaining(["src/config.ts", "src/wire/dialect.ts", "src/web/app.tsx"]));
    const config = files.find((file) => file.path === "src/wire/signatures/standard.ts");
    expect(config?.imports).toContainEqual({
      specifier: "../dialect.ts",
      target: "src/wire/dialect.ts",
      typeOnly: true,
      names: ["SigningKey"],
    });
  });

  it("no import of ours leads nowhere", () => {
    const known = new Set(files.map((file) => file.path));
    const lost = src.flatMap((file) =>
      file.imports
        .filter(({ target }) => /^src\/(?!db\/generated\/).*\.tsx?$/.test(target ?? "") && !/\.d\.ts$/.test(target ?? ""))
        .filter(({ target }) => !known.has(target ?? ""))
        .map(({ target }) => `${file.path}: ${target}`),
    );
    expect(lost).toEqual([]);
  });

  it.each(table)("%s", (_name, rule) => {
    expect(rule(files)).toEqual([]);
  });

  it("files are small: the median is near 100 lines", () => {
    const median = rules.medianLines(files);
    console.info(`architecture: ${src.length} files in src, the median has ${median} lines`);
    expect(median).toBeLessThan(160);
  });
});

describe("each rule can fail", () => {
  it.each(table)("%s", (_name, rule, broken, kept) => {
    expect(rule(parsed(kept))).toEqual([]);
    for (const snippets of broken) expect(rule(parsed(snippets)), JSON.stringify(snippets)).not.toEqual([]);
  });
});
