/** What a scenario of the demo plays on: a platform that runs, and a way to wait that Ctrl-C ends. */
import type { App } from "../../src/app.ts";
import type { Api } from "../../src/cli/client.ts";
import type { Receiver } from "./receiver.ts";

export interface Stage {
  app: App;
  api: Api;
  receiver: Receiver;
  /** Ends what follows the live log; aborted when the demo is over. */
  ended: AbortController;
  say(text?: string): void;
  /** @returns false when it did not become true in time. @throws Interrupted */
  until(condition: () => boolean, patienceMs?: number): Promise<boolean>;
  /** `--break`: which evidence is spoiled, so that the demo must fail. */
  spoil: string | undefined;
}

export interface Claim {
  name: string;
  holds: boolean;
  detail: string;
}
