/** Signing out. Only the server ends a session: until it has said so the person is signed in, and is told that they are. */
import type { TadaDocumentNode } from "gql.tada";
import { useCallback, useRef } from "react";
import { useClient } from "urql";
import { outcomeOf, tellFailure } from "../graphql/act.ts";
import { explain } from "../graphql/client.ts";
import { over } from "../graphql/tab.ts";
import { askToLeave, discardAll } from "./unsaved.tsx";
import { hasUnsaved } from "./unsaved-work.ts";

/** Milliseconds until the person is told that there is no answer; one that comes later counts all the same. */
const PATIENCE_MS = 5_000;

const tellStill = (why: string) =>
  tellFailure({ code: "SIGN_OUT", message: "You are still signed in", issues: { signOut: `Signing out failed: ${why} Try again.` } });

/** @param signedOut called once the session is over, whoever ended it */
export function useSignOut<Data>(document: TadaDocumentNode<Data, Record<string, never>>, signedOut: () => void): () => void {
  const client = useClient();
  const busy = useRef(false);
  return useCallback(() => {
    async function signOut() {
      if (busy.current) return;
      busy.current = true;
      let isLate = false;
      const late = setTimeout(() => {
        isLate = true;
        busy.current = false;
        tellStill("the server does not answer.");
      }, PATIENCE_MS);
      const { data, error } = await client.mutation(document, {}).toPromise();
      clearTimeout(late);
      busy.current = false;
      const outcome = outcomeOf(error ? undefined : data, error ? explain(error) : "No answer.");
      if (!outcome.ok && error?.response?.status !== 401) return tellStill(outcome.failure.message);
      // What was typed since the page said otherwise stays.
      if (isLate && hasUnsaved()) return over();
      discardAll();
      signedOut();
    }
    askToLeave(() => void signOut());
  }, [client, document, signedOut]);
}
