/** Asking past the client, which parses numbers and sorts names: for payloads that are to arrive as they were written. */
import { stringifyDocument } from "@urql/core";
import type { TadaDocumentNode } from "gql.tada";
import { type Outcome, outcomeOf } from "./act.ts";
import { stringify } from "./json-text.ts";
import { tabFetch } from "./tab.ts";

/** @returns the answer's text; undefined: the server does not answer */
export async function askExactly(document: TadaDocumentNode<unknown, never>, variables: object): Promise<string | undefined> {
  const response = await tabFetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: stringify({ query: stringifyDocument(document), variables }),
  }).catch(() => undefined);
  return response?.text().catch(() => undefined);
}

/** Runs a mutation document whose variables hold Verbatim values. */
export async function performExactly<Data>(document: TadaDocumentNode<Data, never>, variables: object): Promise<Outcome<Data>> {
  const text = await askExactly(document, variables);
  const answer = text === undefined ? undefined : parsed<Data>(text);
  const refused = answer?.errors?.map((each) => each.message).join("; ");
  return outcomeOf(refused === undefined ? answer?.data : undefined, refused ?? "The server cannot be reached.");
}

function parsed<Data>(text: string): { data?: Data; errors?: { message: string }[] } | undefined {
  try {
    return JSON.parse(text) as { data?: Data; errors?: { message: string }[] };
  } catch {
    return undefined;
  }
}
