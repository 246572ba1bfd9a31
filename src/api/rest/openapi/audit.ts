/** The audit log, for archives and SIEMs. */
import { inQuery, LATER, maybe, type Part, ref, refusals, text } from "./parts.ts";

const PROBLEM = "application/problem+json";

const AUDIT_ENTRY = {
  type: "object",
  additionalProperties: false,
  required: ["id", "cursor", "createdAt", "action", "subjectType", "subjectId", "userId", "tokenPrefix", "address", "before", "after"],
  properties: {
    id: text("Global id, `aud_…`."),
    cursor: text("To read on from."),
    createdAt: text(undefined, { format: "date-time" }),
    action: text("Noun and verb.", { examples: ["webhookDefinition.update"] }),
    subjectType: maybe(text()),
    subjectId: maybe(text("Global id of what was changed, which may be gone.")),
    userId: maybe(text("Global id of who did it; null: the system.")),
    tokenPrefix: maybe(text()),
    address: maybe(text()),
    before: { description: "Secrets and hidden values as `***`." },
    after: { description: "Secrets and hidden values as `***`." },
  },
};

export const audit: Part = {
  tag: { name: "Audit", description: "Who did what." },
  paths: {
    "/v1/audit": {
      get: {
        operationId: "exportAudit",
        summary:
          "The audit log as lines of JSON, oldest first. An answer ends at 32 MiB: read on from the last line's cursor until none comes.",
        parameters: [inQuery("after", "The cursor of a line: those behind it. Absent: from the first.", { type: "string" })],
        responses: {
          200: {
            description: "NDJSON; an entry that is being written in this very second may come behind the cursor of the last line.",
            content: { "application/x-ndjson": { schema: ref("AuditEntry") } },
          },
          ...refusals(
            ref("Problem"),
            { 400: "`after` is no cursor.", 401: "No token, or one that is not valid.", 403: "The token lacks the scope admin.", ...LATER },
            PROBLEM,
          ),
        },
      },
    },
  },
  schemas: { AuditEntry: AUDIT_ENTRY },
};
