/** What the address says, shown at once. */
import { useState } from "react";

/**
 * The router follows a change of address in a transition of React, which may take its time: until then a control that is bound to the
 * address would jump back to what was there before.
 *
 * @param said by the address
 * @returns what to show, and how to show what was just chosen
 */
export function useAtOnce<T extends string | boolean>(said: T): [T, (chosen: T) => void] {
  const [own, setOwn] = useState({ said, chosen: said });
  if (own.said !== said) setOwn({ said, chosen: said });
  return [own.said === said ? own.chosen : said, (chosen) => setOwn({ said, chosen })];
}
