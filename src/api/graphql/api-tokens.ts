/** API tokens. */
import { createApiToken, listApiTokens, revokeApiToken } from "../../accounts/tokens.ts";
import { list } from "./account-lists.ts";
import { builder, owned } from "./builder.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType } from "./page.ts";
import { Role } from "./roles.ts";

const ApiToken = builder.prismaNode("ApiToken", {
  ...owned("ApiToken", "admin"),
  description: "A key to the API, sent as `Authorization: Bearer …`; it acts as the user who made it, and is stored as a hash.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "For people, such as which system uses it." }),
    prefix: t.exposeString("prefix", { description: "The beginning of the token, to recognise it by; the audit log names it." }),
    role: t.expose("role", { type: Role, description: "The most that it may do; less when its user may do less." }),
    scopes: t.exposeStringList("scopes", {
      description: "Of webhooks:read webhooks:write events:write goals:read goals:write secrets:read admin, those that it has.",
    }),
    application: t.exposeString("application", {
      nullable: true,
      description: "SuperOffice: the partner application that acts through it, and sees its own webhooks only.",
    }),
    user: t.relation("user", { description: "Who made it; it ends when they are removed." }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      nullable: true,
      description: "The moment from which it is refused; null: it does not end by itself.",
    }),
    lastUsedAt: t.expose("lastUsedAt", {
      type: "DateTime",
      nullable: true,
      description: "The latest call with it, right to the minute; null before the first.",
    }),
    revokedAt: t.expose("revokedAt", {
      type: "DateTime",
      nullable: true,
      description: "When revokeApiToken ended it; null while it is good.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createApiToken was called; lists are in this order." }),
  }),
});

const ApiTokenConnection = connectionType("ApiToken", ApiToken);

builder.queryField("apiTokens", (t) =>
  t.field({
    type: ApiTokenConnection,
    description: "The API tokens of the organization, newest first, revoked and expired ones too. Needs the scope admin.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("apiTokens", listApiTokens, args, context),
  }),
);

const CreatedApiToken = builder.objectRef<Awaited<ReturnType<typeof createApiToken>>>("CreatedApiToken").implement({
  description: "What createApiToken made, with the text that is shown this once.",
  fields: (t) => ({
    apiToken: t.field({
      type: ApiToken,
      description: "All that can be read of it later, which its text is not.",
      resolve: (made) => made.apiToken,
    }),
    token: t.exposeString("token", { description: "The text to send as `Authorization: Bearer …`; never shown again." }),
  }),
});

mutation("createApiToken", {
  description: "Makes an API token that acts as the caller, and never gives more than the caller has.",
  type: CreatedApiToken,
  scope: "admin",
  input: (t) => ({
    name: t.string({ required: true, description: "For people, such as which system uses it: 1 to 255 characters." }),
    role: t.field({ type: Role, defaultValue: "ADMIN", description: "The most that it may do; not above the caller's own role." }),
    scopes: t.stringList({
      description:
        "Any of webhooks:read webhooks:write events:write goals:read goals:write secrets:read admin; all that the role allows when absent.",
    }),
    application: t.string({ description: "SuperOffice: the partner application that acts through it, and sees its own webhooks only." }),
    expiresAt: t.field({
      type: "DateTime",
      description: "The moment from which it is refused, in the future; when absent it does not end by itself.",
    }),
    eventsPerSecond: t.int({
      description: "Events that it may bring in a second, beside its organization's quota; no rate of its own when absent.",
    }),
  }),
  resolve: (input, { doors, caller }) => createApiToken(doors.core, caller, input),
});

mutation("revokeApiToken", {
  description: "Ends an API token on every process within a second, its subscriptions too.",
  type: ApiToken,
  scope: "admin",
  input: (t) => ({ id: t.id({ required: true, description: "The token to end, `tok_…`; NotFoundError when there is none." }) }),
  resolve: (input, { doors, caller }) => revokeApiToken(doors.core, caller, uuidOf("ApiToken", input.id)),
});
