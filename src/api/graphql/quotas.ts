/** Quotas: what an organization may use and uses, and an API token's own rate. */
import { NotFoundError } from "../../errors.ts";
import { QUOTA_NAMES, type Quotas } from "../../quotas/quotas.ts";
import { setQuotas } from "../../quotas/settings.ts";
import { builder } from "./builder.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { Organization } from "./organizations.ts";

const fields: Record<keyof Quotas, string> = {
  eventsPerSecond: "Events that are accepted in a second, over all doors. A second's worth may come at once.",
  definitions: "Webhooks that exist; a deleted one makes room at once.",
  queuedRequests: "Accepted and not settled yet, those of stopped and blocked webhooks too.",
  storedBytes: "Bytes of accepted events and their requests within the retention time, counted as they come in.",
  subscriptions: "Open at the same time, over WebSockets and SSE of every process.",
};

const quotaType = (name: string, description: string) =>
  builder.objectRef<Quotas>(name).implement({
    description,
    fields: (t) => ({
      eventsPerSecond: t.exposeInt("eventsPerSecond", { description: fields.eventsPerSecond }),
      definitions: t.exposeInt("definitions", { description: fields.definitions }),
      queuedRequests: t.expose("queuedRequests", { type: "SafeInt", description: fields.queuedRequests }),
      storedBytes: t.expose("storedBytes", { type: "SafeInt", description: fields.storedBytes }),
      subscriptions: t.exposeInt("subscriptions", { description: fields.subscriptions }),
    }),
  });

const OrganizationQuotas = quotaType(
  "OrganizationQuotas",
  "What an organization may use at most: what the operator set, else the installation's default.",
);
const OrganizationUsage = quotaType(
  "OrganizationUsage",
  "What an organization uses now, over all processes; eventsPerSecond over the last ten seconds. Counted no further than the quotas go.",
);

builder.prismaObjectFields("Organization", (t) => ({
  quotas: t.field({
    type: OrganizationQuotas,
    description:
      "The most that this organization may have: what the operator set, else HOOKLINE_QUOTA_*. Over it: 429 with Retry-After, or RateLimitedError.",
    resolve: ({ id }, _args, { doors }) => doors.quotas.quotas(id),
  }),
  usage: t.field({
    type: OrganizationUsage,
    description: "Counted now, over all processes: compare it with `quotas`.",
    resolve: ({ id }, _args, { doors }) => doors.quotas.usage(id),
  }),
}));

builder.prismaObjectFields("ApiToken", (t) => ({
  eventsPerSecond: t.exposeInt("eventsPerSecond", {
    nullable: true,
    description: "Events that it may bring in a second, beside its organization's quota; null: no rate of its own.",
  }),
}));

mutation("setOrganizationQuotas", {
  description:
    "Sets what an organization may use; the operator's alone. Absent stays, null is the default again. Holds on every process within a second.",
  type: Organization,
  scope: "admin",
  only: "operator",
  input: (t) => ({
    organizationId: t.id({ required: true, description: "The global id of the organization, `org_…`; the operator may name any." }),
    eventsPerSecond: t.int({ description: fields.eventsPerSecond }),
    definitions: t.int({ description: fields.definitions }),
    queuedRequests: t.field({ type: "SafeInt", description: fields.queuedRequests }),
    storedBytes: t.field({ type: "SafeInt", description: fields.storedBytes }),
    subscriptions: t.int({ description: fields.subscriptions }),
  }),
  resolve: async (input, { doors, caller }) => {
    const id = uuidOf("Organization", input.organizationId);
    await setQuotas(doors.core, caller, id, Object.fromEntries(QUOTA_NAMES.map((name) => [name, input[name]])));
    const organization = await doors.core.db.prisma.organization.findUnique({ where: { id } });
    if (!organization) throw new NotFoundError("the organization");
    return organization;
  },
});
