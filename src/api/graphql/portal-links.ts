/** Links that let an application's own people in. */
import { createPortalLink, portalUrl } from "../../applications/portal.ts";
import { builder } from "./builder.ts";
import { mutation, uuidOf } from "./mutation.ts";

const PortalLink = builder.objectRef<{ url: string; expiresAt: Date }>("PortalLink").implement({
  description: "What createPortalLink made: whoever has it signs in as that application, once.",
  fields: (t) => ({
    url: t.exposeString("url", {
      description: "To hand to the application's people, or to load in an iframe. Shown this once, used up by signing in.",
    }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "When the link ends, and the session that it begins." }),
  }),
});

mutation("createPortalLink", {
  description: "Makes a link that signs in once, to a session that sees one application and nothing else of the organization.",
  type: PortalLink,
  scope: "webhooks:write",
  input: (t) => ({
    applicationId: t.id({ required: true, description: "All that its session sees; NotFoundError for an unknown or deleted one." }),
    expiresInSeconds: t.int({ defaultValue: 3600, description: "How long the link and its session are good: 60 to 604800, a week." }),
    readOnly: t.boolean({ defaultValue: false, description: "true: its session sees, and changes nothing." }),
  }),
  resolve: async ({ applicationId, expiresInSeconds, readOnly }, { doors, caller }) => {
    const input = {
      applicationId: uuidOf("Application", applicationId),
      expiresInSeconds: expiresInSeconds ?? 3600,
      readOnly: readOnly ?? false,
    };
    const { token, expiresAt } = await createPortalLink(doors.core, caller, input);
    return { url: portalUrl(doors.publicUrl(), token), expiresAt };
  },
});
