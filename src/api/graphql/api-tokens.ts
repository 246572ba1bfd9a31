/** API tokens. */
import { createApiToken, listApiTokens, revokeApiToken } from "../../accounts/tokens.ts";
import { list } from "./account-lists.ts";
import { builder, owned } from "./builder.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType } from "./page.ts";
import { Role } from "./roles.ts";

const ApiToken = builder.prismaNode("ApiToken", {
  ...owned("ApiToken", "admin"),
  description: "A key to the API; it acts as the user who made it.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "What it is for." }),
    prefix: t.exposeString("prefix", { description: "Its first characters, to recognise it by." }),
    role: t.expose("role", { type: Role, description: "What it may do at most." }),
    scopes: t.exposeStringList("scopes", { description: "What it may do." }),
    application: t.exposeString("application", { nullable: true, description: "The partner application that acts through it." }),
    user: t.relation("user", { description: "As whom it acts." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", nullable: true, description: "When it ends; null: never." }),
    lastUsedAt: t.expose("lastUsedAt", { type: "DateTime", nullable: true, description: "When it was last used, to the minute." }),
    revokedAt: t.expose("revokedAt", { type: "DateTime", nullable: true, description: "When it was revoked." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
  }),
});

const ApiTokenConnection = connectionType("ApiToken", ApiToken);

builder.queryField("apiTokens", (t) =>
  t.field({
    type: ApiTokenConnection,
    description: "The API tokens of the organization, newest first, the revoked ones too.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("apiTokens", listApiTokens, args, context),
  }),
);

const CreatedApiToken = builder.objectRef<Awaited<ReturnType<typeof createApiToken>>>("CreatedApiToken").implement({
  description: "A new API token.",
  fields: (t) => ({
    apiToken: t.field({ type: ApiToken, description: "What is kept of it.", resolve: (made) => made.apiToken }),
    token: t.exposeString("token", { description: "The token itself, shown once." }),
  }),
});

mutation("createApiToken", {
  description: "Makes an API token that acts as the caller, and never gives more than the caller has.",
  type: CreatedApiToken,
  scope: "admin",
  input: (t) => ({
    name: t.string({ required: true, description: "What it is for." }),
    role: t.field({ type: Role, defaultValue: "ADMIN", description: "What it may do at most." }),
    scopes: t.stringList({ description: "What it may do; all that the role allows when absent." }),
    application: t.string({ description: "The partner application that acts through it." }),
    expiresAt: t.field({ type: "DateTime", description: "When it ends; never when absent." }),
  }),
  resolve: (input, { doors, caller }) => createApiToken(doors.core, caller, input),
});

mutation("revokeApiToken", {
  description: "Ends an API token on every process within a second, its subscriptions too.",
  type: ApiToken,
  scope: "admin",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: (input, { doors, caller }) => revokeApiToken(doors.core, caller, uuidOf("ApiToken", input.id)),
});
