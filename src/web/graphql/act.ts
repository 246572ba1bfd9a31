/** Mutations: their typed errors become a value that forms and buttons can show. */
import { notifications } from "@mantine/notifications";
import type { TadaDocumentNode } from "gql.tada";
import { useCallback, useRef, useState } from "react";
import { type AnyVariables, useClient } from "urql";
import { explain } from "./client.ts";
import { graphql } from "./tada.ts";

/** Spread into every mutation's result: `...Problem`. */
export const Problem = graphql(`
  fragment Problem on Error {
    __typename
    code
    message
    ... on ValidationError {
      issues {
        path
        message
      }
    }
  }
`);

export interface Failure {
  code: string;
  message: string;
  /** Message per input path, such as `targetUrl` or `headers.X-Foo`. */
  issues: Record<string, string>;
}

type Errors = {
  __typename: "ValidationError" | "NotFoundError" | "ConflictError" | "ForbiddenError" | "RateLimitedError" | "UnauthenticatedError";
};
type Value<Data> = Exclude<NonNullable<Data[keyof Data]>, Errors>;
export type Outcome<Data> = { ok: true; value: Value<Data> } | { ok: false; failure: Failure };

/** @param data of a mutation document (one field, one input); undefined: there is no answer, and `problem` says why */
export function outcomeOf<Data>(data: Data | undefined, problem: string): Outcome<Data> {
  if (!data) return { ok: false, failure: { code: "UNREACHABLE", message: problem, issues: {} } };
  const result = Object.values(data as object)[0] as unknown as {
    __typename: string;
    code?: string;
    message?: string;
    issues?: { path: string; message: string }[];
  };
  if (!result.__typename.endsWith("Error")) return { ok: true, value: result as unknown as Value<Data> };
  const issues = Object.fromEntries((result.issues ?? []).map((issue) => [issue.path, issue.message]));
  return { ok: false, failure: { code: result.code ?? "", message: result.message ?? "", issues } };
}

/** Returns a function that runs a mutation document (one field, one input). */
export function usePerform() {
  const client = useClient();
  return useCallback(
    async <Data, Variables extends AnyVariables>(
      document: TadaDocumentNode<Data, Variables>,
      variables: Variables,
    ): Promise<Outcome<Data>> => {
      const { data, error } = await client.mutation(document, variables).toPromise();
      return outcomeOf(error ? undefined : data, error ? explain(error) : "No answer");
    },
    [client],
  );
}

export function tell(message: string): void {
  notifications.show({ message, color: "accent" });
}
/** Questions and panels that are acting at the moment; the last is the uppermost. */
const takers: ((failure: Failure) => void)[] = [];

/** @returns what went wrong during `action`, for the question or panel that stands over the page; undefined when nothing did */
export async function takeFailures(action: () => unknown): Promise<Failure | undefined> {
  let taken: Failure | undefined;
  const take = (failure: Failure) => {
    taken ??= failure;
  };
  takers.push(take);
  try {
    await action();
  } finally {
    takers.splice(takers.indexOf(take), 1);
  }
  return taken;
}

export function tellFailure(failure: Failure): void {
  const take = takers.at(-1);
  if (take) {
    take(failure);
    return;
  }
  const detail = Object.values(failure.issues).join("; ");
  notifications.show({ title: failure.message, message: detail === failure.message ? "" : detail, color: "red", autoClose: 9000 });
}

/**
 * For buttons: runs one action at a time, says when it went wrong, and `done` when it went well.
 * `inPlace`: what went wrong is in `failure`, for a Refusal beside the button; else it is a notification.
 */
export function useAct({ inPlace = false } = {}) {
  const perform = usePerform();
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  const run = useCallback(
    async <Data>(action: () => Promise<Outcome<Data>>, done?: string): Promise<Value<Data> | undefined> => {
      if (running.current) return undefined;
      running.current = true;
      setBusy(true);
      setFailure(undefined);
      const outcome = await action();
      running.current = false;
      setBusy(false);
      if (!outcome.ok) {
        if (inPlace) setFailure(outcome.failure);
        else tellFailure(outcome.failure);
        return undefined;
      }
      if (done !== undefined) tell(done);
      return outcome.value;
    },
    [inPlace],
  );
  const act = useCallback(
    <Data, Variables extends AnyVariables>(document: TadaDocumentNode<Data, Variables>, variables: Variables, done?: string) =>
      run(() => perform(document, variables), done),
    [perform, run],
  );
  return { act, run, busy, failure };
}
