import type { TadaDocumentNode } from "gql.tada";
import { useCallback, useState } from "react";
import type { AnyVariables } from "urql";
import { type Failure, type Outcome, usePerform } from "../graphql/act.ts";

/** The fields of a panel, what the server said of each, and saving. */
export function useForm<Values extends object>(initial: () => Values) {
  const perform = usePerform();
  const [values, setValues] = useState(initial);
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);

  const set = useCallback((part: Partial<Values>) => setValues((last) => ({ ...last, ...part })), []);
  const reset = useCallback((next: Values) => {
    setValues(next);
    setFailure(undefined);
  }, []);
  /** The issue of an input path, or of anything below it, for the field's error. */
  const issue = (path: string): string | undefined =>
    failure?.issues[path] ?? Object.entries(failure?.issues ?? {}).find(([each]) => each.startsWith(`${path}.`))?.[1];
  const refuse = useCallback(
    (path: string, message: string) => setFailure({ code: "INPUT", message: "Please look again", issues: { [path]: message } }),
    [],
  );

  async function save<Data, Variables extends AnyVariables>(document: TadaDocumentNode<Data, Variables>, variables: Variables) {
    setBusy(true);
    setFailure(undefined);
    const outcome: Outcome<Data> = await perform(document, variables);
    setBusy(false);
    if (outcome.ok) return outcome.value;
    setFailure(outcome.failure);
    return undefined;
  }

  return { values, set, reset, save, busy, failure, issue, refuse };
}

/** Text of a JSON field to its value; `undefined` for text that is no JSON. Empty text is null. */
export function parseJson(text: string): { value: unknown } | undefined {
  if (text.trim() === "") return { value: null };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

export const blank = (text: string): string | null => (text.trim() === "" ? null : text.trim());
