/** A server as the command line sees it: GraphQL and REST over HTTP. Whatever goes wrong becomes one line that says what to do. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import got, { type Got, RequestError, type Response } from "got";
import type { ClientConfig } from "../config.ts";
import { CliError } from "./fault.ts";

export interface Api {
  url: string;
  token: string;
  /** @throws CliError also for a typed error in a mutation's result */
  graphql<T>(query: string, variables?: Record<string, unknown>): Promise<T>;
  /** POST /v1/events; tried again while nobody answers, which the key makes safe. */
  postEvents(body: string, idempotencyKey: string): Promise<unknown>;
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** HOOKLINE_TOKEN, else the token that a server on this machine keeps in its data folder. */
async function findToken(config: ClientConfig): Promise<string | undefined> {
  if (config.token !== undefined || !LOOPBACK.test(new URL(config.url).hostname)) return config.token;
  return (await readFile(path.join(config.dataDir, "admin.token"), "utf8").catch(() => "")).trim() || undefined;
}

export async function hasToken(config: ClientConfig): Promise<boolean> {
  return (await findToken(config)) !== undefined;
}

async function tokenOf(config: ClientConfig): Promise<string> {
  const token = await findToken(config);
  if (token !== undefined) return token;
  throw new CliError("no token: set HOOKLINE_TOKEN (make one with `hookline token`, or in the dashboard under API tokens)");
}

/** @throws CliError when there is no token */
export async function connect(config: ClientConfig): Promise<Api> {
  const token = await tokenOf(config);
  const http = got.extend({
    prefixUrl: config.url,
    headers: { authorization: `Bearer ${token}` },
    // The token must not follow a redirect to another origin.
    followRedirect: false,
    throwHttpErrors: false,
    timeout: { request: 30_000 },
    retry: { limit: 0 },
  });
  return {
    url: config.url,
    token,
    async graphql<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
      const response = await send(http, config.url, "graphql", { json: { query, variables } });
      const answer = bodyOf(response) as { data?: T; errors?: { message: string }[] };
      if (answer.errors?.[0]) throw new CliError(answer.errors[0].message);
      if (response.statusCode !== 200 || !answer.data)
        throw new CliError(`${config.url} answered ${response.statusCode}: is that a Hookline server?`);
      for (const result of Object.values(answer.data)) refuseTyped(result);
      return answer.data;
    },
    async postEvents(body, idempotencyKey) {
      const response = await send(http, config.url, "v1/events", {
        body,
        headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
        retry: { limit: 3, methods: ["POST"], statusCodes: [429, 502, 503, 504], errorCodes: ["ECONNRESET", "EPIPE", "ETIMEDOUT"] },
      });
      const answer = bodyOf(response) as { detail?: string };
      if (response.statusCode !== 202) throw new CliError(answer.detail ?? `${config.url} answered ${response.statusCode}`);
      return answer;
    },
  };
}

async function send(http: Got, url: string, route: string, options: object): Promise<Response<string>> {
  let response: Response<string>;
  try {
    response = (await http.post(route, { ...options, responseType: "text" })) as Response<string>;
  } catch (error) {
    const code = error instanceof RequestError ? error.code : undefined;
    // Of our headers the token alone comes from outside; nothing was sent.
    if (code === "ERR_INVALID_CHAR")
      throw new CliError("the token holds a character that none has, such as a line break: set HOOKLINE_TOKEN to the token alone", {
        cause: error,
      });
    throw new CliError(`${url} cannot be reached (${code ?? (error as Error).message}): start it with \`npm start\`, or set HOOKLINE_URL`, {
      cause: error,
    });
  }
  if (response.statusCode === 401) throw new CliError(`${url} does not accept this token: set HOOKLINE_TOKEN to a valid one`);
  return response;
}

function bodyOf(response: Response<string>): object {
  try {
    const body: unknown = JSON.parse(response.body);
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {};
  }
}

interface TypedError {
  __typename?: string;
  message?: string;
  issues?: { path: string; message: string }[];
}

/** A mutation's `… on Error { message }`: queries here ask for `__typename` in every result union. */
function refuseTyped(result: unknown): void {
  const { __typename, message, issues } = (result ?? {}) as TypedError;
  if (!__typename?.endsWith("Error")) return;
  const details = issues?.map((issue) => (issue.path === "" ? issue.message : `${issue.path}: ${issue.message}`)).join("; ");
  throw new CliError(details || message || __typename);
}
