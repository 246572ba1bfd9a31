/**
 * The worst input at every door, in a process of its own: never a 500, a hang or an interpreter's words, and nobody else waits.
 * Twenty routes a run, by rotation; `npm run hostile` sends everything and prints the slowest ten.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApiDocument } from "../../src/api/rest/openapi.ts";
import type { Route } from "../../src/api/routing.ts";
import { testApp } from "../helpers/app.ts";
import { type Probe, probe, startTarget, type Target, TOKEN } from "./hostile.ts";
import { type Neighbour, startNeighbour } from "./neighbour.ts";
import { allSpite, filled } from "./spite.ts";
import { allPieces, MOST_EXTRA_MS, MOST_NEIGHBOUR_MS, rotated, sweep, table } from "./sweep.ts";

const EVERYTHING = process.env["HOSTILE"] === "all";
/** A day's runs take the same routes, the next day's the next ones. */
const SEED = Number(process.env["HOSTILE_SEED"] ?? Math.floor(Date.now() / 86_400_000));

let target: Target;
let health: Probe;
let neighbour: Neighbour;
let routes: readonly Route[] = [];
beforeAll(async () => {
  // Those of the program that is asked, told by one like it.
  const like = await testApp();
  routes = like.server.routes();
  await like.close();
  target = await startTarget();
  health = probe(target.url);
  neighbour = await startNeighbour(target.url, TOKEN);
});
afterAll(async () => {
  health?.close();
  await neighbour?.close();
  await target?.close();
});

test("B50 spite reaches every route", () => {
  expect(routes.length).toBeGreaterThan(40);
  const all = allSpite(routes).map(({ make }) => make());
  const bodied = routes.filter(({ method }) => ["POST", "PUT", "PATCH", "DELETE"].includes(method));
  const names = new Set(all.map(({ method, path }) => `${method} ${path}`));
  const known = (method: string, pattern: RegExp) =>
    [...names].some((name) => name.startsWith(`${method} `) && pattern.test(name.slice(method.length + 1)));
  const patternOf = (path: string) =>
    new RegExp(
      `^${path
        .replace(/[.]/g, "[.]")
        .replace(/:[^/]+/g, "[^/]+")
        .replace("*", ".*")}$`,
    );
  expect(bodied.filter(({ method, url }) => !known(method, patternOf(url)))).toEqual([]);
});

test("B50 spite reaches every path of openapi.json that takes a body", () => {
  const { paths } = openApiDocument("http://localhost") as { paths: Record<string, object> };
  const bodies = Object.entries(paths).filter(([, methods]) => Object.values(methods).some((method) => "requestBody" in method));
  const reached = new Set(allSpite().map(({ path }) => path));
  expect(bodies.map(([path]) => filled(path)).filter((path) => !reached.has(path))).toEqual([]);
});

test(`B50 B53 B63 spite costs its sender an answer, and nobody else his time (seed ${SEED})`, { timeout: 10_000_000 }, async () => {
  const pieces = allPieces(routes);
  const findings = await sweep(target, health, EVERYTHING ? pieces : rotated(pieces, SEED, 20, 4), neighbour);
  console.log(`HOSTILE_SEED=${SEED}: ${findings.length} pieces; the slowest:\n${table(findings, 10)}`);
  expect(findings.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
  expect(findings.filter(({ extra }) => extra > MOST_EXTRA_MS)).toEqual([]);
  expect(findings.filter((finding) => finding.neighbour > MOST_NEIGHBOUR_MS)).toEqual([]);
});
