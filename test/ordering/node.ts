/** What histories are played on: engines in this process (../helpers/node.ts), or processes (processes.ts). */
import type { EventInput } from "../../src/events/input.ts";
import type { Death } from "../helpers/node.ts";

/** It takes events in, and perhaps delivers. */
export interface Node {
  readonly name: string;
  readonly ingest: { emit(organizationId: string, inputs: EventInput[]): Promise<unknown> };
  readonly worker?: { readonly stats: object } | undefined;
  readonly killedAt: number | undefined;
  kill(how?: Death): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}
