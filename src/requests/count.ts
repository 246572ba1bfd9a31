/** How many rows a list has: exact up to a bound, so that a look at a long log costs no more than at a short one. Pure. */
import { MOST_COUNTED } from "../accounts/keyset.ts";

export interface Count {
  count: number;
  /** There are more, or may be. */
  capped: boolean;
}

/** @param found counted up to one more than the bound */
export const countOf = (found: number): Count => ({ count: Math.min(found, MOST_COUNTED), capped: found > MOST_COUNTED });
