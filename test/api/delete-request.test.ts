/** deleteWebhookRequest: it answers with the request as it was, and reads no more of its bodies than is asked for. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { graphql } from "../helpers/graphql.ts";
import { addDefinition, addRequest, settle } from "../helpers/log.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const TEXT = "x".repeat(950_000);

/** A request whose attempts sent 0.95 MB each. */
async function tried(attempts: number): Promise<string> {
  const { core, organizationId } = app.t;
  const request = await addRequest(core, organizationId, await addDefinition(core, organizationId));
  for (let i = 1; i <= attempts; i++) {
    const attempt = { outcome: "REJECTED", statusCode: 500, requestBody: `${i} ${TEXT}`, responseBody: `answer ${i}` } as const;
    await settle(core, organizationId, [{ request, state: i === attempts ? "REJECTED" : "WAITING", attempt }]);
  }
  return globalId("WebhookRequest", request.id);
}

async function remove(id: string, fields: string, more = "") {
  const query = `mutation ($input: DeleteWebhookRequestInput!) { deleteWebhookRequest(input: $input) {
    __typename ... on WebhookRequest { id ${fields} } ... on Error { code message } } } ${more}`;
  const { body } = await graphql(app, query, { token: app.adminToken, variables: { input: { id } } });
  expect(body.errors).toBeUndefined();
  return body.data.deleteWebhookRequest;
}
const isThere = async (id: string) => {
  const query = "query ($id: ID!) { webhookRequest(id: $id) { id } }";
  return (await graphql(app, query, { token: app.adminToken, variables: { id } })).body.data.webhookRequest !== null;
};

test("many large attempts are no obstacle", { timeout: 120_000 }, async () => {
  const id = await tried(90);
  const numbers = "attempts(last: 2) { totalCount edges { node { number statusCode } } }";
  const deleted = await remove(id, numbers);
  expect(deleted.attempts).toEqual({ totalCount: 90, edges: [89, 90].map((number) => ({ node: { number, statusCode: 500 } })) });
  expect(await isThere(id)).toBe(false);
});

test("the bodies that are asked for are there, through fragments and aliases too", { timeout: 120_000 }, async () => {
  const id = await tried(90);
  const deleted = await remove(
    id,
    "request response ...Some last: attempts(last: 1) { edges { node { replyLine } } }",
    `fragment Some on WebhookRequest { attempts(first: 2) { edges { ...Each } } }
     fragment Each on AttemptEdge { node { ... on Attempt { number requestBody responseBody } } }`,
  );
  expect(deleted.request.body).toBe(`90 ${TEXT}`);
  expect(deleted.response.body).toBe("answer 90");
  expect(deleted.attempts.edges).toEqual(
    [1, 2].map((number) => ({ node: { number, requestBody: `${number} ${TEXT}`, responseBody: `answer ${number}` } })),
  );
  expect(deleted.last.edges).toEqual([{ node: { replyLine: "answer 90" } }]);
  expect(await isThere(id)).toBe(false);
});
