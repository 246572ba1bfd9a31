/** Organizations, and who calls. */
import { createOrganization, enforcementOf, getOrganization, setOrganizationFeature } from "../../accounts/organizations.ts";
import { changeOrganization } from "../../definitions/enforce-schemas.ts";
import { testAlert } from "../../events/test-alert.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";

export const Feature = builder.enumType("Feature", {
  description: "What the operator may switch on for an organization; off unless it is.",
  values: {
    INBOUND_WEBHOOKS: { description: "Secret URLs that record goal values. While off, none can be made and existing ones answer 403." },
  } as const,
});

const EventTypeEnforcement = builder.enumType("EventTypeEnforcement", {
  description: "What an organization asks of events by its catalogue of event types; `hookline.*` is exempt.",
  values: {
    OFF: { description: "Any name and payload will do; the catalogue is for people to choose from." },
    NAMES: { description: "Events whose type is not in the catalogue are refused." },
    SCHEMAS: { description: "As NAMES; and payloads that do not fit their type's schema are refused, with the place of each mistake." },
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
      description: "Whether eventTypeEnforcement is NAMES or SCHEMAS: events whose type is not in the catalogue are refused.",
    }),
    eventTypeEnforcement: t.field({
      type: EventTypeEnforcement,
      description: "What is asked of events by the catalogue of event types; OFF of a new organization.",
      select: { enforceEventTypes: true, enforceSchemas: true },
      resolve: enforcementOf,
    }),
    alertEmail: t.exposeString("alertEmail", {
      nullable: true,
      authScopes: { scope: "admin" },
      description: "Who is mailed what `hookline.*` events tell; null for nobody. Needs the scope admin.",
    }),
    retentionDays: t.exposeInt("retentionDays", {
      nullable: true,
      description:
        "Days after which settled requests, their events and live updates are deleted; null for the installation's (`HOOKLINE_RETENTION_DAYS`).",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createOrganization, or the first start, made it." }),
  }),
});

builder.queryField("organization", (t) =>
  t.field({
    type: Organization,
    description: "The organization that the caller's token or session belongs to.",
    resolve: (_root, _args, context) => getOrganization(context.doors.core, callerOf(context)),
  }),
);

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
    enforceEventTypes: t.boolean({
      description: "false is eventTypeEnforcement OFF; true is NAMES, or SCHEMAS where that stands already.",
    }),
    eventTypeEnforcement: t.field({
      type: EventTypeEnforcement,
      description:
        "OFF, NAMES or SCHEMAS, from the next event on; SCHEMAS judges payloads of types that have a schema; ValidationError names types whose schema is none.",
    }),
    alertEmail: t.string({ description: "One address of at most 255 characters that is mailed its alerts; null for none." }),
    retentionDays: t.int({
      description:
        "1 to the installation's days (`HOOKLINE_RETENTION_DAYS`); null for those. What is older goes within minutes, and does not come back.",
    }),
  }),
  resolve: (input, { doors, caller }) => changeOrganization(doors.core, caller, input),
});

mutation("testAlert", {
  description:
    "Tells of nothing: an event `hookline.test`, and a mail to alertEmail where there is one. At most 10 an hour, then RateLimitedError.",
  type: Organization,
  scope: "admin",
  only: "ADMIN",
  optionalInput: true,
  input: (t) => ({ clientMutationId: t.string({ description: "Means nothing here, for clients that send it with every mutation." }) }),
  resolve: async (_input, { doors, caller }) => {
    await testAlert(doors.core, doors.ingest, doors.jobs, caller);
    return getOrganization(doors.core, caller);
  },
});
