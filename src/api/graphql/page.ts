/** Relay connections over keyset pages (requests/page.ts reads the arguments and cuts the rows). */
import type { ObjectRef } from "@pothos/core";
import { queryFromInfo } from "@pothos/plugin-prisma";
import type { GraphQLResolveInfo } from "graphql";
import { type Count, countOf } from "../../requests/count.ts";
import type { Slice } from "../../requests/page.ts";
import { builder } from "./builder.ts";
import type { Context } from "./context.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

export interface Page<Row> {
  edges: { cursor: string; node: Row }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
  /** The key where the reading stopped before the page was full. */
  stoppedAt: string | undefined;
  /** Asked for only when the client selects it. */
  totalCount: () => Promise<Count>;
}

/**
 * @param cursorOf where a row stands, opaque to clients
 * @param cursorAt the same by the key where a reading stopped; only lists that may stop have it
 */
export function pageOfRows<Row>(
  slice: Slice<Row>,
  cursorOf: (row: Row) => string,
  totalCount: () => Promise<number | Count>,
  cursorAt?: (key: string) => string,
): Page<Row> {
  const edges = slice.rows.map((node) => ({ cursor: cursorOf(node), node }));
  const stopped = slice.stoppedAt === undefined ? undefined : cursorAt?.(slice.stoppedAt);
  let counting: Promise<Count> | undefined;
  return {
    edges,
    stoppedAt: slice.stoppedAt,
    pageInfo: {
      hasNextPage: slice.hasNextPage,
      hasPreviousPage: slice.hasPreviousPage,
      startCursor: (slice.fromBack ? stopped : undefined) ?? edges[0]?.cursor ?? null,
      endCursor: (slice.fromBack ? undefined : stopped) ?? edges.at(-1)?.cursor ?? null,
    },
    totalCount: () => {
      counting ??= totalCount().then((found) => (typeof found === "number" ? countOf(found) : found));
      return counting;
    },
  };
}

/** What Prisma is to read along with the rows of a page, in the same statement: the relations that the operation selects. */
export function along<Query extends { include?: unknown }>(context: Context, info: GraphQLResolveInfo, path = ["edges", "node"]): Query {
  return queryFromInfo({ context, info, path }) as Query;
}

/**
 * `XConnection` and `XEdge`; its field takes `t.arg.connectionArgs()` and resolves to a Page.
 * @param order how its rows stand
 */
export function connectionType<Row extends object>(name: string, type: ObjectRef<BuilderTypes, Row, Row>, order = "newest first") {
  const Edge = builder.objectRef<{ cursor: string; node: Row }>(`${name}Edge`).implement({
    description: `One ${name} of a page, and the cursor that leads on from it.`,
    fields: (t) => ({
      cursor: t.exposeString("cursor", {
        description: "Opaque: given as `after` or `before`, it leads to the rows behind or ahead of this one.",
      }),
      node: t.field({ type, description: `The ${name} that stands here, as of this moment.`, resolve: (edge) => edge.node as never }),
    }),
  });
  return builder.objectRef<Page<Row>>(`${name}Connection`).implement({
    description: `A page of a list of ${name}, ${order}.`,
    fields: (t) => ({
      edges: t.field({ type: [Edge], description: `The rows of the page, ${order}: 100 at most.`, resolve: (page) => page.edges }),
      pageInfo: t.field({
        type: builder.pageInfoRef(),
        description: "Whether there is more on either side, and the cursors to ask for it.",
        resolve: (page) => page.pageInfo as never,
      }),
      totalCount: t.int({
        description: "How many rows the whole list has, filter applied, page ignored: exact up to 10 000, and 10 000 beyond.",
        resolve: async (page) => (await page.totalCount()).count,
      }),
      totalCountCapped: t.boolean({
        description: "True when the list has, or may have, more rows than `totalCount` says.",
        resolve: async (page) => (await page.totalCount()).capped,
      }),
    }),
  });
}
