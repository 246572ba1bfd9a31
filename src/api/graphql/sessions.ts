/** Signing in and out, one's own password, and the sessions that are open. */
import { changePassword } from "../../accounts/own-password.ts";
import { listSessions, revokeSession, type Session as SessionRow } from "../../accounts/own-sessions.ts";
import { signIn, signOut } from "../../accounts/sessions.ts";
import { UnauthenticatedError } from "../../errors.ts";
import { globalId } from "../../wire/ids.ts";
import { list } from "./account-lists.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation, openMutation, uuidOf } from "./mutation.ts";
import { connectionType } from "./page.ts";
import { User } from "./users.ts";
import { Viewer } from "./viewer.ts";

const SessionKind = builder.enumType("SessionKind", {
  description: "The door through which somebody signed in.",
  values: {
    BROWSER: { description: "By signIn, a link, an API token or single sign-on; good for GraphQL and the dashboard, for seven days." },
    COTALKER: { description: "By `POST /auth/local`: good for that product's routes, for a day." },
    CRMCOM: { description: "By authentication/token: good for that product's routes, for two hours." },
    PORTAL: { description: "By a link of createPortalLink: it is an application's, and no person's." },
    DOFORMS: { description: "By `POST /api/v2/tokens/webservice`: it is a web service's, and no person's." },
  } as const,
});

const Session = builder.objectRef<SessionRow>("Session").implement({
  description: "Somebody is signed in: by a browser, or by a program through a product's own API. It has no node().",
  fields: (t) => ({
    id: t.id({ description: "Global id, `ses_…`: for revokeSession.", resolve: ({ id }) => globalId("Session", id) }),
    kind: t.field({
      type: SessionKind,
      description: "The door that it was begun through, and is good at.",
      resolve: ({ kind }) => kind as "BROWSER",
    }),
    address: t.exposeString("address", {
      nullable: true,
      description: "IP address of whoever signed in; null for sessions of before 0.2.",
    }),
    current: t.boolean({
      description: "Whether it is the one that sends this operation.",
      resolve: ({ id }, _args, context) => id === callerOf(context).credentialId,
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When somebody signed in; lists are in this order." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "The moment from which it is refused." }),
    revokedAt: t.expose("revokedAt", {
      type: "DateTime",
      nullable: true,
      description: "When signOut, revokeSession or another password ended it; null while it is good.",
    }),
  }),
});

const SessionConnection = connectionType("Session", Session);

builder.queryField("sessions", (t) =>
  t.field({
    type: SessionConnection,
    description: "The open sessions of whoever is signed in, newest first. Through an API token it needs the scope admin.",
    authScopes: { signedIn: true },
    args: {
      userId: t.arg.id({ description: "Somebody else's, `usr_…`, which needs the scope admin; the caller's own when absent." }),
      ...t.arg.connectionArgs(),
    },
    resolve: (_root, { userId, ...page }, context) => {
      const whose = userId == null ? undefined : uuidOf("User", userId);
      const read: typeof listSessions = (core, caller, keys) => listSessions(core, caller, keys, whose);
      return list(`sessions:${whose ?? ""}`, read, page, context);
    },
  }),
);

mutation("revokeSession", {
  description: "Ends a session on every process within a second: one's own, or for administrators anybody's of the organization.",
  type: Session,
  scope: "own",
  input: (t) => ({
    id: t.id({ required: true, description: "The session to end, `ses_…`; NotFoundError when there is none that the caller may end." }),
  }),
  resolve: (input, { doors, caller }) => revokeSession(doors.core, caller, uuidOf("Session", input.id)),
});

mutation("changePassword", {
  description: "Gives the caller another password, and ends their other sessions. Limited as signIn is.",
  type: User,
  scope: "own",
  input: (t) => ({
    currentPassword: t.string({ required: true, description: "The present one; UnauthenticatedError when it is wrong." }),
    newPassword: t.string({ required: true, description: "At least 12 characters, and none of the commonest; stored as a hash." }),
  }),
  resolve: (input, { doors, caller }) => changePassword(doors.core, caller, input),
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
      organization: t.string({
        description:
          "Name or id: needed only where the same e-mail and password are good in several organizations, which a ConflictError says.",
      }),
    }),
  },
  async ({ email: login, password, organization }, context) => {
    const session = await signIn(context.doors.core, { login, password, organization, address: context.address });
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
