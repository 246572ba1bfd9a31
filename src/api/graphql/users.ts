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
  description: "Somebody of an organization.",
  fields: (t) => ({
    email: t.exposeString("email", { description: "Signs in with it." }),
    username: t.string({ description: "Signs in with it too; the e-mail unless another was given.", resolve: usernameOf }),
    name: t.exposeString("name", { nullable: true, description: "Their name." }),
    role: t.expose("role", { type: Role, description: "What they may do at most." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When they were added." }),
    disabledAt: t.expose("disabledAt", {
      type: "DateTime",
      nullable: true,
      description: "Since when nothing of theirs is good: no password, no session, no API token. Null: they may sign in.",
    }),
  }),
});

const UserConnection = connectionType("User", User);

builder.queryField("users", (t) =>
  t.field({
    type: UserConnection,
    description: "The people of the organization, newest first.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("users", listUsers, args, context),
  }),
);

mutation("createUser", {
  description: "Adds somebody to the organization.",
  type: User,
  scope: "admin",
  input: (t) => ({
    email: t.string({ required: true, description: "Their e-mail address; unique within the organization." }),
    name: t.string({ required: true, description: "Their name." }),
    password: t.string({ required: true, description: "At least 12 characters, and none of the commonest." }),
    role: t.field({ type: Role, required: true, description: "What they may do at most." }),
    username: t.string({ description: "Unique over the installation; the e-mail when absent." }),
  }),
  resolve: (input, { doors, caller }) => createUser(doors.core, caller, input),
});

mutation("updateUser", {
  description: "Changes somebody; a new password or role ends their sessions. The last administrator stays one.",
  type: User,
  scope: "admin",
  input: (t) => ({
    id: t.id({ required: true, description: "Whom." }),
    email: t.string({ description: "Their e-mail address." }),
    name: t.string({ description: "Their name." }),
    password: t.string({ description: "At least 12 characters, and none of the commonest." }),
    role: t.field({ type: Role, description: "What they may do at most." }),
    username: t.string({ description: "Their user name; unique over the installation." }),
    disabled: t.boolean({ description: "True: nothing of theirs is good from now on, until it is false again." }),
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
