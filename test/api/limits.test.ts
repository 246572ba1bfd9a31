/** What a GraphQL request may ask for: over each limit 400 and no data, at the limit an answer. */
import { getIntrospectionQuery } from "graphql";
import { afterAll, describe, expect, test } from "vitest";
import { testApp } from "../helpers/app.ts";
import { graphql, post } from "../helpers/graphql.ts";

const app = await testApp();
afterAll(app.close);
const token = app.adminToken;

const many = (count: number, one: (i: number) => string) => Array.from({ length: count }, (_, i) => one(i)).join(" ");
async function expectRefused(query: string, words: RegExp, variables?: Record<string, unknown>): Promise<void> {
  const { status, body } = await graphql(app, query, { token, ...(variables ? { variables } : {}) });
  expect(status).toBe(400);
  expect(body).not.toHaveProperty("data");
  expect(body.errors[0].message).toMatch(words);
}

async function expectAnswered(query: string): Promise<void> {
  const { status, body } = await graphql(app, query, { token });
  expect(body.errors).toBeUndefined();
  expect(status).toBe(200);
}

describe("limits of an operation", () => {
  test("50 aliases, not 51", async () => {
    await expectAnswered(`{ viewer { ${many(50, (i) => `a${i}: role`)} } }`);
    await expectRefused(`{ viewer { ${many(51, (i) => `a${i}: role`)} } }`, /50 aliases/);
  });

  test("aliases hidden in fragments count as often as they are spread", async () => {
    const doubling = many(12, (i) => `fragment f${i} on Viewer { ...f${i + 1} ...f${i + 1} }`);
    await expectRefused(`{ viewer { ...f0 } } ${doubling} fragment f12 on Viewer { x: role }`, /50 aliases/);
  });

  test("50 root fields, not 51", async () => {
    await expectRefused(`{ ${many(51, () => "viewer { role }")} }`, /50 root fields/);
    await expectAnswered(`{ ${many(50, () => "viewer { role }")} }`);
  });

  test("5 mutations, not 6", async () => {
    const mutations = (count: number) => `mutation { ${many(count, (i) => `m${i}: updateOrganization(input: {}) { __typename }`)} }`;
    await expectAnswered(mutations(5));
    await expectRefused(mutations(6), /5 mutations/);
  });

  test("2000 tokens, not more", async () => {
    await expectRefused(`{ viewer { ${many(2000, () => "role")} } }`, /2000 tokens/);
    const filter = `{ and: [${many(1900, () => "1")}] }`;
    const { body } = await graphql(app, `{ viewer(filter: ${filter}) { role } }`, { token });
    expect(body.errors[0].message).toMatch(/Unknown argument/);
  });

  test("100 directives, not 101", async () => {
    await expectRefused(`{ viewer { ${many(101, () => "role @include(if: true)")} } }`, /100 directives/);
  });

  test("15 levels of fields; introspection 20", async () => {
    const levels = (count: number) => `{ ${"viewer { ".repeat(count - 1)} role ${"} ".repeat(count - 1)} }`;
    await expectRefused(levels(16), /15 levels/);
    // Within the depth it is only no field of that type.
    expect((await graphql(app, levels(15), { token })).body.errors[0].message).toMatch(/Cannot query field/);
    const types = (count: number) =>
      `{ __type(name: "Query") { fields { type { ${"ofType { ".repeat(count - 4)} name ${"} ".repeat(count - 4)} } } } }`;
    await expectAnswered(types(20));
    await expectRefused(types(21), /20 levels of introspection/);
  });

  test("a circle of fragments ends in a refusal", async () => {
    const { body } = await graphql(app, "{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...a }", { token });
    expect(body.errors[0].message).toMatch(/Cannot spread fragment/);
  });

  test("a full introspection query is answered", () => expectAnswered(getIntrospectionQuery()));

  test("all types once in an operation, or thirty of them: all take a tenth of a second", async () => {
    const type = (i: number) => `a${i}: __type(name: "Query") { fields { name } }`;
    const words = /30 parts of introspection/;
    await expectAnswered(`{ ${many(30, type)} }`);
    await expectRefused(`{ ${many(31, type)} }`, words);
    await expectRefused("{ a: __schema { types { name } } b: __schema { types { name } } }", words);
    await expectRefused(`{ ...f __schema { types { name } } } fragment f on Query { ${many(11, type)} }`, words);
    await expectRefused("{ __schema { types { a: fields { name } b: fields { name } } } }", words);
    await expectRefused("{ __schema { types { fields { type { fields { name } } } } } }", words);
    await expectRefused(
      '{ a: __type(name: "Query") { ...t } b: __type(name: "Query") { ...t } } fragment t on __Type { fields { type { fields { type { fields { name } } } } } }',
      words,
    );
    // What people write by hand.
    await expectAnswered("{ __schema { types { kind typeName: name } } }");
    await expectAnswered('{ __schema { queryType { name } } __type(name: "Event") { fields { name type { fields { name } } } } }');
    await expectAnswered("{ __schema { mutationType { fields { args { type { ofType { inputFields { name } } } } } } } }");
  });

  test("pages of 100 at most, by literal or variable, over every transport's engine", async () => {
    await expectAnswered("{ users(first: 100) { edges { node { id } } } }");
    const { status, body } = await graphql(app, "query ($n: Int) { users(first: $n) { totalCount } }", { token, variables: { n: 101 } });
    expect(status).toBe(400);
    expect(body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
    expect((await graphql(app, "{ users(last: 101) { totalCount } }", { token })).body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
    expect((await graphql(app, "{ users(first: -1) { totalCount } }", { token })).body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
    const ids = Array.from({ length: 101 }, () => "x");
    expect((await graphql(app, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { token, variables: { ids } })).status).toBe(400);
  });

  test("cost: one per node that a page can hold, nested pages multiplied", async () => {
    const pages = (outer: number, inner: number) =>
      `{ webhookRequests(first: ${outer}) { edges { node { attempts(first: ${inner}) { edges { node { number } } } } } } }`;
    await expectAnswered(pages(90, 100));
    await expectRefused(pages(100, 100), /10000 nodes/);
  });
});

describe("the body of a POST", () => {
  test.each([
    [{ query: "{ viewer { role } }", status: 200, headers: {} }],
    [{ status: 200, headers: { "content-type": "text/html" } }],
    [[{ query: "{ viewer { role } }" }]],
    ["null"],
    ["1"],
    ["{"],
    [""],
  ])("%j is 400 and never hangs", async (body) => {
    expect((await post(app, body, { token })).status).toBe(400);
  });

  test("without a token it is 400 when it is no operation, else 401", async () => {
    for (const body of [{ status: 200, headers: {} }, [], "null"]) {
      expect((await post(app, body)).body).toMatchObject({ errors: [{ extensions: { code: "BAD_REQUEST" } }] });
    }
    for (const body of ["{", "", {}, { query: "{ __schema { types { name } } }" }]) {
      const answer = await post(app, body);
      expect(answer.status).toBe(401);
      expect(answer.body.errors[0].extensions.code).toBe("UNAUTHENTICATED");
    }
  });

  test.each(["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/graphql"])(
    "%s is 415",
    async (type) => {
      expect((await post(app, "query=%7Bviewer%7Brole%7D%7D", { token, headers: { "content-type": type } })).status).toBe(415);
    },
  );

  test("over 1 MiB is 413", async () => {
    const { status, body } = await post(app, { query: "{ viewer { role } }", variables: { x: "a".repeat(2 ** 20) } }, { token });
    expect([status, body.errors[0].extensions.code]).toEqual([413, "TOO_LARGE"]);
  });

  test.each(["variables=%5B", "variables=[]", "variables=7", "extensions=x"])("by GET, %s is 400", async (parameters) => {
    const response = await fetch(`${app.url}/graphql?query={viewer{role}}&${parameters}`, {
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    });
    expect([response.status, Object.keys((await response.json()) as object)]).toEqual([400, ["errors"]]);
  });

  test("with a Content-Encoding is 415, no UTF-8 is 400", async () => {
    expect((await post(app, { query: "{ viewer { role } }" }, { token, headers: { "content-encoding": "gzip" } })).status).toBe(415);
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: Buffer.from('{"query":"{ viewer { role } } #\xff"}', "latin1"),
    });
    expect(response.status).toBe(400);
  });

  test("a mutation by GET is refused", async () => {
    const response = await fetch(`${app.url}/graphql?query=${encodeURIComponent("mutation { signOut { role } }")}`, {
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    });
    expect(response.status).toBe(405);
  });

  test("NUL and half surrogate pairs are a ValidationError that names the place", async () => {
    for (const name of ["a\0b", "a\ud800b"]) {
      const query =
        "mutation ($input: UpdateOrganizationInput!) { updateOrganization(input: $input) { ... on ValidationError { issues { path } } } }";
      const { body } = await graphql(app, query, { token, variables: { input: { name } } });
      expect(body.data.updateOrganization.issues).toEqual([{ path: "name" }]);
    }
  });
});

test("errors of ours are masked", async () => {
  const organization = await app.t.organization();
  const doomed = await app.token({ organizationId: organization.id });
  await app.t.asServer("ALTER TABLE organization RENAME TO organization_away");
  try {
    const { body } = await graphql(app, "{ organization { name } }", { token: doomed });
    expect(body.errors[0]).toMatchObject({ message: "something went wrong on our side", extensions: { code: "INTERNAL_SERVER_ERROR" } });
    expect(JSON.stringify(body)).not.toMatch(/relation|organization_away|select/i);
  } finally {
    await app.t.asServer("ALTER TABLE organization_away RENAME TO organization");
  }
});
