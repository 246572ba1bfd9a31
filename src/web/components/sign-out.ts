/** Signing out. Only the server ends a session: until it has said so the person is signed in, and is told that they are. */
import type { TadaDocumentNode } from "gql.tada";
import { useCallback } from "react";
import { useClient } from "urql";
import { outcomeOf, tellFailure } from "../graphql/act.ts";
import { explain } from "../graphql/client.ts";
import { askToLeave, discardAll } from "./unsaved.tsx";

/** Milliseconds until the person is told that there is no answer; one that comes later counts all the same. */
const PATIENCE_MS = 5_000;

const tellStill = (why: string) =>
  tellFailure({ code: "SIGN_OUT", message: "You are still signed in", issues: { signOut: `Signing out failed: ${why} Try again.` } });

/** @param signedOut called once the session is over, whoever ended it */
export function useSignOut<Data>(document: TadaDocumentNode<Data, Record<string, never>>, signedOut: () => void): () => void {
  const client = useClient();
  return useCallback(() => {
    async function signOut() {
      const late = setTimeout(() => tellStill("the server does not answer."), PATIENCE_MS);
      const { data, error } = await client.mutation(document, {}).toPromise();
      clearTimeout(late);
      const outcome = outcomeOf(error ? undefined : data, error ? explain(error) : "No answer.");
      if (!outcome.ok && error?.response?.status !== 401) return tellStill(outcome.failure.message);
      discardAll();
      signedOut();
    }
    askToLeave(() => void signOut());
  }, [client, document, signedOut]);
}
