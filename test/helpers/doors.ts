/** The doors' parts that resolvers of configuration need, for tests that ask the schema without a server. */
import type { Doors } from "../../src/api/doors.ts";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createQueue } from "../../src/db/queue.ts";
import { createCatalogs } from "../../src/definitions/catalog.ts";
import { createNumbers } from "../../src/delivery/numbers.ts";
import type { Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { createIngest } from "../../src/events/ingest.ts";
import type { TestCore } from "./database.ts";

export function testDoors(t: TestCore, sandbox: Sandbox): Doors {
  const ingest = createIngest(t.core, {
    lanes: undefined,
    catalogs: createCatalogs(),
    numbers: createNumbers(t.core.db, t.core.clock),
    queue: createQueue(t.url, t.core.log, { worker: false }),
  });
  return { core: t.core, ingest, sandbox, payloadQuery: createPayloadQuery() } as unknown as Doors;
}
