/** B86: what a face's client reads is said in that product's words, whatever a domain function throws. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { faces } from "../../../src/api/faces/faces.ts";
import { speaksForeign } from "../../../src/api/faces/words.ts";
import type { Core } from "../../../src/core.ts";
import { ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError, ValidationError } from "../../../src/errors.ts";

const src = path.resolve(import.meta.dirname, "../../../src");
const DOMAIN = ["accounts", "definitions", "delivery", "events", "goals", "requests", "wire"];

const files = DOMAIN.flatMap((folder) =>
  readdirSync(path.join(src, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(path.join(src, folder, name), "utf8")),
);

/** A text as it comes out, whatever stands in its places. */
const filled = (text: string) => text.slice(1, -1).replace(/\$\{[^}]*\}/g, "7");

const TEXT = '("(?:[^"\\\\]|\\\\.)*"|`[^`]*`)';
const found = (pattern: string) => files.flatMap((text) => [...text.matchAll(new RegExp(pattern, "g"))]);

/** Every mistake that the domain's code can find with what somebody did. */
const errors: [string, Error][] = [
  ...found(`new ConflictError\\(\\s*${TEXT}(?:,\\s*"([A-Z_]+)")?`).map(([, text = "", code]) => new ConflictError(filled(text), code)),
  ...found(`CONFLICTS = \\{[^}]*\\}`).flatMap(([table]) =>
    [...table.matchAll(/: "([^"]*)"/g)].map(([, text = ""]) => new ConflictError(text)),
  ),
  ...found(`new NotFoundError\\(${TEXT}`).map(([, text = ""]) => new NotFoundError(filled(text))),
  ...found(`new ForbiddenError\\(${TEXT}`).map(([, text = ""]) => new ForbiddenError(filled(text))),
  ...["events:write", "webhooks:read", "webhooks:write", "secrets:read"].map(
    (scope) => new ForbiddenError(`this needs the scope ${scope}`),
  ),
  ...found(`path: ${TEXT}, message: ${TEXT}`).map(
    ([, place = "", text = ""]) => new ValidationError([{ path: filled(place), message: filled(text) }]),
  ),
  ...[
    "targetUrl",
    "eventTypes.0",
    "fieldsSet.3",
    "webhookDefinitionIds",
    "secretKeyId",
    "filter.scope.workflow",
    "retrySchedule.1",
    "code",
  ].map((place) => new ValidationError([{ path: place, message: "is wrong" }])),
  new UnauthenticatedError(),
].map((error) => [error.message, error]);

const core = { config: { crmcomHttpStatus: false }, log: { error: () => undefined } } as unknown as Core;

describe("B86 no word of another door", () => {
  test("the domain's errors are found", () => {
    expect(errors.length).toBeGreaterThan(60);
    expect(errors.map(([message]) => message)).toContain("the request was delivered; send it again with force: true");
    expect(errors.filter(([message]) => speaksForeign(message)).length).toBeGreaterThan(5);
  });

  test.each(faces.map((face) => [face.name, face] as const))("%s", (name, face) => {
    for (const [message, error] of errors) {
      const problem = face.told(error, core);
      const texts = [problem.message, ...(problem.issues ?? []).flatMap((issue) => [issue.path, issue.message])];
      const foreign = texts.filter((text) => speaksForeign(text) && !(name === "superoffice" && text.startsWith("this needs the scope ")));
      expect([message, foreign]).toEqual([message, []]);
      expect(problem.message, message).not.toBe("");
    }
  });

  test("CRM.COM's names are its own: no letter of another case inside one", () => {
    const crmcom = faces.find(({ name }) => name === "crmcom");
    for (const [message, error] of errors) {
      const told = crmcom?.told(error, core).message ?? "";
      expect([message, /\b[a-z]+[A-Z]\w*/.exec(told)?.[0]]).toEqual([message, undefined]);
    }
  });

  test("what a request can be is said as that product says it", () => {
    const told = (error: Error) => faces.find(({ name }) => name === "crmcom")?.told(error, core);
    expect(told(new ConflictError("the request was delivered; send it again with force: true", "NOT_REJECTED"))).toMatchObject({
      ...{ code: "NOT_REJECTED", message: "the webhook request is not rejected" },
    });
    expect(told(new ConflictError("a request that is PENDING cannot be deleted; cancel it first", "NOT_SETTLED"))?.code).toBe(
      "NOT_SETTLED",
    );
    expect(told(new ConflictError("something new", "NEWLY_INVENTED"))).toMatchObject({ code: "INVALID_VALUE" });
    expect(told(new ValidationError([{ path: "webhookDefinitionIds", message: "must be at most 100" }]))?.message).toBe(
      "actions_set: must be at most 100",
    );
  });
});
