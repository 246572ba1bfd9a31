/** What somebody may do at most. */
import { builder } from "./builder.ts";

export const Role = builder.enumType("Role", {
  description: "What somebody may do at most; scopes narrow it.",
  values: {
    ADMIN: { description: "Everything of the organization." },
    MEMBER: { description: "Reads and changes webhooks, events and goals." },
    VIEWER: { description: "Reads webhooks and goals." },
  } as const,
});
