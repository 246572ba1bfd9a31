/** Every row, in the order of its name. */
import type { LoneRow, Row } from "./row.ts";
import { changes } from "./rows/changes.ts";
import { clients } from "./rows/clients.ts";
import { connections } from "./rows/connections.ts";
import { database } from "./rows/database.ts";
import { edges } from "./rows/edges.ts";
import { failover } from "./rows/failover.ts";
import { fairness } from "./rows/fairness.ts";
import { kills } from "./rows/kills.ts";
import { lanes } from "./rows/lanes.ts";
import { load } from "./rows/load.ts";
import { machine } from "./rows/machine.ts";
import { mix } from "./rows/mix.ts";
import { receivers } from "./rows/receivers.ts";
import { snapshots } from "./rows/snapshots.ts";

const all: readonly (readonly (Row | LoneRow)[])[] = [
  changes,
  clients,
  connections,
  database,
  edges,
  failover,
  fairness,
  kills,
  lanes,
  load,
  machine,
  mix,
  receivers,
  snapshots,
];

export const rows = all.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
