/** One logger; secrets never reach it: whoever logs a URL passes it through `maskUrl` (observe/mask.ts) first. */
import pino from "pino";
import type { Config } from "../config.ts";

export type Log = pino.Logger;

/** JSON lines on standard error, so that standard output stays the banner's and the command line's. */
export function createLog(config: Pick<Config, "logLevel">): Log {
  return pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: false }));
}
