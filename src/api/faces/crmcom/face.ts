/**
 * CRM.COM's own Web API (contract C1–C35) over the same definitions, rules, lanes and log as every other door.
 * GET methods take a query, POST methods JSON or a form; the token is a parameter of every call.
 */
import type { Caller } from "../../../accounts/caller.ts";
import type { Doors } from "../../doors.ts";
import { HTTP } from "../../limits.ts";
import { type Call, defineFace, type Route } from "../face.ts";
import * as definitions from "./definitions.ts";
import { crmcomForm, crmcomProblem, ok, words } from "./errors.ts";
import { type Parameters, parametersOf } from "./parameters.ts";
import * as requests from "./requests.ts";
import * as rules from "./rules.ts";
import { type CrmcomCaller, keyToken, passwordToken, release, signedIn } from "./session.ts";

const BASE = "/crmapi/rest/v2";
/** The token stands in the body, so that it is read before anybody is known. Texts and JSON of a definition have 64 KiB each. */
const BODY_BYTES = 256 * 1024;

/** A method of a resource: answers the data of the envelope. */
type Method = (doors: Doors, caller: Caller, parameters: Parameters) => Promise<unknown>;

const GET: Readonly<Record<string, Method>> = {
  "webhook_requests/show": ({ core }, caller, parameters) => requests.show(core, caller, parameters),
  "webhook_requests/list": ({ core }, caller, parameters) => requests.list(core, caller, parameters),
  "webhook_definitions/show": definitions.show,
  "webhook_definitions/list": definitions.list,
  "workflow_rules/show": rules.show,
  "workflow_rules/list": rules.list,
};

const POST: Readonly<Record<string, Method>> = {
  "webhook_requests/resend": ({ core }, caller, parameters) => requests.resendOne(core, caller, parameters),
  "webhook_requests/delete": ({ core }, caller, parameters) => requests.deleteOne(core, caller, parameters),
  "webhook_definitions/create": definitions.create,
  "webhook_definitions/update": definitions.update,
  "webhook_definitions/delete": definitions.remove,
  "workflow_rules/create": rules.create,
  "workflow_rules/update": rules.update,
  "workflow_rules/delete": rules.remove,
};

const answered =
  (method: Method) =>
  async ({ doors, request }: Call, { caller }: CrmcomCaller): Promise<object> =>
    ok(await method(doors, caller, parametersOf(request)));

const methods: readonly Route<CrmcomCaller>[] = [
  ...Object.entries(GET).map(([path, method]) => ({ path: `${BASE}/${path}`, methods: { GET: answered(method) } })),
  ...Object.entries(POST).map(([path, method]) => ({
    path: `${BASE}/${path}`,
    methods: { POST: answered(method) },
    bodyBytes: BODY_BYTES,
  })),
  {
    path: `${BASE}/webhook_definitions/set_life_cycle_state`,
    bodyBytes: BODY_BYTES,
    methods: {
      POST: async ({ doors, request }, { caller }) => {
        const { item, message } = await definitions.setLifeCycleState(doors, caller, parametersOf(request));
        return ok(item, message);
      },
    },
  },
  {
    path: `${BASE}/authentication/token/release`,
    bodyBytes: HTTP.signInBytes,
    methods: {
      POST: async ({ core }, who) => {
        await release(core, who);
        return ok(null);
      },
    },
  },
];

const signIn = (path: string, token: (call: Call, parameters: Parameters) => Promise<string>): Route<undefined> => ({
  path: `${BASE}/authentication/${path}`,
  bodyBytes: HTTP.signInBytes,
  methods: { POST: async (call) => ok({ token: await token(call, parametersOf(call.request)) }) },
});

export const crmcom = defineFace<CrmcomCaller>({
  name: "crmcom",
  prefixes: ["/crmapi"],
  errorForm: crmcomForm,
  words,
  problem: crmcomProblem,
  authenticate: ({ core, request }) => signedIn(core, parametersOf(request), request),
  signedInBody: true,
  routes: () => methods,
  openRoutes: () => [
    signIn("token", ({ core, request }, parameters) => passwordToken(core, parameters, request.ip)),
    signIn("web_api_key/token", ({ core, request }, parameters) => keyToken(core, parameters, request)),
  ],
  unknownPath: () => "there is no such method",
  wrongMethod: (allow) => ({ allow, message: `this method takes ${allow.join(", ")} only` }),
  unrouted: (reply) => void reply.header("cache-control", "no-store"),
  setUp: (app) => void app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store")),
});
