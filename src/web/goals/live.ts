import { useEffect } from "react";
import { follow, type LiveStatus } from "../graphql/live.ts";
import { ValueRecorded } from "./documents.ts";

const unheard = () => {};

/**
 * Calls `changed` whenever a value is recorded, for one goal or for all.
 * @param status told how the connection stands; the same function each time
 */
export function useRecorded(goalId: string | undefined, changed: () => void, status: (status: LiveStatus) => void = unheard): void {
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
        status,
        lost: () => {
          changed();
          return undefined;
        },
      }),
    [goalId, changed, status],
  );
}
