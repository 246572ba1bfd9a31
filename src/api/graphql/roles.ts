/** What somebody may do at most. */
import { builder } from "./builder.ts";

export const Role = builder.enumType("Role", {
  description: "The most that somebody may do; the scopes of a token narrow it further.",
  values: {
    ADMIN: { description: "Everything of the organization, users, tokens and inbound webhooks included." },
    MEMBER: { description: "Reads and changes webhooks, events and goals; no users, tokens or inbound webhooks." },
    VIEWER: { description: "Reads webhooks and goals, and changes nothing." },
  } as const,
});
