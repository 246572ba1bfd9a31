/** Organizations, and who calls. */
import { createOrganization, getOrganization, setOrganizationFeature, updateOrganization } from "../../accounts/organizations.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";

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

builder.queryField("organization", (t) =>
  t.field({
    type: Organization,
    description: "The caller's organization.",
    resolve: (_root, _args, context) => getOrganization(context.doors.core, callerOf(context)),
  }),
);

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
