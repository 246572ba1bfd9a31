/**
 * Parsed documents, kept for clients that ask the same again: small ones only, and so many bytes of them. The one not asked
 * for longest goes first. A large document costs its parsing each time, and is forgotten.
 */
import type { DocumentNode } from "graphql";

const LONGEST = 16 * 1024;
/** Characters of all texts together; a parsed document takes about thirty times as many bytes. */
const MOST = 2 ** 20;

export interface DocumentCache {
  get(text: string): DocumentNode | undefined;
  set(text: string, document: DocumentNode): void;
  delete(text: string): void;
}

export function createDocumentCache(): DocumentCache {
  const documents = new Map<string, DocumentNode>();
  let characters = 0;
  const forget = (text: string) => {
    if (documents.delete(text)) characters -= text.length;
  };
  return {
    get(text) {
      const document = documents.get(text);
      if (document) {
        documents.delete(text);
        documents.set(text, document);
      }
      return document;
    },
    set(text, document) {
      if (text.length > LONGEST) return;
      forget(text);
      documents.set(text, document);
      characters += text.length;
      for (const oldest of documents.keys()) {
        if (characters <= MOST) break;
        forget(oldest);
      }
    },
    delete: forget,
  };
}

/** Errors are found again: a text that does not parse is not worth keeping. */
export const NO_CACHE = { get: () => undefined, set: () => undefined, delete: () => undefined };
