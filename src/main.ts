/**
 * `npm start`. Imports nothing but Node, the settings of memory, the signal handlers and what finds the server's files before the compile
 * cache is on: what Node makes of them is then kept beside node_modules, and the next start reads it.
 */
import { load } from "./bundle.ts";
import { settleMemory } from "./memory.ts";
import { handleSignals } from "./signals.ts";

settleMemory();
const ending = handleSignals();
const { serve } = await load<typeof import("./serve.ts")>("serve");
await serve(ending);
