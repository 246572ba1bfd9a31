/** What a command says, and the examples that its help ends with. */

export interface Output {
  /** Standard output: the result. */
  out(text: string): void;
  /** Standard error: for people. */
  note(text: string): void;
}

export const examples = (text: string) => `\nExamples:\n${text.replace(/^/gm, "  ")}`;
