/** Errors of ours that a pool throws beneath Prisma. */
import { HooklineError } from "../errors.ts";

/** What was thrown to Prisma, which makes a PrismaClientKnownRequestError of it: its class, its words and when to come again stay. */
export function thrownThrough(error: unknown): unknown {
  const thrown = (error as { meta?: { thrown?: unknown } } | null)?.meta?.thrown;
  return thrown instanceof HooklineError ? thrown : error;
}

export async function unwrapping<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw thrownThrough(error);
  }
}
