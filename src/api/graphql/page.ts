/** Relay connections over keyset pages (requests/page.ts reads the arguments and cuts the rows). */
import type { ObjectRef } from "@pothos/core";
import { type Count, countOf } from "../../requests/count.ts";
import type { Slice } from "../../requests/page.ts";
import { builder } from "./builder.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

export interface Page<Row> {
  edges: { cursor: string; node: Row }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
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
  const backwards = slice.hasPreviousPage && !slice.hasNextPage;
  let counting: Promise<Count> | undefined;
  return {
    edges,
    pageInfo: {
      hasNextPage: slice.hasNextPage,
      hasPreviousPage: slice.hasPreviousPage,
      startCursor: (backwards ? stopped : undefined) ?? edges[0]?.cursor ?? null,
      endCursor: (backwards ? undefined : stopped) ?? edges.at(-1)?.cursor ?? null,
    },
    totalCount: () => {
      counting ??= totalCount().then((found) => (typeof found === "number" ? countOf(found) : found));
      return counting;
    },
  };
}

/** `XConnection` and `XEdge`; its field takes `t.arg.connectionArgs()` and resolves to a Page. */
export function connectionType<Row extends object>(name: string, type: ObjectRef<BuilderTypes, Row, Row>) {
  const Edge = builder.objectRef<{ cursor: string; node: Row }>(`${name}Edge`).implement({
    description: `A row of a list of ${name}.`,
    fields: (t) => ({
      cursor: t.exposeString("cursor", { description: "Where this row stands in its list." }),
      node: t.field({ type, description: "The object itself.", resolve: (edge) => edge.node as never }),
    }),
  });
  return builder.objectRef<Page<Row>>(`${name}Connection`).implement({
    description: `A page of a list of ${name}, newest first.`,
    fields: (t) => ({
      edges: t.field({ type: [Edge], description: "The page's rows.", resolve: (page) => page.edges }),
      pageInfo: t.field({
        type: builder.pageInfoRef(),
        description: "Where this page stands in the list.",
        resolve: (page) => page.pageInfo as never,
      }),
      totalCount: t.int({
        description: "How many rows the whole list has: exact up to 10 000, and 10 000 beyond.",
        resolve: async (page) => (await page.totalCount()).count,
      }),
      totalCountCapped: t.boolean({
        description: "There are more than `totalCount` says, or may be.",
        resolve: async (page) => (await page.totalCount()).capped,
      }),
    }),
  });
}
