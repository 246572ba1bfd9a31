/** Where a definition's or a connection's target may lead: decided when it is saved, by the rules that sending keeps. */
import type { Core } from "../core.ts";
import { createEgress, type Egress } from "../delivery/egress.ts";

const egresses = new WeakMap<Core, Egress>();

export function egressOf(core: Core): Egress {
  let egress = egresses.get(core);
  if (!egress) {
    egress = createEgress({ allow: core.config.egressAllow });
    egresses.set(core, egress);
  }
  return egress;
}
