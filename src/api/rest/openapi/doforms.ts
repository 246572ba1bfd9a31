/** doForms' face: connections and web services for administrators, notifications for web services. */
import {
  BODY_REFUSALS,
  body,
  exactly,
  given,
  inPath,
  inQuery,
  json,
  LATER,
  listOf,
  maybe,
  type Part,
  ref,
  refusals,
  text,
} from "./parts.ts";

const refused = (texts: Record<number, string>) => refusals(ref("DoformsError"), texts);
const WHO = { 401: "No credentials, or ones that are not valid.", 405: "The path takes other methods; see Allow.", ...LATER };
const ADMIN = { ...WHO, 403: "The caller is a web service, or no administrator." };
const WRONG = { 400: "The body breaks a rule; `message` names every place.", ...BODY_REFUSALS };
const UNKNOWN = { 404: "There is none of this id here." };
const TAKEN = { 409: "It is in use, or its id is taken." };

const url = maybe(text(undefined, { format: "uri" }));
const urls = { added: url, edited: url, deleted: url, status: url };
const header = given({ name: text(), value: text() }, ["name", "value"]);
const CONNECTION = {
  name: text(undefined, { maxLength: 255 }),
  type: { const: "webhook" },
  urls: { ...given(urls), additionalProperties: false, description: "All four together: what is absent is sent nowhere." },
  headers: { ...listOf(header), maxItems: 4, description: "`***` as a value keeps the stored one." },
};
const SERVICE = { id: text(undefined, { pattern: "^[!-9;-~]{1,200}$" }), form: text(), project: text() };
const ACTIONS = { type: "string", enum: ["added", "edited", "deleted", "status"] };
const STATUSES = ["new", "received", "completed", "failed"];
const connectionId = inPath("id", "Of the connection, `con_…`.", text());
const serviceId = inPath("id", "What the web service calls itself.", text());
const key = inPath("key", "Of the notification, `req_…`.", text());
const byPair = [{ webService: [] }];

export const doforms: Part = {
  tag: { name: "doForms", description: "Webhook connections, web services and notifications." },
  paths: {
    "/api/v2/connections": {
      get: {
        operationId: "doformsListConnections",
        summary: "All connections of the organization.",
        responses: { 200: json("All of them.", listOf(ref("DoformsConnection"))), ...refused(ADMIN) },
      },
      post: {
        operationId: "doformsCreateConnection",
        summary: "Makes a target for notifications: a URL for each kind of change, and headers.",
        requestBody: body(given(CONNECTION, ["name"]), {
          name: "ERP",
          urls: { added: "http://127.0.0.1:9/added" },
          headers: [{ name: "X-Plant", value: "7" }],
        }),
        responses: { 201: json("Made.", ref("DoformsConnection")), ...refused({ ...ADMIN, ...WRONG }) },
      },
    },
    "/api/v2/connections/{id}": {
      get: {
        operationId: "doformsGetConnection",
        summary: "One connection; secret header values are shown as `***`.",
        parameters: [connectionId],
        responses: { 200: json("The connection.", ref("DoformsConnection")), ...refused({ ...ADMIN, ...UNKNOWN }) },
      },
      put: {
        operationId: "doformsChangeConnection",
        summary: "Changes a connection: `urls` and `headers` are replaced where they are given, and stay where not.",
        parameters: [connectionId],
        requestBody: body(given(CONNECTION), { name: "ERP 2" }),
        responses: { 200: json("As it is now.", ref("DoformsConnection")), ...refused({ ...ADMIN, ...UNKNOWN, ...WRONG }) },
      },
      delete: {
        operationId: "doformsDeleteConnection",
        summary: "Deletes a connection that no web service uses.",
        parameters: [connectionId],
        responses: { 200: json("As it was.", ref("DoformsConnection")), ...refused({ ...ADMIN, ...UNKNOWN, ...TAKEN }) },
      },
    },
    "/api/v2/webservices": {
      get: {
        operationId: "doformsListWebServices",
        summary: "All web services of the organization, newest first.",
        responses: { 200: json("All of them.", listOf(ref("DoformsWebService"))), ...refused(ADMIN) },
      },
      post: {
        operationId: "doformsCreateWebService",
        summary: "Registers a web service; it is notified of nothing before it has a target.",
        requestBody: body(given({ ...SERVICE, password: text() }, ["id", "form", "project", "password"]), {
          ...{ id: "acme$$1234$$Published$$5678", form: "1234", project: "5678", password: "secret" },
        }),
        responses: { 201: json("Registered.", ref("DoformsWebService")), ...refused({ ...ADMIN, ...WRONG, ...TAKEN }) },
      },
    },
    "/api/v2/webservices/{id}": {
      get: {
        operationId: "doformsGetWebService",
        summary: "One web service; its password is never shown.",
        parameters: [serviceId],
        responses: { 200: json("The web service.", ref("DoformsWebService")), ...refused({ ...ADMIN, ...UNKNOWN }) },
      },
      delete: {
        operationId: "doformsDeleteWebService",
        summary: "Deletes a web service; its id and password open nothing any more.",
        parameters: [serviceId],
        responses: { 200: json("As it was.", ref("DoformsWebService")), ...refused({ ...ADMIN, ...UNKNOWN }) },
      },
    },
    "/api/v2/webservices/{id}/target": {
      put: {
        operationId: "doformsSetTarget",
        summary: "Has a web service notified of some record events through a connection.",
        parameters: [serviceId],
        requestBody: body(given({ connectionId: text(), events: listOf(ACTIONS) }, ["connectionId", "events"]), {
          ...{ connectionId: "con_0199b1f2c3d47e5f8a9b0c1d2e3f4a5b", events: ["added", "status"] },
        }),
        responses: { 200: json("As it is now.", ref("DoformsWebService")), ...refused({ ...ADMIN, ...UNKNOWN, ...WRONG }) },
      },
    },
    "/api/v2/notifications": {
      get: {
        operationId: "doformsListNotifications",
        summary: "The caller's own notifications, newest first.",
        security: byPair,
        parameters: [
          inQuery("status", "Only those in this status.", { type: "string", enum: STATUSES }),
          inQuery("limit", "How many.", { type: "integer", minimum: 1, maximum: 1000, default: 100 }),
          inQuery("skip", "How many to leave out first.", { type: "integer", minimum: 0, maximum: 100_000_000, default: 0 }),
        ],
        responses: { 200: json("A page.", listOf(ref("DoformsNotification"))), ...refused({ ...WHO, 400: "A parameter breaks a rule." }) },
      },
    },
    "/api/v2/notifications/{key}": {
      get: {
        operationId: "doformsGetNotification",
        summary: "One of the caller's own notifications.",
        security: byPair,
        parameters: [key],
        responses: { 200: json("The notification.", ref("DoformsNotification")), ...refused({ ...WHO, ...UNKNOWN }) },
      },
      put: {
        operationId: "doformsConfirmNotification",
        summary: "Says what became of a notification; retries that wait are ended.",
        security: byPair,
        parameters: [key],
        requestBody: body(
          given({ status: { type: "string", enum: ["completed", "failed"] }, message: maybe(text(undefined, { maxLength: 4000 })) }, [
            "status",
          ]),
          {
            status: "completed",
          },
        ),
        responses: {
          200: json("As it is now.", ref("DoformsNotification")),
          ...refused({ ...WHO, ...UNKNOWN, ...WRONG, 409: "It has another final status already." }),
        },
      },
    },
    "/api/v2/tokens/webservice": {
      post: {
        operationId: "doformsSignIn",
        summary: "A token of 24 hours for the id and password of a web service.",
        security: [],
        requestBody: body(given({ id: text(), password: text() }, ["id", "password"]), {
          id: "acme$$1234$$Published$$5678",
          password: "secret",
        }),
        responses: {
          200: json("Signed in.", exactly({ token: text(), expires: text(undefined, { format: "date-time" }) })),
          ...refused({ ...WHO, ...WRONG, 401: "Unknown web service or wrong password." }),
        },
      },
    },
  },
  schemas: {
    DoformsConnection: exactly({
      ...{ id: text(undefined, { pattern: "^con_[0-9a-f]{32}$" }), name: text(), type: { const: "webhook" } },
      urls: exactly({ added: text(), edited: text(), deleted: text(), status: text() }, ["added", "edited", "deleted", "status"]),
      headers: listOf(exactly({ name: text(), value: text() })),
    }),
    DoformsWebService: exactly({
      ...SERVICE,
      target: { oneOf: [{ type: "null" }, exactly({ connectionId: text(), events: listOf(ACTIONS) })] },
    }),
    DoformsNotification: exactly(
      {
        ...{ key: text(undefined, { pattern: "^req_[0-9a-f]{32}$" }), customerKey: text(), dispatchKey: text(), submissionKey: text() },
        ...{ webserviceId: text(), event: { type: "string", enum: ["create", "update", "delete", "status"] } },
        ...{ status: { type: "string", enum: STATUSES }, message: text() },
        ...{ createTime: text(undefined, { format: "date-time" }), updateTime: text(undefined, { format: "date-time" }) },
      },
      ["dispatchKey", "submissionKey", "message", "event"],
    ),
    DoformsError: exactly({
      status: { type: "integer" },
      message: text("Every mistake, for people: `headers: must be at most 4 headers`."),
    }),
  },
};
