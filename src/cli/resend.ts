/** `hookline resend`: one request again, or all rejected ones that a filter names. */
import type { Api } from "./client.ts";
import { CliError } from "./fault.ts";
import { isMoment } from "./moment.ts";
import { definitionId } from "./tail.ts";

export interface ResendOptions {
  force?: boolean | undefined;
  definition?: string | undefined;
  type?: string | undefined;
  since?: string | undefined;
}

/** @param request its number, as people quote it, or its id. @returns its number and state now */
export async function resend(api: Api, request: string, force: boolean): Promise<{ number: number; state: string }> {
  let id = request;
  if (/^\d+$/.test(request)) {
    const found = await api.graphql<{ webhookRequest: { id: string } | null }>(
      "query ($number: SafeInt) { webhookRequest(number: $number) { id } }",
      {
        number: Number(request),
      },
    );
    if (!found.webhookRequest) throw new CliError(`there is no webhook request ${request}`);
    id = found.webhookRequest.id;
  }
  const { resendWebhookRequest } = await api.graphql<{ resendWebhookRequest: { number: number; state: string } }>(
    `mutation ($input: ResendWebhookRequestInput!) {
       resendWebhookRequest(input: $input) { __typename ... on WebhookRequest { number state } ... on Error { message } }
     }`,
    { input: { id, force } },
  );
  return resendWebhookRequest;
}

/** @returns the replay that works through them */
export async function resendRejected(api: Api, options: ResendOptions): Promise<{ id: string; total: number }> {
  if (options.since !== undefined && !isMoment(options.since))
    throw new CliError("--since must be a time with its zone, such as 2026-11-01T08:00:00Z");
  const since = options.since === undefined ? undefined : new Date(options.since);
  if (since && Number.isNaN(since.getTime())) throw new CliError(`--since: there is no ${options.since}`);
  const filter = {
    lifeCycleState: ["REJECTED"],
    ...(options.definition === undefined ? {} : { webhookDefinitionId: await definitionId(api, options.definition) }),
    ...(options.type === undefined ? {} : { eventType: options.type }),
    ...(since === undefined ? {} : { createdAfter: since.toISOString() }),
  };
  const { resendWebhookRequests } = await api.graphql<{ resendWebhookRequests: { id: string; total: number } }>(
    `mutation ($input: ResendWebhookRequestsInput!) {
       resendWebhookRequests(input: $input) { __typename ... on Replay { id total } ... on Error { message } }
     }`,
    { input: { filter } },
  );
  return resendWebhookRequests;
}
