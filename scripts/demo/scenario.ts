/** What the demo sets up and sends: three definitions, 30 events. */
import type { Api } from "../../src/cli/client.ts";
import type { LaneOf } from "./receiver.ts";

interface Wanted {
  name: string;
  code: string;
  eventTypes: string[];
  ordering: "DEFINITION" | "KEY";
}

/** The path of a definition's target is its code. */
const DEFINITIONS: Wanted[] = [
  { name: "Orders", code: "orders", eventTypes: ["order.*"], ordering: "DEFINITION" },
  { name: "Stock, in order by article", code: "stock", eventTypes: ["stock.*"], ordering: "KEY" },
  { name: "Everything", code: "everything", eventTypes: ["*"], ordering: "DEFINITION" },
];
const ARTICLES = ["a", "b", "c"];
const EVENTS = 30;
const CALLS = 3;

export const laneOf: LaneOf = (path, entityId) => (path === "/stock" ? `stock ${entityId}` : path.slice(1));

/** How often each lane is answered 503 before its receiver works. */
export const failuresOf = (lane: string): number => (lane === "orders" ? 3 : lane.startsWith("stock") ? 1 : 0);

export interface DemoEvent {
  type: string;
  entity: string;
  entityId: string;
  payload: { sequence: number };
}

/** Orders and articles by turns. */
export const events: DemoEvent[] = Array.from({ length: EVENTS }, (_, i) => {
  const half = Math.floor(i / 2);
  return i % 2 === 0
    ? { type: "order.created", entity: "order", entityId: String(half + 1), payload: { sequence: i } }
    : { type: "stock.changed", entity: "article", entityId: ARTICLES[half % ARTICLES.length] as string, payload: { sequence: i } };
});

/** Lane → the sequences it delivers, in the order they were emitted in. */
export function expectedLanes(): Map<string, number[]> {
  const lanes = new Map<string, number[]>();
  for (const event of events) {
    for (const path of [event.entity === "order" ? "/orders" : "/stock", "/everything"]) {
      const lane = laneOf(path, event.entityId);
      lanes.set(lane, [...(lanes.get(lane) ?? []), event.payload.sequence]);
    }
  }
  return lanes;
}

/** @returns each definition's id and the secret that signs for it, by its code */
export async function createDefinitions(api: Api, receiverUrl: string): Promise<Map<string, { id: string; secret: string }>> {
  const made = new Map<string, { id: string; secret: string }>();
  for (const { code, ...wanted } of DEFINITIONS) {
    const input = { ...wanted, code, targetUrl: `${receiverUrl}/${code}`, retrySchedule: [4, 8, 16, 32] };
    const { createWebhookDefinition: result } = await api.graphql<{
      createWebhookDefinition: { definition: { id: string }; signingSecret: string };
    }>(
      `mutation ($input: CreateWebhookDefinitionInput!) {
         createWebhookDefinition(input: $input) {
           __typename
           ... on CreatedWebhookDefinition { definition { id } signingSecret }
           ... on ValidationError { message issues { path message } }
           ... on Error { message }
         }
       }`,
      { input },
    );
    made.set(code, { id: result.definition.id, secret: result.signingSecret });
  }
  return made;
}

/** A delivery outside every lane, in the log all the same. @returns the request's id */
export async function testDelivery(api: Api, id: string): Promise<string> {
  const { testWebhookDefinition } = await api.graphql<{ testWebhookDefinition: { id: string } }>(
    `mutation ($input: TestWebhookDefinitionInput!) {
       testWebhookDefinition(input: $input) { __typename ... on WebhookRequest { id } ... on Error { message } }
     }`,
    { input: { id } },
  );
  return testWebhookDefinition.id;
}

export async function emitAll(api: Api): Promise<void> {
  for (let i = 0; i < EVENTS; i += EVENTS / CALLS) {
    await api.postEvents(JSON.stringify(events.slice(i, i + EVENTS / CALLS)), `demo-${i}`);
  }
}
