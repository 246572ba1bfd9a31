/** What a source system and an administrator of RESULTS.com say, and hear. */
import { type Dialogue, hammer } from "../dialogue.ts";
import type { Stage } from "./stage.ts";

const ADMIN = "/api/inbound-webhooks";

export async function resultsDialogue(dialogue: Dialogue, stage: Stage): Promise<void> {
  const admin = { authorization: `Bearer ${stage.token}` };
  const { say } = dialogue;
  dialogue.chapter("inbound webhooks");
  const make = (body: object) => say(`POST ${ADMIN}`, { headers: admin, body });
  const made = await make({ targetType: "goal", goalId: stage.goal });
  const webhook = `${ADMIN}/${made.json.id}`;
  for (const body of [
    {},
    { targetType: "task", goalId: stage.goal },
    { targetType: "goal", goalId: "nonsense" },
    { targetType: "goal", goalId: stage.goal, name: 7 },
    { targetType: "goal", goalId: stage.goal, name: "n".repeat(300) },
  ])
    await make(body);
  await make({ targetType: "goal", goalId: stage.goal, name: "From the ERP", description: "of sales" });
  await say(`GET ${ADMIN}`, { headers: admin });
  await say(`GET ${webhook}`, { headers: admin });
  await say(`GET ${ADMIN}/inb_00000000000000000000000000000000`, { headers: admin });
  await say(`GET ${ADMIN}`, { headers: { authorization: `Bearer ${stage.viewer}` } });
  await say(`PATCH ${webhook}`, { headers: admin, body: { description: null, name: "Renamed" } });
  await say(`PATCH ${webhook}`, { headers: admin, body: { enabled: "no" } });
  const rotated = await say(`POST ${webhook}/rotate-key`, { headers: admin });

  dialogue.chapter("values");
  const path = new URL(rotated.json.targetUrl).pathname;
  const value = (body: object | string | Buffer, headers: Record<string, string> = {}) => say(`POST ${path}`, { body, headers });
  const datum = { date: "2017-03-16", value: 500000, goodThreshold: 450000, badThreshold: 300000 };
  await value(datum);
  await value({ ...datum, value: "0.010" });
  await value("date=2017-03-17&value=-10", { "content-type": "application/x-www-form-urlencoded" });
  await value({ date: "2017-02-30", value: "x", goodThreshold: "", badThreshold: true });
  await value({});
  await value({ date: "2017-03-16", value: 1, goodThreshold: 1, badThreshold: 2 });
  await value({ date: "2017-03-18", value: 1 }, { "idempotency-key": "k1" });
  await value({ date: "2017-03-18", value: 1 }, { "idempotency-key": "k1" });
  await value({ date: "2017-03-18", value: 2 }, { "idempotency-key": "k1" });
  await value({ date: "2017-03-18", value: 2 }, { "idempotency-key": "é" });
  await value("x".repeat(257 * 1024), { "content-type": "application/json" });
  const wrong = `/inbound/goals/${stage.goal}/wrong`;
  await say(`POST ${wrong}`, { body: datum });
  await say("POST /inbound/goals/goa_00000000000000000000000000000000/wrong", { body: datum });
  await say("POST /inbound/goals/%zz/%zz", { body: datum });
  await say("POST /inbound/other", { body: datum });
  await say("POST /inbound", { body: datum });
  await say(`PATCH ${webhook}`, { headers: admin, body: { enabled: false } });
  await value(datum);
  await say(`PATCH ${webhook}`, { headers: admin, body: { enabled: true } });

  const paths = [
    path,
    ADMIN,
    webhook,
    `${ADMIN}/nonsense`,
    `${ADMIN}/nonsense/rotate-key`,
    `${ADMIN}/nonsense/other`,
    "/inbound/",
    "/inbound/goals",
  ];
  await hammer(
    dialogue,
    paths.filter((each) => each !== webhook),
    { headers: admin, writes: [`POST ${path}`, `POST ${ADMIN}`, `PATCH ${webhook}`] },
  );
  await say(`DELETE ${webhook}`, { headers: admin });
  await value(datum);
}
