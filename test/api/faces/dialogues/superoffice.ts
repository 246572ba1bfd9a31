/** What a client of SuperOffice says, and hears. */
import { type Dialogue, hammer } from "../dialogue.ts";
import type { Stage } from "./stage.ts";

const REST = "/api/v1/Webhook";
const RPC = "/api/v1/Agents/Webhook";

export async function superofficeDialogue(dialogue: Dialogue, stage: Stage): Promise<void> {
  const admin = { authorization: `Bearer ${stage.token}` };
  const { say } = dialogue;
  const json = (line: string, body?: unknown, headers: Record<string, string> = {}) =>
    say(line, {
      headers: { ...admin, ...(body === undefined ? {} : { "content-type": "application/json; charset=utf-8" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const xml = { "content-type": "application/xml", accept: "application/xml" };

  dialogue.chapter("who calls");
  const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });
  for (const headers of [
    basic(`${stage.email}:${stage.password}`),
    basic(`${stage.email}:wrong`),
    { authorization: `SoTicket ${stage.token}` },
    { authorization: "Digest x" },
    { ...admin, "so-apptoken": "unknown" },
    {},
  ])
    await say(`GET ${REST}/default`, { headers });

  dialogue.chapter("webhooks");
  const contacts = { Name: "Contacts", Events: ["contact.created", "contact.changed"], TargetUrl: `${stage.receiver}/contacts` };
  const made = await json(`POST ${REST}`, {
    ...contacts,
    Secret: "s3cret",
    Headers: { "X-Region": "eu" },
    Properties: { tenant: "acme", n: 7 },
    ErrorsEmail: "tony@example.test",
  });
  const webhook = `${REST}/${made.json.WebhookId}`;
  for (const wrong of [
    { Name: null },
    { Name: 7 },
    { Name: "n".repeat(401) },
    { TargetUrl: null },
    { TargetUrl: "nonsense" },
    { TargetUrl: "ftp://x" },
    { Events: "contact.created" },
    { Events: ["not an event"] },
    { State: "Unknown" },
    { State: 0 },
    { Type: "email" },
    { Type: "crmscript", TargetUrl: "none" },
    { Headers: { Host: "x" } },
    { Headers: [] },
    { Properties: "x" },
    { ErrorsEmail: "nobody" },
    { Secret: "s".repeat(401) },
    { TargetUrl: "http://127.0.0.1:1/" },
  ])
    await json(`POST ${REST}`, { ...contacts, ...wrong });
  await json(`POST ${REST}`, { ...contacts, Name: "Stopped", State: 2, TargetUrl: "http://127.0.0.1:1/" });
  await say(`POST ${REST}`, {
    headers: { ...admin, ...xml },
    body: `<?xml version="1.0"?><Webhook><Name>X &amp; Y</Name><Events><string>sale.sold</string></Events><TargetUrl>${stage.receiver}/xml</TargetUrl><Headers><X-A>1</X-A></Headers></Webhook>`,
  });
  for (const body of [
    "<Webhook",
    "<!DOCTYPE x><Webhook/>",
    "<Other/>",
    "<Webhook/><Webhook/>",
    "text",
    `<Webhook>${"<a>".repeat(70)}${"</a>".repeat(70)}</Webhook>`,
  ])
    await say(`POST ${REST}`, { headers: { ...admin, ...xml }, body });
  await say(`POST ${REST}`, {
    headers: { ...admin, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams([
      ["Name", "Form"],
      ["Events", "a.b"],
      ["Events", "c.d"],
      ["TargetUrl", `${stage.receiver}/form`],
    ]).toString(),
  });
  await json(`GET ${REST}/default`);
  await json(`GET ${webhook}`);
  await json(`GET ${webhook}`, undefined, { accept: "application/xml" });
  await json(`GET ${webhook}?$select=name,webhookid,RegisteredAssociate/FullName`);
  await json(`GET ${webhook}?$select=name`, undefined, { "so-timezone": "Asia/Kolkata, includeTZOffset", accept: "text/json" });
  await json(`GET ${webhook}`, undefined, { "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT" });
  await json(`GET ${REST}/999`);
  await json(`GET ${REST}/nonsense`);
  await say(`GET ${webhook}?$select=Secret,Headers`, { headers: { authorization: `Bearer ${stage.viewer}` } });
  for (const query of [
    "?$select=Name",
    "?nameFilter=contacts&$select=Name",
    "?eventFilter=SALE.sold&$select=Name",
    "?statusFilter=Stopped&$select=Name",
    "?statusFilter=Lost",
    "?NAMEFILTER=none",
  ])
    await json(`GET ${REST}${query}`);
  await json(`GET ${REST}?$select=Name`, undefined, { accept: "text/xml" });

  dialogue.chapter("changes");
  await json(`PUT ${webhook}`, { ...contacts, Name: "Replaced" });
  await json(`PUT ${webhook}`, contacts, { "if-unmodified-since": "Fri, 01 Jan 2010 00:00:00 GMT" });
  await json(`PUT ${REST}/999`, contacts);
  await json(`PUT ${webhook}`, "");
  await json(`PATCH ${webhook}`, { Events: "sale.sold", Headers: { "X-B": "2" } });
  await json(`PATCH ${webhook}`, [
    { op: "test", path: "/Name", value: "Replaced" },
    { op: "replace", path: "name", value: "Patched" },
  ]);
  await json(`PATCH ${webhook}`, [{ op: "test", path: "/Name", value: "Other" }]);
  for (const patch of [
    [{ op: "move", path: "/Name" }],
    [{ op: "add", path: "/None", value: 1 }],
    [{ op: "add", path: "/Name" }],
    [7],
    "text",
  ])
    await json(`PATCH ${webhook}`, patch);
  await say(`PUT ${webhook}`, {
    headers: { authorization: `Bearer ${stage.viewer}`, "content-type": "application/json" },
    body: JSON.stringify(contacts),
  });

  dialogue.chapter("tests, signals, errors");
  await json(`POST ${REST}/Test`, { TargetUrl: `${stage.receiver}/test` });
  await json(`POST ${REST}/Test`, { TargetUrl: "http://127.0.0.1:1/" });
  await json(`POST ${REST}/Test`, {});
  await json(`POST ${REST}/sale.sold/7`, { amount: 1 });
  await json(`POST ${REST}/sale.sold/x`, {});
  await json(`POST ${REST}/sale.sold/7`, "[]");
  await json(`POST ${REST}/not%20an%20event/7`, {});
  await json(`GET ${webhook}/LastError`);
  await json(`GET ${webhook}/LastError`, undefined, { accept: "application/xml" });
  await json(`GET ${REST}/999/LastError`);

  dialogue.chapter("the RPC twins");
  const rpc = (name: string, body?: unknown, headers: Record<string, string> = {}) => json(`POST ${RPC}/${name}`, body, headers);
  await rpc("CreateDefaultWebhook");
  const saved = await rpc("SaveWebhook", { WebhookId: 0, ...contacts, Name: "By RPC" });
  await rpc("SaveWebhook", { ...saved.json, Name: "Saved again" });
  await rpc("SaveWebhook", { WebhookId: 999, ...contacts });
  await rpc(`GetWebhook?webhookId=${saved.json.WebhookId}&$select=Name`);
  await rpc("GetWebhook", { webhookid: saved.json.WebhookId });
  await rpc("GetWebhook");
  await rpc("GetAllWebhooks?$select=Name", { NameFilter: "by rpc", StatusFilter: "Unknown" });
  await rpc("TestWebhook", { Webhook: { TargetUrl: `${stage.receiver}/test` } });
  await rpc("TestWebhook", {});
  await rpc("SignalEvent", { EventName: "sale.sold", PrimaryKey: 7, Data: { amount: 1 } });
  await rpc("SignalEvent", { EventName: 7 });
  await rpc("GetLastError", { WebhookId: saved.json.WebhookId });
  await rpc(`DeleteWebhook?webhookId=${saved.json.WebhookId}`);
  await rpc(`DeleteWebhook?webhookId=${saved.json.WebhookId}`);

  // What was signalled above is counted once it is settled.
  await say(`GET ${webhook}`, { headers: admin, until: '"TotalCalls":2', silent: true });
  const paths = [
    REST,
    `${REST}/default`,
    `${REST}/Test`,
    `${REST}/999`,
    `${REST}/999/LastError`,
    `${REST}/sale.sold/7`,
    `${RPC}/SaveWebhook`,
    `${RPC}/Other`,
    "/api/v1",
    "/api/v1/Contact",
    `${REST}/1/2/3`,
  ];
  await hammer(dialogue, paths, {
    headers: admin,
    writes: [`POST ${REST}`, `PUT ${webhook}`, `PATCH ${webhook}`, `POST ${REST}/sale.sold/0`, `POST ${RPC}/SaveWebhook`],
  });
  await json(`DELETE ${webhook}`);
  await json(`DELETE ${webhook}`);
}
