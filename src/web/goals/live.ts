import { useEffect } from "react";
import { follow } from "../graphql/live.ts";
import { ValueRecorded } from "./documents.ts";

/** Calls `changed` whenever a value is recorded, for one goal or for all. */
export function useRecorded(goalId: string | undefined, changed: () => void): void {
  useEffect(
    () =>
      follow({
        document: ValueRecorded,
        variables: goalId === undefined ? {} : { goalId },
        after: undefined,
        next: ({ goalValueRecorded: update }) => {
          changed();
          return update.cursor;
        },
        status: () => {},
        lost: () => {
          changed();
          return undefined;
        },
      }),
    [goalId, changed],
  );
}
