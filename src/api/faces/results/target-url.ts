/** The secret URL as an admin copies it into the source system. */
import type { Config } from "../../../config.ts";
import type { InboundWebhook } from "../../../goals/inbound-webhooks.ts";
import { globalId } from "../../../wire/ids.ts";

/** @param origin where the admin reached us: used when HOOKLINE_PUBLIC_URL is not set */
export function targetUrl(config: Pick<Config, "publicUrl">, origin: string, webhook: InboundWebhook, key: string): string {
  return `${config.publicUrl ?? origin}/inbound/goals/${globalId("Goal", webhook.goalId)}/${key}`;
}
