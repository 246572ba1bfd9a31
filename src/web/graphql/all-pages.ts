import type { TadaDocumentNode } from "gql.tada";
import { useEffect, useState } from "react";
import { type CombinedError, useClient, useQuery } from "urql";

interface After {
  after?: string | null;
}
const FIRST: After = { after: null };

interface Connection<Node> {
  edges: { node: Node }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** No list of settings is longer than this in sane use; beyond, the newest are shown. */
const MOST_PAGES = 10;

export interface Listing<Node> {
  data: Node[] | undefined;
  error: CombinedError | undefined;
  fetching: boolean;
  refresh: () => void;
}

/** A whole list, page after page: for tables that are searched and sorted in the browser. `document` takes `after`. */
export function useAllPages<Data, Node>(document: TadaDocumentNode<Data, After>, pick: (data: Data) => Connection<Node>): Listing<Node> {
  const client = useClient();
  const [{ data, error, fetching }, again] = useQuery<Data, After>({ query: document, variables: FIRST });
  const [rest, setRest] = useState<Node[]>([]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `pick` is a new function each time and says the same
  useEffect(() => {
    let stale = false;
    async function load(first: Connection<Node>) {
      const nodes: Node[] = [];
      let { pageInfo } = first;
      for (let page = 1; page < MOST_PAGES && pageInfo.hasNextPage && !stale; page++) {
        const answer = await client.query(document, { after: pageInfo.endCursor }, { requestPolicy: "network-only" }).toPromise();
        if (!answer.data) break;
        const connection = pick(answer.data);
        nodes.push(...connection.edges.map((edge) => edge.node));
        pageInfo = connection.pageInfo;
      }
      if (!stale) setRest(nodes);
    }
    if (data) void load(pick(data));
    return () => {
      stale = true;
    };
  }, [data, client, document]);

  return {
    data: data ? [...pick(data).edges.map((edge) => edge.node), ...rest] : undefined,
    error,
    fetching,
    refresh: () => again({ requestPolicy: "network-only" }),
  };
}
