/** What a client of Cotalker says, and hears. */
import { type Dialogue, hammer } from "../dialogue.ts";
import type { Stage } from "./stage.ts";

const HOOKS = "/api/v3/webhook/subscription";

export async function cotalkerDialogue(dialogue: Dialogue, stage: Stage): Promise<void> {
  const admin = { authorization: `Bearer ${stage.token}`, admin: "true" };
  const { say } = dialogue;
  dialogue.chapter("signing in");
  const signedIn = await say("POST /auth/local", { body: { email: stage.email, password: stage.password } });
  await say("POST /auth/local", { body: { email: stage.email, password: "wrong" } });
  await say("POST /auth/local", { body: { email: "nobody@example.test", password: "wrong" } });
  await say("POST /auth/local", { body: { email: stage.email } });
  await say("POST /auth/local", { body: { email: 7, password: null } });
  await say("POST /auth/local", { body: "x".repeat(17 * 1024) });
  await say(`GET ${HOOKS}`, { headers: { authorization: `Bearer ${signedIn.json.token}` } });
  await say(`GET ${HOOKS}`, { headers: { authorization: "Bearer nonsense" } });

  dialogue.chapter("webhooks");
  const make = (input: object, headers: Record<string, string> = admin) => say(`POST ${HOOKS}`, { headers, body: input });
  const users = { name: "Users (EU)", url: `${stage.receiver}/users`, trigger: "create-edit-delete-user" };
  const made = await make(users);
  const hook = `${HOOKS}/${made.json._id}`;
  await make(users);
  await make({ ...users, code: "users_eu" });
  await make({ ...users, code: "Users" });
  await make({ ...users, name: "" });
  await make({ ...users, url: "ftp://example.com" });
  await make({ ...users, url: "nonsense" });
  await make({ ...users, trigger: "nothing" });
  await make({});
  await make({ ...users, trigger: "create-edit-delete-task" });
  await make({
    ...users,
    name: "Tasks",
    trigger: "create-edit-delete-task",
    context: { taskGroup: "w1" },
    isActive: false,
    description: "d",
  });
  await make({ ...users, trigger: "create-edit-delete-survey", context: { survey: "s" } });
  await make({ ...users, context: { survey: 7 } });
  await make(users, { authorization: admin.authorization });
  await make(users, { authorization: `Bearer ${stage.viewer}`, admin: "true" });
  for (const query of ["", "?isActive=true", "?isActive=false", "?isActive=all", "?isActive=perhaps"])
    await say(`GET ${HOOKS}${query}`, { headers: admin });
  await say(`GET ${hook}`, { headers: admin });
  await say(`GET ${HOOKS}/0123456789abcdef01234567`, { headers: admin });
  await say(`GET ${HOOKS}/nonsense`, { headers: admin });
  const change = (input: object, headers: Record<string, string> = admin) => say(`PATCH ${hook}`, { headers, body: input });
  await change({ name: "Renamed", description: "of users", url: `${stage.receiver}/renamed` });
  await change({ code: "other" });
  await change({ isActive: "no" });
  await change({ trigger: "create-edit-delete-survey" });
  await change({ url: "http://169.254.169.254/" });
  await change({ name: "x" }, { authorization: admin.authorization });
  await change({ isActive: false });
  await change({ isActive: true });

  dialogue.chapter("the log");
  await stage.emit({ type: "user.created", entity: "user", entityId: "u1", payload: { n: 1 } });
  await say(`GET ${HOOKS}/logs/${made.json._id}`, { headers: admin, until: '"retry":1' });
  await say(`GET ${HOOKS}/logs/${made.json._id}?limit=0`, { headers: admin });
  await say(`GET ${HOOKS}/logs/${made.json._id}?limit=-1&skip=x`, { headers: admin });
  await say(`GET ${HOOKS}/logs/0123456789abcdef01234567`, { headers: admin });

  const paths = [
    "/auth/local",
    HOOKS,
    hook,
    `${HOOKS}/logs/${made.json._id}`,
    "/api/v3",
    "/api/v3/users",
    "/auth",
    "/auth/other",
    `${HOOKS}/%zz`,
  ];
  await hammer(dialogue, paths, { headers: admin, writes: ["POST /auth/local", `POST ${HOOKS}`, `PATCH ${hook}`] });
}
