/** What every door (GraphQL, REST, a face) is given: built once in app.ts, passed by hand. */
import type { Core } from "../core.ts";
import type { Engine } from "../engine.ts";

/** `sandbox` and `payloadQuery` check sources and run dry runs; `sender` and `plans` serve tests of a definition, outside every lane. */
export interface Doors
  extends Pick<
    Engine,
    "ingest" | "quotas" | "feed" | "sandbox" | "payloadQuery" | "sender" | "plans" | "numbers" | "processId" | "egress" | "jobs"
  > {
  core: Core;
  /** Where clients reach us, without a trailing slash: HOOKLINE_PUBLIC_URL, else where this process listens. */
  publicUrl: () => string;
}
