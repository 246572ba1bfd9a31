/**
 * The worst input at every door, in a process of its own: never a 500, a hang or an interpreter's words, and nobody else waits.
 * Twenty routes a run, by rotation; `npm run hostile` sends everything and prints the slowest ten.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApiDocument } from "../../src/api/rest/openapi.ts";
import { type Probe, probe, startTarget, type Target } from "./hostile.ts";
import { allSpite, filled } from "./spite.ts";
import { allPieces, MOST_EXTRA_MS, rotated, sweep, table } from "./sweep.ts";

const EVERYTHING = process.env["HOSTILE"] === "all";
/** A day's runs take the same routes, the next day's the next ones. */
const SEED = Number(process.env["HOSTILE_SEED"] ?? Math.floor(Date.now() / 86_400_000));

let target: Target;
let health: Probe;
beforeAll(async () => {
  target = await startTarget();
  health = probe(target.url);
});
afterAll(async () => {
  health?.close();
  await target?.close();
});

test("B50 spite reaches every path that takes a body", () => {
  const { paths } = openApiDocument("http://localhost") as { paths: Record<string, object> };
  const bodies = Object.entries(paths).filter(([, methods]) => Object.values(methods).some((method) => "requestBody" in method));
  const reached = new Set(allSpite().map(({ path }) => path));
  expect(bodies.map(([path]) => filled(path)).filter((path) => !reached.has(path))).toEqual([]);
});

test(`B50 B53 B63 spite costs its sender an answer, and nobody else his time (seed ${SEED})`, { timeout: 10_000_000 }, async () => {
  const pieces = allPieces();
  const findings = await sweep(target, health, EVERYTHING ? pieces : rotated(pieces, SEED, 20, 4));
  console.log(`HOSTILE_SEED=${SEED}: ${findings.length} pieces; the slowest:\n${table(findings, 10)}`);
  expect(findings.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
  expect(findings.filter(({ extra }) => extra > MOST_EXTRA_MS)).toEqual([]);
});
