/** Organizations, users, API tokens, signing in, the audit log. */
import { type AuditEntry as AuditRow, listAuditEntries } from "../../accounts/audit.ts";
import type { Caller } from "../../accounts/caller.ts";
import type { KeysetPage } from "../../accounts/keyset.ts";
import { createOrganization, getOrganization, setOrganizationFeature, updateOrganization } from "../../accounts/organizations.ts";
import { signIn, signOut } from "../../accounts/sessions.ts";
import { createApiToken, listApiTokens, revokeApiToken } from "../../accounts/tokens.ts";
import { createUser, deleteUser, listUsers, updateUser } from "../../accounts/users.ts";
import { UnauthenticatedError } from "../../errors.ts";
import { type PageArguments, pageCursor, pageOf, sliceOf, uuidKey } from "../../requests/page.ts";
import { globalId, type NodeType } from "../../wire/ids.ts";
import { builder, owned } from "./builder.ts";
import { type Context, callerOf } from "./context.ts";
import { mutation, openMutation, uuidOf } from "./mutation.ts";
import { connectionType, type Page, pageOfRows } from "./page.ts";

export const Role = builder.enumType("Role", {
  description: "What somebody may do at most; scopes narrow it.",
  values: {
    ADMIN: { description: "Everything of the organization." },
    MEMBER: { description: "Reads and changes webhooks, events and goals." },
    VIEWER: { description: "Reads webhooks and goals." },
  } as const,
});

export const Feature = builder.enumType("Feature", {
  description: "What the operator may switch on for an organization.",
  values: { INBOUND_WEBHOOKS: { description: "Secret URLs that record goal values." } } as const,
});

export const Organization = builder.prismaNode("Organization", {
  ...owned("Organization"),
  // An organization is its own tenant.
  findUnique: (id, context) => ({ id, AND: [{ id: callerOf(context).organizationId }] }),
  description: "The tenant; everything belongs to one.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name." }),
    timeZone: t.exposeString("timeZone", {
      description: "IANA name of its time zone: where a day begins when a value comes without a date.",
    }),
    features: t.expose("features", { type: [Feature], description: "What the operator switched on." }),
    enforceEventTypes: t.exposeBoolean("enforceEventTypes", { description: "Whether events of a type outside the catalogue are refused." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
  }),
});

export const User = builder.prismaNode("User", {
  ...owned("User", "admin"),
  description: "Somebody of an organization.",
  fields: (t) => ({
    email: t.exposeString("email", { description: "Signs in with it." }),
    username: t.exposeString("username", { description: "Signs in with it too; the e-mail unless another was given." }),
    name: t.exposeString("name", { nullable: true, description: "Their name." }),
    role: t.expose("role", { type: Role, description: "What they may do at most." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When they were added." }),
  }),
});

export const ApiToken = builder.prismaNode("ApiToken", {
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

const AuditEntry = builder.prismaNode("AuditEntry", {
  ...owned("AuditEntry", "admin"),
  description: "Who did what; nothing can change it.",
  fields: (t) => ({
    action: t.exposeString("action", { description: "Such as `webhookDefinition.update`." }),
    subjectId: t.id({
      nullable: true,
      description: "The global id of what it was done to.",
      resolve: (row: AuditRow) => (row.subjectId && row.subjectType ? globalId(row.subjectType as NodeType, row.subjectId) : null),
    }),
    userId: t.id({
      nullable: true,
      description: "The global id of who did it; null: the system.",
      resolve: (row: AuditRow) => (row.userId ? globalId("User", row.userId) : null),
    }),
    tokenPrefix: t.exposeString("tokenPrefix", { nullable: true, description: "The first characters of the token it was done with." }),
    address: t.exposeString("address", { nullable: true, description: "From which address." }),
    before: t.expose("before", { type: "JSON", nullable: true, description: "What it was before, secrets masked." }),
    after: t.expose("after", { type: "JSON", nullable: true, description: "What it was after, secrets masked." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When." }),
  }),
});

const Viewer = builder.objectRef<Caller>("Viewer").implement({
  description: "Who calls.",
  fields: (t) => ({
    user: t.field({
      type: User,
      nullable: true,
      description: "As whom the token or session acts.",
      resolve: ({ userId, organizationId }, _args, context) =>
        userId === undefined ? null : context.doors.core.db.prisma.user.findUnique({ where: { id: userId, organizationId } }),
    }),
    organization: t.field({
      type: Organization,
      description: "Whose everything is.",
      resolve: (caller, _args, context) => getOrganization(context.doors.core, caller),
    }),
    role: t.field({ type: Role, description: "What the caller may do at most.", resolve: (caller) => caller.role }),
    scopes: t.stringList({ description: "What the caller may do.", resolve: (caller) => [...caller.scopes] }),
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
const AuditEntryConnection = connectionType("AuditEntry", AuditEntry);

builder.queryFields((t) => ({
  viewer: t.field({ type: Viewer, description: "Who calls.", resolve: (_root, _args, context) => callerOf(context) }),
  organization: t.field({
    type: Organization,
    description: "The caller's organization.",
    resolve: (_root, _args, context) => getOrganization(context.doors.core, callerOf(context)),
  }),
  users: t.field({
    type: UserConnection,
    description: "The people of the organization, newest first.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("users", listUsers, args, context),
  }),
  apiTokens: t.field({
    type: ApiTokenConnection,
    description: "The API tokens of the organization, newest first, the revoked ones too.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("apiTokens", listApiTokens, args, context),
  }),
  auditEntries: t.field({
    type: AuditEntryConnection,
    description: "Who did what, newest first.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("auditEntries", listAuditEntries, args, context),
  }),
}));

const CreatedOrganization = builder.objectRef<Awaited<ReturnType<typeof createOrganization>>>("CreatedOrganization").implement({
  description: "A new organization, and its administrator's token.",
  fields: (t) => ({
    organization: t.field({ type: Organization, description: "The organization.", resolve: (made) => made.organization }),
    adminToken: t.exposeString("adminToken", { description: "Shown once." }),
  }),
});

mutation("createOrganization", {
  description: "Makes a further organization; the operator's alone.",
  type: CreatedOrganization,
  scope: "admin",
  only: "operator",
  input: (t) => ({ name: t.string({ required: true, description: "Its name." }) }),
  resolve: (input, { doors, caller }) => createOrganization(doors.core, caller, input),
});

mutation("setOrganizationFeature", {
  description: "Switches a feature of an organization; the operator's alone.",
  type: Organization,
  scope: "admin",
  only: "operator",
  input: (t) => ({
    organizationId: t.id({ required: true, description: "Whose." }),
    feature: t.field({ type: Feature, required: true, description: "Which." }),
    enabled: t.boolean({ required: true, description: "On or off." }),
  }),
  resolve: (input, { doors, caller }) =>
    setOrganizationFeature(doors.core, caller, { ...input, organizationId: uuidOf("Organization", input.organizationId) }),
});

mutation("updateOrganization", {
  description: "Changes the caller's organization.",
  type: Organization,
  scope: "admin",
  input: (t) => ({
    name: t.string({ description: "Its name." }),
    timeZone: t.string({ description: "IANA name, such as Europe/Berlin." }),
    enforceEventTypes: t.boolean({ description: "Whether events of a type outside the catalogue are refused." }),
  }),
  resolve: (input, { doors, caller }) => updateOrganization(doors.core, caller, input),
});

mutation("createUser", {
  description: "Adds somebody to the organization.",
  type: User,
  scope: "admin",
  input: (t) => ({
    email: t.string({ required: true, description: "Their e-mail address; unique over the installation." }),
    name: t.string({ required: true, description: "Their name." }),
    password: t.string({ required: true, description: "At least 8 characters." }),
    role: t.field({ type: Role, required: true, description: "What they may do at most." }),
    username: t.string({ description: "The e-mail when absent." }),
  }),
  resolve: (input, { doors, caller }) => createUser(doors.core, caller, input),
});

mutation("updateUser", {
  description: "Changes somebody; a new password or role ends their sessions.",
  type: User,
  scope: "admin",
  input: (t) => ({
    id: t.id({ required: true, description: "Whom." }),
    email: t.string({ description: "Their e-mail address." }),
    name: t.string({ description: "Their name." }),
    password: t.string({ description: "At least 8 characters." }),
    role: t.field({ type: Role, description: "What they may do at most." }),
    username: t.string({ description: "Their user name." }),
  }),
  resolve: (input, { doors, caller }) => updateUser(doors.core, caller, { ...input, id: uuidOf("User", input.id) }),
});

mutation("deleteUser", {
  description: "Removes somebody, and ends their tokens and sessions.",
  type: User,
  scope: "admin",
  input: (t) => ({ id: t.id({ required: true, description: "Whom." }) }),
  resolve: (input, { doors, caller }) => deleteUser(doors.core, caller, uuidOf("User", input.id)),
});

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
    eventsPerSecond: t.int({ description: "Events that it may bring in a second; no rate of its own when absent." }),
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

const SignedIn = builder.objectRef<{ token: string; expiresAt: Date }>("SignedIn").implement({
  description: "A session. A browser has it as a cookie too.",
  fields: (t) => ({
    token: t.exposeString("token", { description: "Give it as `Authorization: Bearer <token>`." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "When the session ends." }),
  }),
});

openMutation(
  "signIn",
  {
    description: "Signs somebody in; the one operation that needs no token.",
    type: SignedIn,
    input: (t) => ({
      email: t.string({ required: true, description: "The e-mail or the user name." }),
      password: t.string({ required: true, description: "The password." }),
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
