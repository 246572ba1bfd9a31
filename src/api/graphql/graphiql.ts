/** GraphiQL with its own assets (no CDN), a ready example in each tab. */
const HEADERS = JSON.stringify({ Authorization: "Bearer <your token>" }, null, 2);

const TABS = [
  {
    query: `# 1 · Who am I? Put your token into Headers below, then press play.
query Viewer {
  viewer { role scopes organization { id name features } }
}`,
  },
  {
    query: `# 2 · Where should events go? The signing secret is shown once.
mutation CreateWebhookDefinition($input: CreateWebhookDefinitionInput!) {
  createWebhookDefinition(input: $input) {
    __typename
    ... on CreatedWebhookDefinition { definition { id number code state } signingSecret }
    ... on ValidationError { issues { path message } }
    ... on Error { code message }
  }
}`,
    variables: JSON.stringify(
      {
        input: {
          name: "Orders",
          targetUrl: "https://shop.example/hooks",
          eventTypes: ["order.*"],
          filter: { payload: { total: { $gt: 100 } } },
        },
      },
      null,
      2,
    ),
  },
  {
    query: `# 3 · Something happened.
mutation EmitEvent($input: EmitEventInput!) {
  emitEvent(input: $input) {
    __typename
    ... on Event { id type requests(first: 10) { edges { node { id number state } } } }
    ... on Error { code message }
  }
}`,
    variables: JSON.stringify(
      { input: { type: "order.created", entity: "order", entityId: "18", payload: { total: 120 }, idempotencyKey: "o-18" } },
      null,
      2,
    ),
  },
  {
    query: `# 4 · Watch deliveries as they happen.
subscription Deliveries {
  webhookRequestUpdated {
    cursor
    request { number state laneNumber event { type entityId } attempts(last: 1) { edges { node { number outcome statusCode durationMs errorCode } } } }
  }
}`,
  },
  {
    query: `# 5 · What was rejected, and why?
query Rejected {
  webhookRequests(first: 20, filter: { lifeCycleState: [REJECTED] }) {
    totalCount
    edges { node { id number url errorCode errorDescription createdAt } }
    pageInfo { hasNextPage endCursor }
  }
}`,
  },
];

let page: Promise<string> | undefined;

/** Loaded when somebody asks: the assets are 9 MB of text, most processes never show them. */
export function graphiqlPage(): Promise<string> {
  page ??= import("@graphql-yoga/render-graphiql").then(({ renderGraphiQL }) =>
    renderGraphiQL({
      title: "Hookline GraphiQL",
      endpoint: "/graphql",
      credentials: "same-origin",
      defaultTabs: TABS.map((tab) => ({ ...tab, headers: HEADERS })),
    }),
  );
  return page;
}
