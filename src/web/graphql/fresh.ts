/** A query that is asked again and again while somebody looks, and that knows how old its answer is. */
import type { TadaDocumentNode } from "gql.tada";
import { useCallback, useEffect, useRef, useState } from "react";
import { type AnyVariables, useClient } from "urql";
import { explain } from "./client.ts";

/** Milliseconds between an answer and the next question: with the answer itself below three seconds. */
export const POLL_MS = 2_000;
/** A server that takes longer has not answered. */
const PATIENCE_MS = 8_000;
/** A question that is costly to answer is asked more rarely: the pause is at least so many times what the answer took. */
const SHARE = 5;

export interface Fresh<Data> {
  data: Data | undefined;
  /** When the server was asked for this data, in milliseconds; undefined before the first answer. */
  at: number | undefined;
  /** Why the last question has no answer. */
  error: string | undefined;
  /** Asks at once. */
  ask: () => Promise<void>;
}

interface State<Data> {
  key: string;
  data?: Data;
  at?: number;
  error?: string | undefined;
}

/**
 * A failure keeps the last data, and says so. Other variables, other data: the last ones' are not shown for them.
 * @param variables of each question, made when it is asked
 * @param key what the variables depend on
 */
export function useFresh<Data, Variables extends AnyVariables>(
  document: TadaDocumentNode<Data, Variables>,
  variables: () => Variables,
  key = "",
): Fresh<Data> {
  const client = useClient();
  const [state, setState] = useState<State<Data>>({ key });
  const make = useRef(variables);
  make.current = variables;
  const newest = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const looking = useRef(false);

  const ask = useCallback(async (): Promise<void> => {
    const mine = ++newest.current;
    clearTimeout(timer.current);
    const begun = Date.now();
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MS));
    const asked = client.query(document, make.current(), { requestPolicy: "network-only" }).toPromise();
    const answer = await Promise.race([asked, late]);
    // A later question was asked meanwhile, or the page was left: its answer counts.
    if (mine !== newest.current || !looking.current) return;
    const data = answer?.data;
    if (data) setState({ key, data, at: begun });
    else {
      const error = answer?.error ? explain(answer.error) : "The server does not answer.";
      setState((last) => ({ ...(last.key === key ? last : { key }), error }));
    }
    const pause = Math.max(POLL_MS, data ? SHARE * (Date.now() - begun) : 0);
    timer.current = setTimeout(() => globalThis.document.visibilityState === "visible" && void ask(), pause);
  }, [client, document, key]);

  useEffect(() => {
    looking.current = true;
    const seen = () => globalThis.document.visibilityState === "visible" && void ask();
    globalThis.document.addEventListener("visibilitychange", seen);
    void ask();
    return () => {
      looking.current = false;
      clearTimeout(timer.current);
      globalThis.document.removeEventListener("visibilitychange", seen);
    };
  }, [ask]);

  const shown = state.key === key ? state : { key };
  return { data: shown.data, at: shown.at, error: shown.error, ask };
}
