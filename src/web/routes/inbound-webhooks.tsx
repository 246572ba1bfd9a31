export function InboundWebhooks() {
  return null;
}
