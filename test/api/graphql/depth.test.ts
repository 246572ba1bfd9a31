/** JSON inputs of any depth are answered, never a fault of ours: a stack is not the limit. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { post } from "../../helpers/graphql.ts";

let app: TestApp;

beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`;
const listed = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const ERROR = "... on ValidationError { issues { path message } } ... on Error { code message }";

async function ask(query: string, input: string) {
  const body = `{"query":${JSON.stringify(query)},"variables":{"input":${input}}}`;
  const answer = await post(app, body, { token: app.adminToken });
  expect(answer).toMatchObject({ status: 200 });
  expect(answer.body.errors).toBeUndefined();
  return answer.body.data.made as { __typename: string; code?: string; message?: string; issues?: { path: string; message: string }[] };
}

const emit = (payload: string) =>
  ask(
    `mutation ($input: EmitEventInput!) { made: emitEvent(input: $input) { __typename ${ERROR} } }`,
    `{"type":"deep","payload":${payload}}`,
  );
const emitTwo = (payload: string) =>
  ask(
    `mutation ($input: EmitEventsInput!) { made: emitEvents(input: $input) { __typename ${ERROR} } }`,
    `{"events":[{"type":"deep","payload":{}},{"type":"deep","payload":${payload}}]}`,
  );

test("64 levels of a payload are taken, also inside a batch", async () => {
  expect(await emit(nested(64))).toEqual({ __typename: "Event" });
  expect(await emit(listed(64))).toEqual({ __typename: "Event" });
  expect(await emitTwo(nested(64))).toMatchObject({ __typename: "EmittedEvents" });
});

test.each([65, 66, 70, 3_000, 100_000])("%i levels are a ValidationError", async (levels) => {
  for (const payload of [nested(levels), listed(levels)]) {
    for (const made of [await emit(payload), await emitTwo(payload)]) {
      expect(made).toMatchObject({ __typename: "ValidationError", code: "VALIDATION_FAILED" });
      expect(made.issues?.[0]?.path).toMatch(/^(events\.1\.)?payload/);
      expect(made.issues?.[0]?.path.length).toBeLessThan(100);
    }
  }
});

test.each(["filter", "headers", "properties"])("a %s of 3000 levels is a ValidationError", async (field) => {
  const made = await ask(
    `mutation ($input: CreateWebhookDefinitionInput!) { made: createWebhookDefinition(input: $input) { __typename ${ERROR} } }`,
    `{"name":"Deep","targetUrl":"https://shop.example/","eventTypes":["*"],"${field}":${nested(3_000)}}`,
  );
  expect(made).toMatchObject({ __typename: "ValidationError", code: "VALIDATION_FAILED" });
});

test("a filter to preview, which is an argument of a query, is refused too", async () => {
  const query = 'query ($input: JSON) { filterPreview(eventTypes: ["*"], filter: $input) { __typename } }';
  for (const levels of [3_000, 100_000]) {
    const answer = await post(app, `{"query":${JSON.stringify(query)},"variables":{"input":${nested(levels)}}}`, { token: app.adminToken });
    expect(answer.body.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  }
});
