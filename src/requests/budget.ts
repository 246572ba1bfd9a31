/**
 * What one operation may answer with, and what it may read for that: counted while it grows, so that a page of large bodies is
 * given up early and never held as a whole.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { TooLargeError } from "../errors.ts";

/** Bytes of one answer, whatever the door. */
export const MOST_ANSWERED = 32 * 2 ** 20;
/** Bytes that may be read for it: a body is read together with its neighbour, whichever is asked for. */
const MOST_READ = 2 * MOST_ANSWERED;

export const answerTooLarge = (): TooLargeError =>
  new TooLargeError(`the answer would be larger than ${MOST_ANSWERED / 2 ** 20} MiB; ask for less of it`);

export class Budget {
  #answered = 0;
  #read = 0;
  #turn: Promise<unknown> = Promise.resolve();
  exceeded = false;

  /** @throws TooLargeError from the first byte too many on */
  answer(bytes: number): void {
    this.#answered += bytes;
    this.exceeded ||= this.#answered > MOST_ANSWERED;
    if (this.exceeded) throw answerTooLarge();
  }

  /** One reading after another: what is too much is known before the next one. */
  read<Row>(load: () => Promise<Row[]>, bytesOf: (row: Row) => number): Promise<Row[]> {
    const turn = this.#turn.then(async () => {
      if (this.exceeded) throw answerTooLarge();
      const rows = await load();
      for (const row of rows) this.#read += bytesOf(row);
      this.exceeded ||= this.#read > MOST_READ;
      if (this.exceeded) throw answerTooLarge();
      return rows;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

const budgets = new AsyncLocalStorage<Budget>();

/** Of the operation that runs now; undefined outside of one. */
export const currentBudget = (): Budget | undefined => budgets.getStore();

export function withBudget<T>(budget: Budget, work: () => T): T {
  return budgets.run(budget, work);
}

/** Reads bodies within the operation's budget; outside of one as it comes. */
export function readBodies<Row>(load: () => Promise<Row[]>, bytesOf: (row: Row) => number): Promise<Row[]> {
  return currentBudget()?.read(load, bytesOf) ?? load();
}
