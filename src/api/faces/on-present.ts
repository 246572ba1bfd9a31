/** A patch is made of what is there: where that was changed meanwhile it is made anew, so that no change is lost. */
import { ConflictError } from "../../errors.ts";

const TRIES = 20;

/** @param patch reads, and writes what it read on the condition that nobody changed it; throws ConflictError CHANGED_MEANWHILE else */
export async function onPresent<T>(patch: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await patch();
    } catch (error) {
      if (!(error instanceof ConflictError) || error.code !== "CHANGED_MEANWHILE" || tries === TRIES) throw error;
    }
  }
}
