/** SuperOffice's face: its Webhook REST API and the RPC twins, in JSON or XML as Content-Type and Accept say. */
import {
  BODY_REFUSALS,
  exactly,
  given,
  inHeader,
  inPath,
  inQuery,
  LATER,
  listOf,
  maybe,
  type Operation,
  type Part,
  ref,
  refusals,
  type Schema,
  text,
} from "./parts.ts";

const REST = "/api/v1/Webhook";
const RPC = "/api/v1/Agents/Webhook";
const STATE = { type: ["string", "integer"], enum: ["Active", "Stopped", "TooManyErrors", "active", "stopped", "toomanyerrors", 1, 2, 3] };
const BODIES = ["application/json", "application/xml", "text/xml", "application/x-www-form-urlencoded"];

const refused = (texts: Record<number, string>) => refusals(ref("SuperOfficeError"), texts);
const WHO = {
  401: "Nobody, or credentials that are not valid.",
  403: "The role or token does not allow it.",
  405: "The path takes other methods; see Allow.",
  ...LATER,
};
const WRONG = { 400: "The body or a parameter breaks a rule, or the target failed the test call.", ...BODY_REFUSALS };
const UNKNOWN = { 404: "There is no such webhook, or it is another application's." };
const CHANGED = { 412: "It was changed since If-Unmodified-Since." };
const NO_BODY_REFUSALS = { 400: "A parameter breaks a rule.", ...BODY_REFUSALS };

const answered = (description: string, schema: Schema) => ({
  description,
  content: { "application/json": { schema }, "application/xml": { schema: { type: "string" } } },
});
const sent = (schema: Schema, example: unknown, required = true) => ({
  required,
  content: Object.fromEntries(
    BODIES.map((type) => [type, type === "application/json" ? { schema, example } : { schema: { type: ["string", "object"] } }]),
  ),
});
const security = [{ token: [] }, { basic: [] }];
const id = inPath("id", "The WebhookId.", text());
const select = inQuery("$select", "Comma-separated names: what is not listed stands there as null.", text());
const zone = inHeader("SO-TimeZone", "In which time zone dates are shown.", text());
const filters = ["nameFilter", "eventFilter", "statusFilter"].map((name) =>
  inQuery(name, "Only those that match; all when empty.", text()),
);
const webhookId = inQuery("webhookId", "The WebhookId; the body may name it instead.", text());
const done = { 204: { description: "Done." } };

const WEBHOOK = {
  ...{ Name: text(undefined, { minLength: 1, maxLength: 400 }), Events: listOf(text()), TargetUrl: maybe(text()) },
  ...{ Secret: maybe(text(undefined, { maxLength: 400 })), State: STATE, Type: { type: "string", enum: ["webhook", "crmscript"] } },
  ...{
    Headers: { type: ["object", "null"] },
    Properties: { type: ["object", "null"] },
    ErrorsEmail: maybe(text()),
    Description: maybe(text()),
  },
};
const EXAMPLE = { Name: "Contacts", Events: ["contact.created"], TargetUrl: "http://127.0.0.1:9/hook", State: "Stopped" };
const ONE = { 200: answered("The webhook.", ref("SuperOfficeWebhook")) };

const operation = (operationId: string, summary: string, more: Omit<Operation, "operationId" | "summary">): Operation => ({
  operationId,
  summary,
  security,
  ...more,
});

function rpc(name: string, summary: string, more: Partial<Operation> & Pick<Operation, "responses">): Part["paths"] {
  return { [`${RPC}/${name}`]: { post: operation(`superofficeRpc${name}`, summary, more) } };
}

export const superoffice: Part = {
  tag: { name: "SuperOffice", description: "Webhooks as REST, their RPC twins, and events by SignalEvent." },
  paths: {
    [REST]: {
      get: operation("superofficeListWebhooks", "All webhooks that the caller may see, oldest first.", {
        parameters: [...filters, select, zone],
        responses: { 200: answered("All of them.", listOf(ref("SuperOfficeWebhook"))), ...refused({ ...WHO, ...NO_BODY_REFUSALS }) },
      }),
      post: operation("superofficeCreateWebhook", "Makes a webhook; an Active one's target must answer a test call first.", {
        parameters: [select, zone],
        requestBody: sent(given(WEBHOOK, ["Name"]), EXAMPLE),
        responses: { ...ONE, ...refused({ ...WHO, ...WRONG, 404: "The script is unknown." }) },
      }),
    },
    [`${REST}/default`]: {
      get: operation("superofficeDefaultWebhook", "What a new webhook looks like before anything is filled in.", {
        parameters: [select],
        responses: { ...ONE, ...refused({ ...WHO, ...NO_BODY_REFUSALS }) },
      }),
    },
    [`${REST}/Test`]: {
      post: operation("superofficeTestWebhook", "Calls a target with a test event; the answer says how it went.", {
        requestBody: sent(given({ ...WEBHOOK, Name: maybe(text()) }), EXAMPLE),
        responses: {
          200: answered("How it went.", ref("SuperOfficeResult")),
          ...refused({ ...WHO, ...WRONG, 404: "The script is unknown." }),
        },
      }),
    },
    [`${REST}/{id}`]: {
      get: operation("superofficeGetWebhook", "One webhook.", {
        parameters: [id, select, zone, inHeader("If-Modified-Since", "304 when it was not changed since.", text())],
        responses: { ...ONE, 304: { description: "Not changed since." }, ...refused({ ...WHO, ...UNKNOWN, ...NO_BODY_REFUSALS }) },
      }),
      put: operation("superofficeReplaceWebhook", "Replaces a webhook: what is absent gets its default.", {
        parameters: [id, select, zone, inHeader("If-Unmodified-Since", "412 when it was changed since.", text())],
        requestBody: sent(given(WEBHOOK, ["Name"]), EXAMPLE),
        responses: { ...ONE, ...refused({ ...WHO, ...WRONG, ...UNKNOWN, ...CHANGED }) },
      }),
      patch: operation("superofficePatchWebhook", "Changes a webhook by a merge patch (an object) or a JSON Patch (an array).", {
        parameters: [id, select, zone, inHeader("If-Unmodified-Since", "412 when it was changed since.", text())],
        requestBody: {
          required: true,
          content: Object.fromEntries(
            ["application/json", "application/merge-patch+json", "application/json-patch+json"].map((type) => [
              type,
              {
                schema: type.includes("json-patch") ? listOf({ type: "object" }) : { type: ["object", "array"] },
                ...(type === "application/json" && { example: { Description: "Of the shop" } }),
              },
            ]),
          ),
        },
        responses: { ...ONE, ...refused({ ...WHO, ...WRONG, ...UNKNOWN, ...CHANGED, 409: "A `test` of the patch does not hold." }) },
      }),
      delete: operation("superofficeDeleteWebhook", "Deletes a webhook.", {
        parameters: [id],
        responses: { ...done, ...refused({ ...WHO, ...UNKNOWN, ...NO_BODY_REFUSALS }) },
      }),
    },
    [`${REST}/{id}/LastError`]: {
      get: operation("superofficeLastError", "The target's last failed answer; empty when there is none.", {
        parameters: [id],
        responses: { 200: answered("A text.", text()), ...refused({ ...WHO, ...UNKNOWN, ...NO_BODY_REFUSALS }) },
      }),
    },
    [`${REST}/{id}/{primaryKey}`]: {
      post: operation("superofficeSignalEvent", "Fires the event `{id}` on `{primaryKey}`; the body is its data.", {
        parameters: [
          inPath("id", "The event's name, such as `sale.sold`.", text()),
          inPath("primaryKey", "Of the entity, an int32.", text()),
        ],
        requestBody: sent({ type: "object" }, { amount: 100 }, false),
        responses: { ...done, ...refused({ ...WHO, ...WRONG }) },
      }),
    },
    ...rpc("CreateDefaultWebhook", "What a new webhook looks like before anything is filled in.", {
      parameters: [select],
      responses: { ...ONE, ...refused({ ...WHO, ...NO_BODY_REFUSALS }) },
    }),
    ...rpc("SaveWebhook", "Makes a webhook (WebhookId 0), or replaces one.", {
      parameters: [select, zone],
      requestBody: sent(given({ WebhookId: { type: "integer" }, ...WEBHOOK }, ["Name"]), { WebhookId: 0, ...EXAMPLE }),
      responses: { ...ONE, ...refused({ ...WHO, ...WRONG, ...UNKNOWN }) },
    }),
    ...rpc("GetWebhook", "One webhook.", {
      parameters: [webhookId, select, zone],
      requestBody: sent(given({ webhookId: { type: ["integer", "string"] } }), { webhookId: 1 }, false),
      responses: { ...ONE, ...refused({ ...WHO, ...WRONG, ...UNKNOWN }) },
    }),
    ...rpc("GetAllWebhooks", "All webhooks that the caller may see, oldest first.", {
      parameters: [select, zone],
      requestBody: sent(
        given({ NameFilter: maybe(text()), EventFilter: maybe(text()), StatusFilter: maybe(text()) }),
        { StatusFilter: "Unknown" },
        false,
      ),
      responses: { 200: answered("All of them.", listOf(ref("SuperOfficeWebhook"))), ...refused({ ...WHO, ...WRONG }) },
    }),
    ...rpc("TestWebhook", "Calls a target with a test event; the answer says how it went.", {
      requestBody: sent(given({ Webhook: given({ ...WEBHOOK, Name: maybe(text()) }) }, ["Webhook"]), { Webhook: EXAMPLE }),
      responses: {
        200: answered("How it went.", ref("SuperOfficeResult")),
        ...refused({ ...WHO, ...WRONG, 404: "The script is unknown." }),
      },
    }),
    ...rpc("SignalEvent", "Fires an event.", {
      requestBody: sent(
        given({ EventName: text(), PrimaryKey: { type: ["integer", "string"] }, Data: { type: ["object", "null"] } }, ["EventName"]),
        {
          ...{ EventName: "sale.sold", PrimaryKey: 7, Data: { amount: 100 } },
        },
      ),
      responses: { ...done, ...refused({ ...WHO, ...WRONG }) },
    }),
    ...rpc("GetLastError", "The target's last failed answer; empty when there is none.", {
      parameters: [webhookId],
      requestBody: sent(given({ WebhookId: { type: ["integer", "string"] } }), { WebhookId: 1 }, false),
      responses: { 200: answered("A text.", text()), ...refused({ ...WHO, ...WRONG, ...UNKNOWN }) },
    }),
    ...rpc("DeleteWebhook", "Deletes a webhook.", {
      parameters: [webhookId],
      requestBody: sent(given({ webhookId: { type: ["integer", "string"] } }), { webhookId: 1 }, false),
      responses: { ...done, ...refused({ ...WHO, ...WRONG, ...UNKNOWN }) },
    }),
  },
  schemas: {
    SuperOfficeWebhook: exactly(
      {
        ...{
          WebhookId: { type: ["integer", "null"] },
          Name: maybe(text()),
          Events: { type: ["array", "null"], items: text() },
          TargetUrl: maybe(text()),
        },
        ...{ Secret: maybe(text("Null for callers without secrets:read.")), State: { enum: ["Active", "Stopped", "TooManyErrors", null] } },
        ...{
          Type: { enum: ["webhook", "crmscript", null] },
          Headers: { type: ["object", "null"] },
          Properties: { type: ["object", "null"] },
        },
        ...{ Registered: maybe(text()), RegisteredAssociate: { type: ["object", "null"] }, Updated: maybe(text()) },
        ...{ UpdatedAssociate: { type: ["object", "null"] }, ErrorsEmail: maybe(text()), Description: maybe(text()) },
        ...{
          TotalCalls: { type: ["integer", "null"] },
          TotalErrors: { type: ["integer", "null"] },
          ConsecutiveErrors: { type: ["integer", "null"] },
        },
        ...{ LastError: maybe(text()), _Links: { oneOf: [{ type: "null" }, exactly({ Self: maybe(text()), Archive: maybe(text()) })] } },
      },
      ["Description", "TotalCalls", "TotalErrors", "ConsecutiveErrors", "LastError", "_Links"],
    ),
    SuperOfficeResult: exactly({
      ...{ Success: { type: "boolean" }, Message: text(), TableRight: { type: "null" }, FieldProperties: { type: "object" } },
    }),
    SuperOfficeError: exactly({ Error: { const: true }, ErrorType: text(), ErrorMessage: text(), ErrorSource: { const: "Hookline" } }),
  },
};
