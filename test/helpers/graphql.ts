/** GraphQL as a client speaks it. */
import type { TestServer } from "./app.ts";

export interface GraphQLAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
  body: any;
}

export interface RequestOptions {
  token?: string | undefined;
  variables?: Record<string, unknown>;
  headers?: Record<string, string>;
}

/** POSTs any body. */
export async function post(
  server: Pick<TestServer, "url">,
  body: unknown,
  { token, headers }: RequestOptions = {},
): Promise<GraphQLAnswer> {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

export function graphql(server: Pick<TestServer, "url">, query: string, options: RequestOptions = {}): Promise<GraphQLAnswer> {
  return post(server, { query, ...(options.variables ? { variables: options.variables } : {}) }, options);
}

/** The data of an operation without errors. */
export async function data(
  server: Pick<TestServer, "url">,
  token: string,
  query: string,
  variables?: Record<string, unknown>,
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
): Promise<any> {
  const { status, body } = await graphql(server, query, { token, ...(variables ? { variables } : {}) });
  if (status !== 200 || body.errors) throw new Error(`${status}: ${JSON.stringify(body.errors ?? body)}`);
  return body.data;
}
