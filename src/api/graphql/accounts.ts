/** Organizations, users, API tokens, signing in. */
import type { Caller } from "../../accounts/caller.ts";
import type { KeysetPage } from "../../accounts/keyset.ts";
import { createOrganization, getOrganization, setOrganizationFeature, updateOrganization } from "../../accounts/organizations.ts";
import { signIn, signOut } from "../../accounts/sessions.ts";
import { createApiToken, listApiTokens, revokeApiToken } from "../../accounts/tokens.ts";
import { createUser, deleteUser, listUsers, updateUser } from "../../accounts/users.ts";
import { UnauthenticatedError } from "../../errors.ts";
import { type PageArguments, pageCursor, pageOf, sliceOf, uuidKey } from "../../requests/page.ts";
import { builder, owned } from "./builder.ts";
import { type Context, callerOf } from "./context.ts";
import { mutation, openMutation, uuidOf } from "./mutation.ts";
import { connectionType, type Page, pageOfRows } from "./page.ts";

export const Role = builder.enumType("Role", {
  description: "The most that somebody may do; the scopes of a token narrow it further.",
  values: {
    ADMIN: { description: "Everything of the organization, users, tokens and inbound webhooks included." },
    MEMBER: { description: "Reads and changes webhooks, events and goals; no users, tokens or inbound webhooks." },
    VIEWER: { description: "Reads webhooks and goals, and changes nothing." },
  } as const,
});

export const Feature = builder.enumType("Feature", {
  description: "What the operator may switch on for an organization; off unless it is.",
  values: {
    INBOUND_WEBHOOKS: { description: "Secret URLs that record goal values. While off, none can be made and existing ones answer 403." },
  } as const,
});

export const Organization = builder.prismaNode("Organization", {
  ...owned("Organization"),
  // An organization is its own tenant.
  findUnique: (id, context) => ({ id, AND: [{ id: callerOf(context).organizationId }] }),
  description: "A tenant: every webhook, event, goal and user belongs to one, and no other sees it.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "For people; CRM.COM's sign-in may name the organization by it." }),
    timeZone: t.exposeString("timeZone", {
      description: "IANA name such as `Europe/Berlin`: where a day begins in CRM.COM's dates and filters; `UTC` unless it was set.",
    }),
    features: t.expose("features", {
      type: [Feature],
      description: "The features that the operator switched on; none of a new organization's.",
    }),
    enforceEventTypes: t.exposeBoolean("enforceEventTypes", {
      description: "When true, events whose type is not in the catalogue are refused.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createOrganization, or the first start, made it." }),
  }),
});

export const User = builder.prismaNode("User", {
  ...owned("User", "admin"),
  description: "Somebody who may sign in to the organization, and as whom their API tokens act.",
  fields: (t) => ({
    email: t.exposeString("email", { description: "Their address in lower case, to sign in with and for mail." }),
    username: t.exposeString("username", { description: "To sign in with as well, in lower case; the e-mail unless another was given." }),
    name: t.exposeString("name", { nullable: true, description: "What people call them; null when nobody said." }),
    role: t.expose("role", { type: Role, description: "The most that they may do, and that a token of theirs can give." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createUser was called; lists are in this order." }),
  }),
});

export const ApiToken = builder.prismaNode("ApiToken", {
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

const Viewer = builder.objectRef<Caller>("Viewer").implement({
  description: "Whoever sent the operation, and what they may do.",
  fields: (t) => ({
    user: t.field({
      type: User,
      nullable: true,
      description: "The user as whom the token or session acts; null when that is none.",
      resolve: ({ userId, organizationId }, _args, context) =>
        userId === undefined ? null : context.doors.core.db.prisma.user.findUnique({ where: { id: userId, organizationId } }),
    }),
    organization: t.field({
      type: Organization,
      description: "The tenant whose rows all operations of the caller see.",
      resolve: (caller, _args, context) => getOrganization(context.doors.core, caller),
    }),
    role: t.field({
      type: Role,
      description: "The most that the caller may do: the lesser of the user's role and the token's.",
      resolve: (caller) => caller.role,
    }),
    scopes: t.stringList({
      description: "Scopes of the token, or all that the role allows: webhooks:read webhooks:write events:write …",
      resolve: (caller) => [...caller.scopes],
    }),
    delivering: t.boolean({
      description: "False when this server was started with HOOKLINE_DELIVERY=off: what comes in waits in its lanes, and nothing is sent.",
      resolve: (_caller, _args, context) => context.doors.core.config.delivery,
    }),
  }),
});

type List<Row> = (
  core: Context["doors"]["core"],
  caller: Caller,
  page: KeysetPage,
) => Promise<{ rows: Row[]; count: () => Promise<number> }>;

/** A page of an accounts list; a cursor names its list and organization, so that another's is refused. */
async function list<Row extends { id: string }>(name: string, read: List<Row>, args: PageArguments, context: Context): Promise<Page<Row>> {
  const caller = callerOf(context);
  const kind = `${name}:${caller.organizationId}`;
  const page = pageOf(args, kind, uuidKey);
  const { rows, count } = await read(context.doors.core, caller, page);
  return pageOfRows(sliceOf(page, rows), (row) => pageCursor(kind, row.id), count);
}

const UserConnection = connectionType("User", User);
const ApiTokenConnection = connectionType("ApiToken", ApiToken);

builder.queryFields((t) => ({
  viewer: t.field({
    type: Viewer,
    description: "The caller: user, organization, role and scopes; for a dashboard to know what to offer.",
    resolve: (_root, _args, context) => callerOf(context),
  }),
  organization: t.field({
    type: Organization,
    description: "The organization that the caller's token or session belongs to.",
    resolve: (_root, _args, context) => getOrganization(context.doors.core, callerOf(context)),
  }),
  users: t.field({
    type: UserConnection,
    description: "The people of the organization, newest first. Needs the scope admin.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("users", listUsers, args, context),
  }),
  apiTokens: t.field({
    type: ApiTokenConnection,
    description: "The API tokens of the organization, newest first, revoked and expired ones too. Needs the scope admin.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("apiTokens", listApiTokens, args, context),
  }),
}));

const CreatedOrganization = builder.objectRef<Awaited<ReturnType<typeof createOrganization>>>("CreatedOrganization").implement({
  description: "What createOrganization made, with the token that is shown this once.",
  fields: (t) => ({
    organization: t.field({
      type: Organization,
      description: "Empty but for its administrator, all features off.",
      resolve: (made) => made.organization,
    }),
    adminToken: t.exposeString("adminToken", { description: "An API token of its administrator with every scope; never shown again." }),
  }),
});

mutation("createOrganization", {
  description: "Makes a further organization with an administrator and a token of theirs. Only the bootstrap token may.",
  type: CreatedOrganization,
  scope: "admin",
  only: "operator",
  input: (t) => ({ name: t.string({ required: true, description: "1 to 255 characters, for people." }) }),
  resolve: (input, { doors, caller }) => createOrganization(doors.core, caller, input),
});

mutation("setOrganizationFeature", {
  description: "Switches a feature of any organization on or off, from the next call on. Only the bootstrap token may.",
  type: Organization,
  scope: "admin",
  only: "operator",
  input: (t) => ({
    organizationId: t.id({ required: true, description: "The organization to change, `org_…`; NotFoundError when there is none." }),
    feature: t.field({ type: Feature, required: true, description: "A feature such as INBOUND_WEBHOOKS." }),
    enabled: t.boolean({ required: true, description: "true switches it on, false off; the same again changes nothing." }),
  }),
  resolve: (input, { doors, caller }) =>
    setOrganizationFeature(doors.core, caller, { ...input, organizationId: uuidOf("Organization", input.organizationId) }),
});

mutation("updateOrganization", {
  description: "Changes the organization of the caller, who must be an administrator: what is absent stays.",
  type: Organization,
  scope: "admin",
  input: (t) => ({
    name: t.string({ description: "1 to 255 characters, for people." }),
    timeZone: t.string({ description: "IANA name such as `Europe/Berlin`; ValidationError for an unknown one." }),
    enforceEventTypes: t.boolean({ description: "true refuses events whose type is not in the catalogue; false takes all." }),
  }),
  resolve: (input, { doors, caller }) => updateOrganization(doors.core, caller, input),
});

mutation("createUser", {
  description: "Adds somebody to the organization, who can sign in at once; nobody gives a higher role than their own.",
  type: User,
  scope: "admin",
  input: (t) => ({
    email: t.string({
      required: true,
      description: "An address, unique over the installation whatever its case: ConflictError when it is taken.",
    }),
    name: t.string({ required: true, description: "What people call them: 1 to 255 characters." }),
    password: t.string({ required: true, description: "At least 8 characters; stored as a hash, never shown again." }),
    role: t.field({ type: Role, required: true, description: "The most that they may do; not above the caller's own role." }),
    username: t.string({ description: "To sign in with as well, unique over the installation; the e-mail when absent." }),
  }),
  resolve: (input, { doors, caller }) => createUser(doors.core, caller, input),
});

mutation("updateUser", {
  description: "Changes somebody: what is absent stays. A new password or role ends their sessions; the last administrator stays one.",
  type: User,
  scope: "admin",
  input: (t) => ({
    id: t.id({ required: true, description: "The user to change, `usr_…`; NotFoundError when there is none." }),
    email: t.string({ description: "Another address to sign in with: ConflictError when it is taken." }),
    name: t.string({ description: "What people call them: 1 to 255 characters." }),
    password: t.string({ description: "Another password of at least 8 characters; it ends their sessions." }),
    role: t.field({ type: Role, description: "The most that they may do; not above the caller's own role." }),
    username: t.string({ description: "Another name to sign in with, unique over the installation." }),
  }),
  resolve: (input, { doors, caller }) => updateUser(doors.core, caller, { ...input, id: uuidOf("User", input.id) }),
});

mutation("deleteUser", {
  description:
    "Removes somebody and answers with them as they were; their tokens and sessions end. ConflictError for oneself and the last administrator.",
  type: User,
  scope: "admin",
  input: (t) => ({ id: t.id({ required: true, description: "The user to remove, `usr_…`; NotFoundError when there is none." }) }),
  resolve: (input, { doors, caller }) => deleteUser(doors.core, caller, uuidOf("User", input.id)),
});

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

const SignedIn = builder.objectRef<{ token: string; expiresAt: Date }>("SignedIn").implement({
  description: "What signIn began: a session. A browser has it as a cookie (HttpOnly) too, with the cookie XSRF-TOKEN.",
  fields: (t) => ({
    token: t.exposeString("token", { description: "Give it as `Authorization: Bearer <token>`." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "The moment from which the session is refused." }),
  }),
});

openMutation(
  "signIn",
  {
    description: "Begins a session by name and password; the one operation that needs no token. Limited per account and address.",
    type: SignedIn,
    input: (t) => ({
      email: t.string({ required: true, description: "E-mail address or user name, whatever its case." }),
      password: t.string({ required: true, description: "As it was set, case included; ten wrong ones a minute are too many." }),
    }),
  },
  async (input, context) => {
    const session = await signIn(context.doors.core, { login: input.email, password: input.password, address: context.address });
    context.cookies?.set(session.token, session.expiresAt);
    return session;
  },
);

openMutation(
  "signOut",
  {
    description: "Ends the caller's session, on every process within a second. An API token stays good.",
    type: Viewer,
    optionalInput: true,
    input: (t) => ({ clientMutationId: t.string({ description: "Not used; an input has at least one field." }) }),
  },
  async (_input, context) => {
    if (!context.caller) throw new UnauthenticatedError();
    await signOut(context.doors.core, context.caller);
    context.cookies?.clear();
    return context.caller;
  },
);
