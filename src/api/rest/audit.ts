/** GET /v1/audit: the audit log as lines of JSON, oldest first, for archives and SIEMs. Read on from the last line's cursor. */
import { Readable } from "node:stream";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { AuditEntry } from "../../accounts/audit.ts";
import { exportAuditEntries } from "../../accounts/audit-log.ts";
import { type Caller, demand } from "../../accounts/caller.ts";
import type { Core } from "../../core.ts";
import { ValidationError } from "../../errors.ts";
import { globalId, idOf, type NodeType } from "../../wire/ids.ts";
import { HTTP } from "../limits.ts";
import { requireCaller, stillMay } from "../session.ts";

function lineOf(row: AuditEntry): string {
  const { subjectType, subjectId, userId, tokenPrefix, address, action, before, after } = row;
  const id = globalId("AuditEntry", row.id);
  return `${JSON.stringify({
    id,
    cursor: id,
    createdAt: row.createdAt.toISOString(),
    action,
    subjectType,
    subjectId: subjectType && subjectId ? globalId(subjectType as NodeType, subjectId) : null,
    userId: userId && globalId("User", userId),
    ...{ tokenPrefix, address, before, after },
  })}\n`;
}

/** A page in memory at a time, as fast as its reader takes it; an answer ends before it is larger than any other may be. */
async function* lines(core: Core, request: FastifyRequest, caller: Caller, after: string | undefined): AsyncGenerator<string> {
  let bytes = 0;
  for await (const rows of exportAuditEntries(core, caller, after)) {
    await stillMay(core, request, caller);
    for (const row of rows) {
      const line = lineOf(row);
      bytes += Buffer.byteLength(line);
      if (bytes > HTTP.answerBytes) return;
      yield line;
    }
  }
}

function cursorOf(query: unknown): string | undefined {
  const { after } = query as { after?: unknown };
  if (after === undefined || after === "") return undefined;
  const id = typeof after === "string" ? idOf("AuditEntry", after) : undefined;
  if (id === undefined) throw new ValidationError([{ path: "after", message: "must be the cursor of a line" }]);
  return id;
}

export function auditRoutes(core: Core): FastifyPluginAsync {
  return async (app) => {
    app.get("/v1/audit", async (request, reply) => {
      const caller = await requireCaller(core, request);
      demand(caller, "admin");
      const after = cursorOf(request.query);
      return reply
        .header("content-type", "application/x-ndjson; charset=utf-8")
        .header("cache-control", "no-store")
        .send(Readable.from(lines(core, request, caller, after)));
    });
  };
}
