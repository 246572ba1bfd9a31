/**
 * Parsed documents, kept for clients that ask the same again: small ones only, and so many bytes of them. The one not asked
 * for longest goes first. A large document costs its parsing each time, and is forgotten.
 */
import type { DocumentNode } from "graphql";
import { Kept } from "../../kept.ts";

const LONGEST = 16 * 1024;
/** Characters of all texts together; a parsed document takes about thirty times as many bytes. */
const MOST = 2 ** 20;

export interface DocumentCache {
  get(text: string): DocumentNode | undefined;
  set(text: string, document: DocumentNode): void;
  delete(text: string): void;
}

export function createDocumentCache(): DocumentCache {
  const documents = new Kept<DocumentNode>({ characters: MOST });
  return {
    get: (text) => documents.use(text),
    set(text, document) {
      if (text.length <= LONGEST) documents.set(text, document, text.length);
    },
    delete: (text) => documents.delete(text),
  };
}

/** Errors are found again: a text that does not parse is not worth keeping. */
export const NO_CACHE = { get: () => undefined, set: () => undefined, delete: () => undefined };
