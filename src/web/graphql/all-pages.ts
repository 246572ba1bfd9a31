import type { TadaDocumentNode } from "gql.tada";
import { useEffect, useMemo, useRef, useState } from "react";
import { type CombinedError, useClient, useQuery } from "urql";

interface After {
  after?: string | null;
}

interface Connection<Node> {
  edges: { node: Node }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** No list of settings is longer than this in sane use; beyond, the newest are shown, and it is said that there are more. */
const MOST_PAGES = 10;

export interface Listing<Node> {
  data: Node[] | undefined;
  /** Of whichever page failed: `data`, if there is any, is not all there is. */
  error: CombinedError | undefined;
  fetching: boolean;
  /** Every page was read; the list is told before, as far as it is known. */
  whole: boolean;
  /** How many are shown when there are more, which are left out. */
  cut: number | undefined;
  refresh: () => void;
}

interface Options<Own> {
  /** Of the document, beside `after`. */
  variables?: Own;
  pause?: boolean;
  mostPages?: number;
}

interface Rest<Node> {
  /** Variables that it was asked with. */
  key: string;
  nodes: Node[];
  error: CombinedError | undefined;
  more: boolean;
}

const nodesOf = <Node>({ edges }: Connection<Node>): Node[] => edges.map((edge) => edge.node);

/**
 * A whole list, page after page: for tables that are searched and sorted in the browser. `document` takes `after`.
 * @param pick the list in an answer; undefined where what it belongs to is not there
 * @returns with it `first`, the first page's answer
 */
export function useAllPages<Data, Node, Own extends object = object>(
  document: TadaDocumentNode<Data, Own & After>,
  pick: (data: Data) => Connection<Node> | undefined,
  { variables, pause = false, mostPages = MOST_PAGES }: Options<Own> = {},
): Listing<Node> & { first: Data | undefined } {
  const client = useClient();
  const asked = { ...variables, after: null } as Own & After;
  const key = JSON.stringify(asked);
  const [{ data: answered, error, fetching }, again] = useQuery<Data, Own & After>({ query: document, variables: asked, pause });
  const [rest, setRest] = useState<Rest<Node>>();
  // While other variables' answer is on its way the last ones' is shown, and a list that could not be read anew stays.
  const shown = useRef({ data: answered, key });
  if (answered !== undefined && shown.current.data !== answered) shown.current = { data: answered, key };
  const data = answered ?? (error && shown.current.key === key ? shown.current.data : undefined);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `pick` is a new function each time and says the same; `data` is of the variables
  useEffect(() => {
    let stale = false;
    async function load(first: Connection<Node>) {
      const nodes: Node[] = [];
      let { pageInfo } = first;
      let failed: CombinedError | undefined;
      for (let page = 1; page < mostPages && pageInfo.hasNextPage && !stale; page++) {
        const answer = await client.query(document, { ...asked, after: pageInfo.endCursor }, { requestPolicy: "network-only" }).toPromise();
        failed = answer.error;
        const connection = answer.data && pick(answer.data);
        if (!connection) break;
        nodes.push(...nodesOf(connection));
        pageInfo = connection.pageInfo;
      }
      if (stale) return;
      const read = { key, nodes, error: failed, more: pageInfo.hasNextPage };
      setRest((last) => (failed && last?.key === key ? { ...last, error: failed } : read));
    }
    const first = data && pick(data);
    if (first) void load(first);
    return () => {
      stale = true;
    };
  }, [data, client, document]);

  const first = data && pick(data);
  // A list that is read anew is shown as it was until it is whole again.
  const further = first?.pageInfo.hasNextPage && rest?.key === shown.current.key ? rest : undefined;
  const nodes = useMemo(() => first && [...nodesOf(first), ...(further?.nodes ?? [])], [first, further]);
  const failed = error ?? further?.error;
  return {
    first: data,
    data: nodes,
    error: failed,
    fetching,
    whole: first !== undefined && failed === undefined && (further !== undefined || !first.pageInfo.hasNextPage),
    cut: further?.more && !failed ? nodes?.length : undefined,
    refresh: () => again({ requestPolicy: "network-only" }),
  };
}
