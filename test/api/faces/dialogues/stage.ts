/** What the dialogues need around them: people, a receiver, a goal, events. */
import { createUser } from "../../../../src/accounts/users.ts";
import { createSecretKey } from "../../../../src/definitions/secret-keys.ts";
import { createGoal } from "../../../../src/goals/goals.ts";
import { globalId } from "../../../../src/wire/ids.ts";
import { testApp } from "../../../helpers/app.ts";
import { startReceiver } from "../../../helpers/receiver.ts";
import { type Dialogue, startDialogue } from "../dialogue.ts";

export interface Stage {
  url: string;
  /** Where the receiver listens. */
  receiver: string;
  /** Of an administrator and of a viewer. */
  token: string;
  viewer: string;
  email: string;
  username: string;
  password: string;
  organisation: string;
  goal: string;
  emit(event: object): Promise<void>;
}

const PASSWORD = "correct horse battery";

/** Plays a dialogue before a server of its own, and gives what was said. */
export async function perform(play: (dialogue: Dialogue, stage: Stage) => Promise<void>): Promise<string> {
  const limit = { count: 1_000, seconds: 60 };
  const app = await testApp(
    { retryScale: 0.001, superofficeRequireHttps: false, inboundAddressLimit: limit, inboundGoalLimit: limit },
    { worker: true },
  );
  const receiver = await startReceiver();
  try {
    const { core, admin } = app.t;
    await createUser(core, admin, { email: "ann@example.test", username: "ann", name: "Ann", password: PASSWORD, role: "ADMIN" });
    await createSecretKey(core, admin, { name: "main", secret: "my-secret-key" });
    const goal = await createGoal(core, admin, { name: "Revenue", direction: "MAXIMIZE" });
    const stage: Stage = {
      ...{ url: app.url, receiver: receiver.url, token: app.adminToken, viewer: await app.token({ role: "VIEWER" }) },
      ...{ email: "ann@example.test", username: "ann", password: PASSWORD, organisation: "First", goal: globalId("Goal", goal.id) },
      async emit(event) {
        const headers = { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" };
        const response = await fetch(`${app.url}/v1/events`, { method: "POST", headers, body: JSON.stringify(event) });
        if (response.status !== 202) throw new Error(await response.text());
      },
    };
    const dialogue = startDialogue(app.url);
    for (const [name, value] of [
      ["hookline", app.url],
      ["receiver", receiver.url],
      ["receiver in a query", encodeURIComponent(receiver.url)],
      ["admin as a key", Buffer.from(`${stage.token}:`).toString("base64")],
      ["admin", stage.token],
      ["viewer", stage.viewer],
      ["organization", globalId("Organization", app.t.organizationId)],
      ["goal", stage.goal],
    ] as const)
      dialogue.know(name, value);
    await play(dialogue, stage);
    return dialogue.transcript();
  } finally {
    await receiver.close();
    await app.close();
  }
}
