/** The people of an organization. */
import { usernameOf } from "../../accounts/user-row.ts";
import { createUser, deleteUser, listUsers, updateUser } from "../../accounts/users.ts";
import { list } from "./account-lists.ts";
import { builder, owned } from "./builder.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType } from "./page.ts";
import { Role } from "./roles.ts";

export const User = builder.prismaNode("User", {
  ...owned("User", "admin"),
  description: "Somebody who may sign in to the organization, and as whom their API tokens act.",
  fields: (t) => ({
    email: t.exposeString("email", { description: "Their address in lower case, to sign in with and for mail." }),
    username: t.string({
      description: "To sign in with as well, in lower case; the e-mail unless another was given.",
      resolve: usernameOf,
    }),
    name: t.exposeString("name", { nullable: true, description: "What people call them; null when nobody said." }),
    role: t.expose("role", { type: Role, description: "The most that they may do, and that a token of theirs can give." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createUser was called; lists are in this order." }),
    disabledAt: t.expose("disabledAt", {
      type: "DateTime",
      nullable: true,
      description: "Since when no password, session or API token of theirs is good; null while they may sign in.",
    }),
  }),
});

const UserConnection = connectionType("User", User);

builder.queryField("users", (t) =>
  t.field({
    type: UserConnection,
    description: "The people of the organization, newest first. Needs the scope admin.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("users", listUsers, args, context),
  }),
);

mutation("createUser", {
  description: "Adds somebody to the organization, who can sign in at once; nobody gives a higher role than their own.",
  type: User,
  scope: "admin",
  input: (t) => ({
    email: t.string({
      required: true,
      description: "An address, unique within the organization whatever its case: ConflictError when it is taken.",
    }),
    name: t.string({ required: true, description: "What people call them: 1 to 255 characters." }),
    password: t.string({
      required: true,
      description: "At least 12 characters and none of the commonest; stored as a hash, never shown again.",
    }),
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
    password: t.string({ description: "Another password of at least 12 characters, none of the commonest; it ends their sessions." }),
    role: t.field({ type: Role, description: "The most that they may do; not above the caller's own role." }),
    username: t.string({ description: "Another name to sign in with, unique over the installation." }),
    disabled: t.boolean({ description: "true: no password, session or API token of theirs is good until it is false again; not oneself." }),
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
