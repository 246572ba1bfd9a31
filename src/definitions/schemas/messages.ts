/** What those who judge payloads and their threads say to each other. */

/** Mistakes that one payload, or one call, is told. */
export const MOST_MISTAKES = 20;

export interface Judging {
  /** JSON text of a schema. */
  schema: string;
  /** JSON texts to judge by it. */
  values: readonly string[];
}

export interface Mistake {
  /** Which of the values. */
  value: number;
  /** JSON Pointer into it; empty: the value as a whole. */
  pointer: string;
  message: string;
}

export interface Judgement {
  /** Why nothing could be judged by this schema. */
  problem?: string;
  /** Its time was over: the machine may have been busy. */
  late?: boolean;
  mistakes: readonly Mistake[];
}
