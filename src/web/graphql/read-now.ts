import type { TadaDocumentNode } from "gql.tada";
import { useCallback } from "react";
import { useClient } from "urql";

/** Returns a function that asks the server how something is now, whatever the cache holds; undefined when it does not say. */
export function useReadNow<Data, Row>(document: TadaDocumentNode<Data, { id: string }>, pick: (data: Data) => Row | undefined) {
  const client = useClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what picks is as constant as the document
  return useCallback(
    async (id: string): Promise<Row | undefined> => {
      const { data } = await client.query(document, { id }, { requestPolicy: "network-only" }).toPromise();
      return data ? pick(data) : undefined;
    },
    [client, document],
  );
}
