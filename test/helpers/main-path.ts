/** The main path against a running platform: a definition, events in, signed deliveries out, in order, and the log. */
import { createHmac } from "node:crypto";
import { expect } from "vitest";
import type { Receiver } from "./receiver.ts";

export interface Platform {
  url: string;
  token: string;
}

const headers = ({ token }: Platform) => ({ authorization: `Bearer ${token}`, "content-type": "application/json" });

export async function ask<T>(platform: Platform, query: string, variables: object = {}): Promise<T> {
  const response = await fetch(`${platform.url}/graphql`, {
    method: "POST",
    headers: headers(platform),
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: T; errors?: unknown };
  expect(errors).toBeUndefined();
  return data as T;
}

/**
 * Sends `count` events, each when the one before was accepted, and `crowd` more at once.
 * @returns the statuses of the crowd's answers
 */
export async function mainPath(platform: Platform, receiver: Receiver, name: string, count = 20, crowd = 40): Promise<number[]> {
  const { createWebhookDefinition: made } = await ask<{
    createWebhookDefinition: { definition: { id: string }; signingSecret: string };
  }>(
    platform,
    `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) {
      ... on CreatedWebhookDefinition { definition { id } signingSecret } ... on ValidationError { message } } }`,
    { input: { name, targetUrl: `${receiver.url}/${name}`, eventTypes: ["main.*"], ordering: "DEFINITION" } },
  );
  const emit = async (n: number) =>
    (
      await fetch(`${platform.url}/v1/events`, {
        method: "POST",
        headers: headers(platform),
        body: JSON.stringify({ type: "main.path", payload: { n } }),
      })
    ).status;
  for (let n = 0; n < count; n++) expect(await emit(n)).toBe(202);
  const statuses = await Promise.all(Array.from({ length: crowd }, (_, i) => emit(count + i)));
  const arrived = () => receiver.calls.filter((call) => call.path === `/${name}`);
  const accepted = count + statuses.filter((status) => status === 202).length;
  await expect.poll(() => arrived().length, { timeout: 30_000 }).toBe(accepted);

  const key = Buffer.from(made.signingSecret.replace(/^whsec_/, ""), "base64");
  const sent = arrived().map((call) => {
    const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = call.headers as Record<string, string>;
    expect(signature).toContain(`v1,${createHmac("sha256", key).update(`${id}.${at}.${call.body}`).digest("base64")}`);
    expect(Math.abs(Date.now() / 1000 - Number(at))).toBeLessThan(60);
    return (JSON.parse(call.body.toString()) as { data: { n: number } }).data.n;
  });
  expect(sent.slice(0, count)).toEqual(Array.from({ length: count }, (_, n) => n));
  await expect
    .poll(async () => {
      const { webhookRequests } = await ask<{ webhookRequests: { edges: { node: { state: string; createdAt: string } }[] } }>(
        platform,
        `query ($id: ID!) { webhookRequests(first: 100, filter: { webhookDefinitionId: $id }) { edges { node { state createdAt } } } }`,
        { id: made.definition.id },
      );
      for (const { node } of webhookRequests.edges) expect(Math.abs(Date.now() - Date.parse(node.createdAt))).toBeLessThan(60_000);
      return webhookRequests.edges.filter(({ node }) => node.state === "DELIVERED").length;
    })
    .toBe(accepted);
  return statuses;
}
