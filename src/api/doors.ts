/** What every door (GraphQL, REST, a face) is given: built once in app.ts, passed by hand. */
import type { Core } from "../core.ts";
import type { Plans } from "../delivery/plan.ts";
import type { Sandbox } from "../delivery/sandbox/sandbox.ts";
import type { Sender } from "../delivery/sender.ts";
import type { PayloadQuery } from "../delivery/shaping.ts";
import type { Ingest } from "../events/ingest.ts";
import type { Feed } from "../live/feed.ts";

export interface Doors {
  core: Core;
  ingest: Ingest;
  feed: Feed;
  /** Where clients reach us, without a trailing slash: HOOKLINE_PUBLIC_URL, else where this process listens. */
  publicUrl: () => string;
  /** Checks scripts and transformations, runs dry runs. */
  sandbox: Sandbox;
  payloadQuery: PayloadQuery;
  /** For calls outside every lane: tests of a definition. */
  sender: Sender;
  plans: Plans;
}
