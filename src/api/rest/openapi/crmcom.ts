/** CRM.COM's face. Its envelope holds answers and errors alike, and business errors are 200 unless HOOKLINE_CRMCOM_HTTP_STATUS. */
import { BODY_REFUSALS, exactly, given, LATER, listOf, maybe, type Operation, type Part, ref, type Schema, text } from "./parts.ts";

const BASE = "/crmapi/rest/v2";
const CODES = [
  ...["INVALID_TOKEN", "INVALID_CREDENTIALS", "MISSING_PARAMETER", "INVALID_IDENTIFIER", "INVALID_VALUE", "INVALID_FIELD"],
  ...["NOT_FOUND", "NOT_REJECTED", "NOT_SETTLED", "ALREADY_EXISTS", "FORBIDDEN"],
];
const hexId = text(undefined, { pattern: "^[0-9A-F]{32}$" });
const token = text("From authentication/token, good for two hours.");
const identifier = (...fields: string[]): Schema => ({
  description: `Exactly one of ${fields.join(", ")}; in a query or form \`field=value\`.`,
  oneOf: [
    { type: "string" },
    { type: "object", minProperties: 1, maxProperties: 1, properties: Object.fromEntries(fields.map((field) => [field, {}])) },
  ],
});
const STATES = { type: "string", enum: ["EFFECTIVE", "NOT EFFECTIVE"] };
const PAGE = {
  number_of_results: { type: "integer", minimum: 1, maximum: 1000, default: 100 },
  offset: { type: "integer", minimum: 0, maximum: 2_147_483_647, default: 0 },
  created_date: text("A day in the organization's time zone.", { format: "date" }),
};
const FIELDS = { fields_set: text("Comma-separated names, dotted below objects: which fields the answer holds. All when absent.") };

const envelope = (data: Schema): Schema => exactly({ status: ref("CrmcomStatus"), data });
const content = (schema: Schema) => ({ "application/json": { schema } });
const refused = (texts: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(texts).map(([status, description]) => [status, { description, content: content(ref("CrmcomRefusal")) }]),
  );
const STATUSES = {
  401: "INVALID_TOKEN, INVALID_CREDENTIALS.",
  405: "The method takes the other of GET and POST; see Allow.",
  ...LATER,
};
/** With HOOKLINE_CRMCOM_HTTP_STATUS alone. */
const BUSINESS = {
  400: "A parameter breaks a rule; where it is no JSON, whatever the setting says.",
  403: "With HOOKLINE_CRMCOM_HTTP_STATUS: FORBIDDEN.",
  404: "With HOOKLINE_CRMCOM_HTTP_STATUS: NOT_FOUND.",
  409: "With HOOKLINE_CRMCOM_HTTP_STATUS: NOT_REJECTED, NOT_SETTLED, ALREADY_EXISTS.",
};
const responses = (data: Schema, more: Record<number, string>) => ({
  200: {
    description: "Done, or a business error: `status.code` says which.",
    content: content({ anyOf: [envelope(data), ref("CrmcomRefusal")] }),
  },
  ...refused({ ...STATUSES, ...BUSINESS, ...more }),
});

const operationId = (path: string) => `crmcom${path.replaceAll(/(?:^|[/_])([a-z])/g, (_, letter: string) => letter.toUpperCase())}`;

function getting(path: string, summary: string, parameters: Record<string, Schema>, data: Schema): Part["paths"] {
  const asked = Object.entries({ ...parameters, ...FIELDS }).map(([name, schema]) => {
    const description = String(schema["description"] ?? `As the field ${name}.`);
    return { name, in: "query", description, schema };
  });
  const operation: Operation = {
    operationId: operationId(path),
    summary,
    security: [{ crmcomToken: [] }],
    parameters: asked,
    responses: responses(data, {}),
  };
  return { [`${BASE}/${path}`]: { get: operation } };
}

function posting(path: string, summary: string, schema: Schema, example: object, data: Schema): Part["paths"] {
  const operation: Operation = {
    operationId: operationId(path),
    summary,
    // The token stands in the body; a Web API key in HTTP Basic.
    security: path.endsWith("web_api_key/token") ? [{ basic: [] }] : [],
    requestBody: { required: true, content: { "application/json": { schema, example }, "application/x-www-form-urlencoded": { schema } } },
    responses: responses(data, BODY_REFUSALS),
  };
  return { [`${BASE}/${path}`]: { post: operation } };
}

const REQUEST = { webhook_request_identifier: identifier("id", "number") };
const DEFINITION = { webhook_definition_identifier: identifier("id", "name", "alternative_code") };
const RULE = { workflow_rule_identifier: identifier("id", "name", "alternative_code") };
const DEFINITION_SETTINGS = {
  ...{
    name: text(undefined, { maxLength: 400 }),
    alternative_code: text(undefined, { maxLength: 100 }),
    url: text(undefined, { format: "uri" }),
  },
  ...{ fields_set: text("Comma-separated dotted paths of the payload to send."), description: maybe(text()), life_cycle_state: STATES },
  ...{ secret_key_identifier: identifier("id", "name") },
  ...{ hmac_algorithm: { type: "string", enum: ["sha256", "sha1"] }, hmac_encoding: { type: "string", enum: ["hex", "base64"] } },
};
const RULE_SETTINGS = {
  ...{
    name: text(undefined, { maxLength: 255 }),
    alternative_code: text(undefined, { maxLength: 100 }),
    entity: text("One of the 17 entities."),
  },
  ...{ priority: { type: "string", enum: ["LOW", "MEDIUM", "HIGH"] }, life_cycle_state: STATES, description: maybe(text()) },
  ...{ conditions_set: { description: "In the language of our filters; null: always." } },
  ...{
    actions_set: listOf(
      given({ code: { const: "TRIGGER WEBHOOKS" }, webhook_definitions: listOf(identifier("id", "name", "alternative_code")) }),
    ),
  },
};
const signedIn = (properties: Record<string, Schema>, required: string[] = []) => given({ token, ...properties }, ["token", ...required]);

const unit = { oneOf: [{ type: "null" }, exactly({ id: {}, name: text(), description: {}, alternative_code: {} })] };
const user = { oneOf: [{ type: "null" }, exactly({ id: hexId, username: text(), person_name: maybe(text()), email: text() })] };
/** Any of its members may be left out by `fields_set`. */
const some = (properties: Record<string, Schema>): Schema => ({ type: "object", additionalProperties: false, properties });
const LOG = some({
  ...{ created_date: text(), updated_date: text(), created_by_unit: unit, updated_by_unit: unit },
  ...{ created_by_user: user, updated_by_user: user },
});

export const crmcom: Part = {
  tag: { name: "CRM.COM", description: "Webhook requests, with the rules and definitions that make them." },
  paths: {
    ...posting(
      "authentication/token",
      "A token of two hours for a user name and password.",
      given({ username: text(), password: text(), organisation: text("Its name or id."), unit: text(undefined, { maxLength: 255 }) }, [
        "username",
        "password",
        "organisation",
      ]),
      { username: "ann", password: "correct horse", organisation: "Hookline" },
      exactly({ token: text() }),
    ),
    ...posting(
      "authentication/web_api_key/token",
      "A token of two hours for an API token, sent as the user name of HTTP Basic.",
      given({ unit: text(undefined, { maxLength: 255 }) }),
      {},
      exactly({ token: text() }),
    ),
    ...posting("authentication/token/release", "Ends a token.", signedIn({}), { token: "…" }, { type: "null" }),
    ...getting("webhook_requests/show", "One request.", REQUEST, ref("CrmcomRequest")),
    ...getting(
      "webhook_requests/list",
      "Requests, newest first: of a definition, a rule or an entity, one of which is mandatory.",
      {
        ...{
          ...DEFINITION,
          ...RULE,
          entity: text("One of the 17 entities."),
          entity_id: text("Of one thing of that entity."),
          url: text("Sent there."),
        },
        ...{ life_cycle_state: { type: "string", enum: ["SUCCESSFUL", "REJECTED"] }, ...PAGE },
      },
      listOf(ref("CrmcomRequest")),
    ),
    ...posting(
      "webhook_requests/resend",
      "Sends a rejected request again, and answers once that is settled.",
      signedIn({ ...REQUEST, ...FIELDS }, ["webhook_request_identifier"]),
      { token: "…", webhook_request_identifier: { number: "1" } },
      ref("CrmcomRequest"),
    ),
    ...posting(
      "webhook_requests/delete",
      "Deletes a settled request from the log.",
      signedIn({ ...REQUEST, ...FIELDS }, ["webhook_request_identifier"]),
      { token: "…", webhook_request_identifier: { number: "1" } },
      ref("CrmcomRequest"),
    ),
    ...getting("webhook_definitions/show", "One definition.", DEFINITION, ref("CrmcomDefinition")),
    ...getting(
      "webhook_definitions/list",
      "Definitions, newest first.",
      { life_cycle_state: STATES, url: text("That call this URL."), ...PAGE },
      listOf(ref("CrmcomDefinition")),
    ),
    ...posting(
      "webhook_definitions/create",
      "Makes a definition.",
      signedIn(DEFINITION_SETTINGS, ["name", "alternative_code", "url"]),
      { token: "…", name: "ERP", alternative_code: "erp", url: "http://127.0.0.1:9/erp" },
      ref("CrmcomDefinition"),
    ),
    ...posting(
      "webhook_definitions/update",
      "Changes a definition: what is absent stays.",
      signedIn({ ...DEFINITION, ...DEFINITION_SETTINGS }, ["webhook_definition_identifier"]),
      { token: "…", webhook_definition_identifier: { alternative_code: "erp" }, description: "The ERP" },
      ref("CrmcomDefinition"),
    ),
    ...posting(
      "webhook_definitions/set_life_cycle_state",
      "Makes a definition effective or not; the message names the effective rules that use it.",
      signedIn({ ...DEFINITION, life_cycle_state: STATES }, ["webhook_definition_identifier", "life_cycle_state"]),
      { token: "…", webhook_definition_identifier: { alternative_code: "erp" }, life_cycle_state: "NOT EFFECTIVE" },
      ref("CrmcomDefinition"),
    ),
    ...posting(
      "webhook_definitions/delete",
      "Deletes a definition.",
      signedIn(DEFINITION, ["webhook_definition_identifier"]),
      { token: "…", webhook_definition_identifier: { alternative_code: "erp" } },
      ref("CrmcomDefinition"),
    ),
    ...getting("workflow_rules/show", "One rule.", RULE, ref("CrmcomRule")),
    ...getting(
      "workflow_rules/list",
      "Rules on an entity, which is mandatory.",
      { entity: text("One of the 17 entities."), life_cycle_state: STATES, ...PAGE },
      listOf(ref("CrmcomRule")),
    ),
    ...posting(
      "workflow_rules/create",
      "Makes a rule that triggers definitions.",
      signedIn(RULE_SETTINGS, ["name", "alternative_code", "entity", "actions_set"]),
      {
        token: "…",
        name: "Closed",
        alternative_code: "closed",
        entity: "ACTIVITIES",
        actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ alternative_code: "erp" }] }],
      },
      ref("CrmcomRule"),
    ),
    ...posting(
      "workflow_rules/update",
      "Changes a rule, never its entity: what is absent stays.",
      signedIn({ ...RULE, ...RULE_SETTINGS }, ["workflow_rule_identifier"]),
      { token: "…", workflow_rule_identifier: { alternative_code: "closed" }, priority: "LOW" },
      ref("CrmcomRule"),
    ),
    ...posting(
      "workflow_rules/delete",
      "Deletes a rule.",
      signedIn(RULE, ["workflow_rule_identifier"]),
      { token: "…", workflow_rule_identifier: { alternative_code: "closed" } },
      ref("CrmcomRule"),
    ),
  },
  schemas: {
    CrmcomStatus: exactly({ message: text(), description: text(), code: { const: "OK" } }),
    CrmcomRefusal: exactly({
      status: exactly({
        message: text("For people."),
        description: text(),
        code: text(`For programs: ${CODES.join(", ")}, or that of an HTTP status.`, { pattern: "^(?!OK$)[A-Z_]+$" }),
      }),
      data: { type: "null" },
    }),
    CrmcomDefinition: some({
      ...{ id: hexId, name: text(), alternative_code: text(), life_cycle_state: STATES, url: maybe(text()), fields_set: text() },
      ...{
        secret_key: { oneOf: [{ type: "null" }, some({ id: hexId, name: maybe(text()) })] },
        hmac_algorithm: text(),
        hmac_encoding: text(),
      },
      ...{ description: maybe(text()), log_information: LOG },
    }),
    CrmcomRule: some({
      ...{ id: hexId, name: text(), alternative_code: text(), entity: text(), priority: text(), life_cycle_state: STATES },
      ...{ description: maybe(text()), conditions_set: {}, actions_set: listOf({ type: "object" }), log_information: LOG },
    }),
    CrmcomRequest: some({
      ...{
        id: hexId,
        number: text(undefined, { pattern: "^[0-9]+$" }),
        life_cycle_state: { type: "string", enum: ["PENDING", "SUCCESSFUL", "REJECTED"] },
      },
      ...{ entity: maybe(text()), entity_id: maybe(text()), url: maybe(text()), authentication_code: maybe(text()), fields_set: text() },
      ...{
        request: { type: ["object", "null"] },
        response: { type: ["object", "null"] },
        error_code: maybe(text()),
        error_description: maybe(text()),
      },
      ...{
        webhook_definition: { oneOf: [{ type: "null" }, ref("CrmcomDefinition")] },
        workflow_rule: { oneOf: [{ type: "null" }, ref("CrmcomRule")] },
      },
      ...{ log_information: LOG },
    }),
  },
};
