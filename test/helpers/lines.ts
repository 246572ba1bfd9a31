/** A log whose lines a test can read. */
import pino from "pino";
import type { Log } from "../../src/observe/log.ts";

export interface Lines {
  log: Log;
  lines: Record<string, unknown>[];
}

export function collectLines(): Lines {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>) });
  return { log, lines };
}
