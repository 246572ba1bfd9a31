/** How a baseline talks to the bench: it is asked over IPC, one question at a time, and answers each. */

export interface Prepare {
  /** Empty database; absent for programs without one. */
  databaseUrl?: string;
  receiverUrl?: string;
  /** JSON texts without their opening brace and number: `{"n":<i>,` + payloads[i % length] is a body. */
  payloads: string[];
}

export interface Run {
  count: number;
  /** How many at once. */
  width: number;
  /** First number of a body. */
  offset: number;
}

type Question = { prepare: Prepare } | { run: Run };

/** Serves `prepare` and `run`; what they return is the answer. */
export function program(handlers: { prepare: (input: Prepare) => Promise<object>; run?: (input: Run) => Promise<object> }): void {
  process.on("message", (question: Question) => {
    const answer = "prepare" in question ? handlers.prepare(question.prepare) : handlers.run?.(question.run);
    Promise.resolve(answer).then(
      (value) => process.send?.({ ok: value ?? {} }),
      (error: Error) => process.send?.({ error: error.stack ?? error.message }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ ok: {} });
}

export const bodyOf = (payloads: readonly string[], i: number): string => `{"n":${i},${payloads[i % payloads.length]}`;

/** Runs `work` for 0 … count-1, so many at a time. */
export async function inFlight(width: number, count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}
