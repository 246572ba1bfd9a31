/** Every row, in the order of its name. */
import type { LoneRow, Row } from "./row.ts";
import { database } from "./rows/database.ts";
import { edges } from "./rows/edges.ts";
import { failover } from "./rows/failover.ts";
import { kills } from "./rows/kills.ts";
import { lanes } from "./rows/lanes.ts";
import { load } from "./rows/load.ts";
import { receivers } from "./rows/receivers.ts";

export const rows: readonly (Row | LoneRow)[] = [...edges, ...failover, ...kills, ...database, ...lanes, ...receivers, ...load].sort(
  (a, b) => (a.id < b.id ? -1 : 1),
);
