/** Cotalker's face: webhook subscriptions and their log. */
import { BODY_REFUSALS, body, exactly, given, inPath, inQuery, json, LATER, listOf, type Part, ref, refusals, text } from "./parts.ts";

const refused = (texts: Record<number, string>) => refusals(ref("CotalkerError"), texts);
const objectId = text(undefined, { pattern: "^[0-9a-f]{24}$" });
const WHO = { 401: "No token, or one that is not valid.", ...LATER };
const ADMIN = { ...WHO, 403: "Without the header `Admin: true`, or no administrator." };
const WRONG = { 400: "A rule is broken; `errors` names every field.", ...BODY_REFUSALS };
const BAD_ID = { 400: "The id is not 24 lower-case hex digits, or a parameter breaks a rule." };
const UNKNOWN = { 404: "There is no such webhook." };

const CONTEXT = { survey: text(), group: text(), taskGroup: text() };
const TRIGGER = {
  type: "string",
  enum: [
    ...["create-edit-delete-user", "create-edit-delete-task", "create-edit-delete-survey"],
    ...["create-edit-delete-property", "create-edit-delete-note", "logout-user"],
  ],
};
const SETTINGS = {
  ...{
    name: text(undefined, { maxLength: 400 }),
    code: text("Cannot be changed once it is saved."),
    url: text(undefined, { format: "uri" }),
  },
  ...{ trigger: TRIGGER, description: text(), isActive: { type: "boolean" } },
  context: given(CONTEXT),
};
const id = inPath("id", "Of the webhook.", objectId);
const admin = { name: "Admin", in: "header", required: true, description: "Any modification needs it.", schema: { const: "true" } };

export const cotalker: Part = {
  tag: { name: "Cotalker", description: "Webhook subscriptions and their log." },
  paths: {
    "/auth/local": {
      post: {
        operationId: "cotalkerSignIn",
        summary: "A token of 24 hours for an e-mail address and password.",
        description: "`organization`, by name or id, only where several have this e-mail address with this password: 400 says so.",
        security: [],
        requestBody: body(given({ email: text(), password: text(), organization: text() }, ["email", "password"]), {
          email: "ann@acme.example",
          password: "correct horse",
        }),
        responses: {
          200: json("Signed in.", exactly({ token: text() })),
          ...refused({ ...WRONG, 401: "Wrong e-mail address or password.", ...LATER }),
        },
      },
    },
    "/api/v3/webhook/subscription": {
      get: {
        operationId: "cotalkerListWebhooks",
        summary: "All webhooks of the company.",
        parameters: [
          inQuery("isActive", "Only active ones, only others, or all.", { type: "string", enum: ["true", "false", "all"], default: "all" }),
        ],
        responses: {
          200: json("All of them.", listOf(ref("CotWebhook"))),
          ...refused({ ...WHO, 400: BAD_ID[400], 403: "The token may not read webhooks." }),
        },
      },
      post: {
        operationId: "cotalkerCreateWebhook",
        summary: "Makes a webhook for one trigger.",
        parameters: [admin],
        requestBody: body(given(SETTINGS, ["name", "url", "trigger"]), {
          name: "Users",
          url: "http://127.0.0.1:9/users",
          trigger: "create-edit-delete-user",
        }),
        responses: { 201: json("Made.", ref("CotWebhook")), ...refused({ ...ADMIN, ...WRONG, 409: "The code is taken." }) },
      },
    },
    "/api/v3/webhook/subscription/{id}": {
      get: {
        operationId: "cotalkerGetWebhook",
        summary: "One webhook.",
        parameters: [id],
        responses: {
          200: json("The webhook.", ref("CotWebhook")),
          ...refused({ ...WHO, ...BAD_ID, ...UNKNOWN, 403: "The token may not read webhooks." }),
        },
      },
      patch: {
        operationId: "cotalkerChangeWebhook",
        summary: "Changes a webhook: what is absent stays.",
        parameters: [id, admin],
        requestBody: body(given(SETTINGS), { description: "People in, people out" }),
        responses: {
          200: json("As it is now.", ref("CotWebhook")),
          ...refused({ ...ADMIN, ...WRONG, ...UNKNOWN, 409: "The code is taken." }),
        },
      },
    },
    "/api/v3/webhook/subscription/logs/{id}": {
      get: {
        operationId: "cotalkerListLogs",
        summary: "The attempts of a webhook, newest first.",
        parameters: [
          id,
          inQuery("limit", "How many.", { type: "integer", minimum: 0, maximum: 1000, default: 100 }),
          inQuery("skip", "How many to leave out first.", { type: "integer", minimum: 0, maximum: 2_147_483_647, default: 0 }),
        ],
        responses: {
          200: json("A page.", listOf(ref("CotWebhookLog"))),
          ...refused({ ...WHO, ...BAD_ID, ...UNKNOWN, 403: "The token may not read webhooks." }),
        },
      },
    },
  },
  schemas: {
    CotWebhook: exactly({
      ...{ _id: objectId, company: objectId, isActive: { type: "boolean" }, trigger: TRIGGER, url: text(), name: text(), code: text() },
      ...{ description: text(), context: exactly(CONTEXT), __v: { type: "integer" } },
    }),
    CotWebhookLog: exactly({
      ...{ _id: objectId, company: objectId, createdAt: text(undefined, { format: "date-time" }), status: { type: "integer" } },
      ...{ retry: { type: "integer" }, response: text(), event: { description: "The COTEvent that was sent." }, subscription: objectId },
      ...{ networkError: { type: "boolean", description: "No HTTP answer came: `status` is 409 then." }, __v: { type: "integer" } },
    }),
    CotalkerError: exactly({ message: text(), errors: listOf(exactly({ field: text(), message: text() })) }),
  },
};
