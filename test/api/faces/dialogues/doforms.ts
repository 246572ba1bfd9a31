/** What an administrator and a receiver of doForms say, and hear. */
import { type Dialogue, hammer } from "../dialogue.ts";
import type { Stage } from "./stage.ts";

const BASE = "/api/v2";
const ID = "acme$$1$$Published$$2";

export async function doformsDialogue(dialogue: Dialogue, stage: Stage): Promise<void> {
  const admin = { authorization: `Bearer ${stage.token}` };
  const service = { authorization: `Bearer ${ID}:pass:word` };
  const { say } = dialogue;
  dialogue.chapter("connections");
  const urls = { added: `${stage.receiver}/added`, status: `${stage.receiver}/status` };
  const header = (name: string) => ({ name, value: "v" });
  const made = await say(`POST ${BASE}/connections`, {
    headers: admin,
    body: { name: "ERP", urls, headers: [header("X-Plant"), { name: "Authorization", value: "Bearer secret" }] },
  });
  const connection = `${BASE}/connections/${made.json.id}`;
  for (const body of [
    {},
    { name: "x", type: "ftp" },
    { name: "", urls },
    { name: "x", urls: { other: "http://x" } },
    { name: "x", urls: { added: "nonsense", edited: "ftp://x" } },
    { name: "x", headers: ["A", "B", "C", "D", "E"].map(header) },
    { name: "x", headers: [header("Host")] },
    { name: "x", headers: "none" },
  ])
    await say(`POST ${BASE}/connections`, { headers: admin, body });
  await say(`GET ${BASE}/connections`, { headers: admin });
  await say(`GET ${connection}`, { headers: admin });
  await say(`GET ${BASE}/connections/con_00000000000000000000000000000000`, { headers: admin });
  await say(`GET ${BASE}/connections/nonsense`, { headers: admin });
  await say(`PUT ${connection}`, { headers: admin, body: { name: "ERP 2" } });
  await say(`PUT ${connection}`, { headers: admin, body: { urls: { added: 7 } } });

  dialogue.chapter("web services");
  const input = { id: ID, form: "1", project: "2", password: "pass:word" };
  await say(`POST ${BASE}/webservices`, { headers: admin, body: input });
  await say(`POST ${BASE}/webservices`, { headers: admin, body: input });
  for (const body of [{}, { ...input, id: "with:colon" }, { ...input, form: "", password: "" }])
    await say(`POST ${BASE}/webservices`, { headers: admin, body });
  await say(`GET ${BASE}/webservices`, { headers: admin });
  await say(`GET ${BASE}/webservices/${ID}`, { headers: admin });
  await say(`GET ${BASE}/webservices/unknown`, { headers: admin });
  const target = (body: object, id = ID) => say(`PUT ${BASE}/webservices/${id}/target`, { headers: admin, body });
  await target({ connectionId: made.json.id, events: ["added", "status"] });
  await target({ connectionId: made.json.id, events: ["other"] });
  await target({ connectionId: "con_00000000000000000000000000000000", events: ["added"] });
  await target({ connectionId: made.json.id });
  await target({ connectionId: made.json.id, events: [] }, "unknown");
  await say(`DELETE ${connection}`, { headers: admin });

  dialogue.chapter("notifications");
  await stage.emit({
    type: "record.created",
    entity: "record",
    entityId: "18",
    payload: { submissionKey: "sub-1" },
    scope: { form: "1", project: "2" },
  });
  const list = await say(`GET ${BASE}/notifications`, { headers: service, until: '"status":"received"' });
  const key = list.json[0].key;
  await say(`GET ${BASE}/notifications?status=received&limit=1&skip=0`, { headers: service });
  await say(`GET ${BASE}/notifications?status=lost&limit=0&skip=-1`, { headers: service });
  await say(`GET ${BASE}/notifications/${key}`, { headers: service });
  await say(`GET ${BASE}/notifications/req_00000000000000000000000000000000`, { headers: service });
  await say(`GET ${BASE}/notifications/nonsense`, { headers: service });
  const confirm = (body: object) => say(`PUT ${BASE}/notifications/${key}`, { headers: service, body });
  await confirm({});
  await confirm({ status: "perhaps" });
  await confirm({ status: "completed", message: "m".repeat(4_001) });
  await confirm({ status: "completed", message: "booked" });
  await confirm({ status: "completed" });
  await confirm({ status: "failed" });
  dialogue.chapter("tokens");
  const token = await say(`POST ${BASE}/tokens/webservice`, { body: { id: ID, password: "pass:word" } });
  await say(`POST ${BASE}/tokens/webservice`, { body: { id: ID, password: "wrong" } });
  await say(`POST ${BASE}/tokens/webservice`, { body: { id: ID } });
  await say(`GET ${BASE}/notifications/${key}`, { headers: { authorization: `Bearer ${token.json.token}` } });
  await say(`GET ${BASE}/connections`, { headers: { authorization: `Bearer ${token.json.token}` } });
  await say(`GET ${BASE}/connections`, { headers: service });
  await say(`GET ${BASE}/connections`, { headers: { authorization: `Bearer ${stage.viewer}` } });
  await say(`GET ${BASE}/notifications`, { headers: admin });

  const paths = [
    ...[`${BASE}/connections`, connection, `${BASE}/webservices`, `${BASE}/webservices/unknown`, `${BASE}/webservices/unknown/target`],
    ...[
      `${BASE}/notifications`,
      `${BASE}/notifications/nonsense`,
      `${BASE}/tokens/webservice`,
      BASE,
      `${BASE}/other`,
      ],
  ];
  const writes = [`POST ${BASE}/connections`, `PUT ${connection}`, `POST ${BASE}/webservices`, `PUT ${BASE}/webservices/${ID}/target`];
  await hammer(dialogue, paths, { headers: admin, writes });
  await say(`DELETE ${BASE}/webservices/${ID}`, { headers: admin });
}
