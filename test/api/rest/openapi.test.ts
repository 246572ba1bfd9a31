/** /openapi.json is the REST that is served, no more and no less: linted, compared with the routes, and carried out. */
import http from "node:http";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openApiDocument } from "../../../src/api/rest/openapi.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { brokenCalls, type Call, type Json, type Operation, operationsOf, validCall } from "./openapi-calls.ts";
import { makeWorld, type World } from "./openapi-world.ts";

const SEED = Number(process.env["OPENAPI_SEED"] ?? Math.floor(Date.now() / 86_400_000));
const RANDOM_BODIES = 6;
/** OPENAPI=all sends all of them; else some are chosen each day, others the next. */
const EVERYTHING = process.env["OPENAPI"] === "all";
const MOST_CALLS = 40;
const chosen = (calls: Call[]) => (EVERYTHING ? calls : calls.filter((_, i) => (i + SEED) % Math.ceil(calls.length / MOST_CALLS) === 0));

const document = openApiDocument("https://hooks.example") as Json;
const operations = operationsOf(document);

/** What the recommended rules are not kept in, and why. */
const EXCEPTIONS: { rule: string; place: RegExp; why: string }[] = [
  {
    rule: "no-ambiguous-paths",
    place: /~1api~1v1~1Webhook~1|~1api~1v3~1webhook~1subscription~1logs/,
    why: "the paths are SuperOffice's and Cotalker's own; a fixed segment is taken before a parameter",
  },
  {
    rule: "operation-2xx-response",
    place: /~1sign-in(-link|~1oidc(~1callback)?)\/get/,
    why: "it leads on to a page",
  },
  {
    rule: "operation-4xx-response",
    place: /~1(healthz|readyz|openapi\.json|sign-in~1options)\//,
    why: "nothing that is sent there is wrong",
  },
];

/** What this server is not set up for is answered so. */
const NOT_SET_UP: Record<string, number> = { beginSingleSignOn: 404, finishSingleSignOn: 404 };

let app: TestApp;
/** For operations that take nothing away. */
let shared: World;
const agent = new http.Agent({ keepAlive: true });
beforeAll(async () => {
  // Targets of the examples are http.
  app = await testApp({ inboundAddressLimit: { count: 1_000, seconds: 60 }, superofficeRequireHttps: false }, { worker: true });
  shared = await makeWorld(app);
});
afterAll(async () => {
  agent.destroy();
  await app.close();
});

interface Answer {
  status: number;
  type: string;
  text: string;
  allow: string | undefined;
}

/** fetch would mend the path and refuse a body of a GET. */
function send({ method, path, headers, body }: Omit<Call, "name">): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const request = http.request(app.url, {
      method,
      path,
      headers: { ...headers, ...length },
      agent: (body?.length ?? 0) < 10_000 && agent,
      timeout: 20_000,
    });
    request.on("timeout", () => request.destroy(new Error("no answer after 20 s")));
    request.on("error", (error) => reject(error));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const { "content-type": type = "", allow } = response.headers;
        resolve({ status: response.statusCode ?? 0, type: type.split(";")[0] ?? "", text: Buffer.concat(chunks).toString(), allow });
      });
      response.on("error", reject);
    });
    request.end(body);
  });
}

const ajv = new Ajv2020.default({ strict: false, allErrors: false });
addFormats.default(ajv);
ajv.addSchema(document, "api");
const escaped = (part: string) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));

/** What is wrong with an answer; undefined when it is one that the document names. */
function faultOf({ path, method, described }: Operation, { status, type, text }: Answer): string | undefined {
  const response = described.responses[status];
  if (!response) return `${status} is not described: ${text.slice(0, 200)}`;
  if (!response.content) return text === "" ? undefined : `${status} has no body, but: ${text.slice(0, 100)}`;
  if (!response.content[type]) return `${status} as ${type || "nothing"} is not described`;
  if (!type.includes("json")) return undefined;
  const place = ["paths", path, method.toLowerCase(), "responses", String(status), "content", type, "schema"].map(escaped).join("/");
  const validate = ajv.getSchema(`api#/${place}`);
  if (!validate) return `no schema at ${place}`;
  // NDJSON is a value a line.
  const values = type.includes("ndjson") ? text.split("\n").filter((line) => line !== "") : [text];
  const misfit = values.find((value) => !validate(JSON.parse(value)));
  return misfit === undefined ? undefined : `${status} does not fit: ${ajv.errorsText(validate.errors)} in ${misfit.slice(0, 300)}`;
}

describe("the document", () => {
  test("keeps the recommended rules of redocly", async () => {
    const config = await createConfig({ extends: ["recommended"] });
    const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: "openapi.json", config });
    const unexcused = problems
      .map(({ ruleId, message, location }) => ({ ruleId, message, place: location[0]?.pointer ?? "" }))
      .filter(({ ruleId, place }) => !EXCEPTIONS.some((one) => one.rule === ruleId && one.place.test(place)));
    expect(unexcused).toEqual([]);
  });

  test("names each operation once", () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("covers the five faces and the inbound URLs", () => {
    for (const prefix of [
      "/v1/events",
      "/inbound/goals/",
      "/api/inbound-webhooks",
      "/crmapi/rest/v2/",
      "/api/v2/",
      "/api/v3/",
      "/auth/local",
      "/api/v1/",
    ])
      expect(operations.filter(({ path }) => path.startsWith(prefix))).not.toEqual([]);
  });
});

/** HEAD comes with each GET; OPTIONS and QUERY are named by those who refuse every method. */
const UNCOUNTED = new Set(["HEAD", "OPTIONS", "QUERY"]);
/** Part of a described path: the entity's key LastError, which is no number, is refused. */
const COVERED = new Set(["POST /api/v1/Webhook/:id/LastError"]);

describe("the document and the routes", () => {
  const shape = (url: string) => url.replaceAll(/\{\w+\}|:\w+/g, ":x");
  const described = new Set(operations.map(({ method, path }) => `${method} ${shape(path)}`));

  test("a route that is not described answers 404 or 405", async () => {
    const silent = app.server.routes().filter(({ method, url }) => !UNCOUNTED.has(method) && !described.has(`${method} ${shape(url)}`));
    const open: string[] = [];
    for (const { method, url } of silent) {
      const path = url.replaceAll(/:\w+/g, "x").replace("*", "nothing-here");
      const answer = await send({ method, path, headers: { authorization: `Bearer ${app.adminToken}` }, body: undefined });
      if (![404, 405].includes(answer.status) && !COVERED.has(`${method} ${url}`)) open.push(`${method} ${url}: ${answer.status}`);
    }
    expect(open).toEqual([]);
    expect(app.server.routes().length).toBeGreaterThan(operations.length);
  });

  test("each operation has a route", () => {
    const routes = app.server.routes().map(({ method, url }) => ({ method, url: shape(url) }));
    const lost = operations.filter(({ method, path }) => {
      const wanted = shape(path);
      return !routes.some(
        (one) =>
          one.method === method &&
          (one.url === wanted || (one.url.endsWith("/*") && !one.url.startsWith("/api") && wanted.startsWith(one.url.slice(0, -1)))),
      );
    });
    expect(lost.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });
});

describe("each operation, carried out", () => {
  test.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
    "%s",
    async (_name, operation) => {
      const takesAway = operation.method === "DELETE" || /delete|release|confirm|signIn|rotate/i.test(operation.operationId);
      const world = takesAway ? await makeWorld(app) : shared;
      const valid = validCall(operation, document, world);
      const faults: string[] = [];
      const answer = await send(valid);
      const fault = faultOf(operation, answer);
      if (fault) faults.push(`${valid.name}: ${fault}`);
      const isRefused = answer.status >= 400 && answer.status !== NOT_SET_UP[operation.operationId];
      if (isRefused || (answer.text.includes('"status":{"message"') && !answer.text.includes('"code":"OK"')))
        faults.push(`it is refused: ${answer.status} ${answer.text.slice(0, 300)}`);
      const random = fc.sample(fc.jsonValue({ maxDepth: 3 }), { numRuns: RANDOM_BODIES, seed: SEED });
      for (const call of chosen(brokenCalls(operation, valid, random))) {
        const said = await send(call);
        const wrong = said.status >= 500 ? `${said.status}: ${said.text.slice(0, 200)}` : faultOf(operation, said);
        if (wrong) faults.push(`${call.name}: ${wrong}`);
      }
      expect(faults).toEqual([]);
    },
    60_000,
  );

  test("the test can fail: an answer of another status, type or form is found", () => {
    const health = operations.find(({ operationId }) => operationId === "health") as Operation;
    const answered = { status: 200, type: "application/json", text: '{"status":"ok"}', allow: undefined };
    expect(faultOf(health, answered)).toBeUndefined();
    expect(faultOf(health, { ...answered, status: 201 })).toMatch("not described");
    expect(faultOf(health, { ...answered, type: "text/html" })).toMatch("not described");
    expect(faultOf(health, { ...answered, text: '{"status":"ill"}' })).toMatch("does not fit");
  });
});
