/**
 * GET /v1/requests.csv and .ndjson, /v1/events.csv and .ndjson: a list with its filter, whole, newest first. A page is in memory
 * at a time and goes out as fast as its reader takes it.
 */
import { Readable } from "node:stream";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../../accounts/caller.ts";
import type { Core } from "../../core.ts";
import { RateLimitedError } from "../../errors.ts";
import { eventPages, requestPages, type WholeList } from "../../requests/pages.ts";
import { EXPORTS } from "../limits.ts";
import { requireCaller, stillMay } from "../session.ts";
import { EVENT_LINE, eventLine, REQUEST_LINE, requestLine } from "./export-lines.ts";
import { type Asked, eventsAsked, requestsAsked } from "./export-query.ts";
import { type Format, headOf, type Line, MEDIA_TYPES, textOf } from "./lines.ts";

interface Export<Filter, Row> {
  name: string;
  columns: readonly string[];
  asked: (core: Core, caller: Caller, query: unknown) => Promise<Asked<Filter>>;
  pages: (core: Core, list: WholeList<Filter>) => AsyncGenerator<Row[]>;
  line: (core: Core, caller: Caller, row: Row) => Promise<Line>;
}

const exportOf = <Filter, Row>(one: Export<Filter, Row>): Export<Filter, Row> => one;
const REQUESTS = exportOf({
  ...{ name: "requests", columns: REQUEST_LINE, asked: requestsAsked },
  pages: (core, list) => requestPages(core.db, list),
  line: (_core, caller, row) => requestLine(caller, row),
});
const EVENTS = exportOf({
  ...{ name: "events", columns: EVENT_LINE, asked: eventsAsked },
  pages: (core, list) => eventPages(core.db, list),
  line: (core, _caller, row) => eventLine(core.db, row),
});

/** How many run for each organization. */
function createPlaces() {
  const taken = new Map<string, number>();
  return {
    /** @throws RateLimitedError */
    take(organizationId: string): () => void {
      const now = taken.get(organizationId) ?? 0;
      if (now >= EXPORTS.atOnce) throw new RateLimitedError(EXPORTS.retrySeconds);
      taken.set(organizationId, now + 1);
      return () => {
        const left = (taken.get(organizationId) as number) - 1;
        if (left > 0) taken.set(organizationId, left);
        else taken.delete(organizationId);
      };
    },
  };
}

export function exportRoutes(core: Core): FastifyPluginAsync {
  const places = createPlaces();

  async function answer<Filter, Row>(one: Export<Filter, Row>, format: Format, request: FastifyRequest, reply: FastifyReply) {
    const caller = await requireCaller(core, request);
    const { filter, after } = await one.asked(core, caller, request.query);
    const free = places.take(caller.organizationId);
    const pages = one.pages(core, { organizationId: caller.organizationId, filter, after, gone: () => reply.raw.destroyed });
    async function* chunks(): AsyncGenerator<string> {
      yield headOf(format, one.columns);
      for await (const rows of pages) {
        await stillMay(core, request, caller);
        yield textOf(format, await Promise.all(rows.map((row) => one.line(core, caller, row))));
      }
    }
    const day = core.clock.now().toISOString().slice(0, 10);
    const body = Readable.from(chunks(), { objectMode: false });
    // Also when its reader leaves before the first byte, where a generator's own `finally` would not run.
    body.once("close", free);
    return reply
      .header("content-type", MEDIA_TYPES[format])
      .header("content-disposition", `attachment; filename="hookline-${one.name}-${day}.${format}"`)
      .header("cache-control", "no-store")
      .send(body);
  }

  return async (app) => {
    for (const format of ["csv", "ndjson"] as const) {
      app.get(`/v1/requests.${format}`, (request, reply) => answer(REQUESTS, format, request, reply));
      app.get(`/v1/events.${format}`, (request, reply) => answer(EVENTS, format, request, reply));
    }
  };
}
