/** An engine over a fresh database, and the few questions that tests of single deliveries ask. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../src/config.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import type { EngineOptions } from "../../src/engine.ts";
import type { EventInput } from "../../src/events/input.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";

export interface LoggedAttempt {
  number: number;
  outcome: string;
  status_code: number | null;
  error_code: string | null;
  error_description: string | null;
  warning: string | null;
  request_url: string;
  request_headers: Record<string, string> | null;
  request_body: string | null;
  request_tail: string | null;
  response_body: string | null;
  response_headers: Record<string, unknown> | null;
  response_truncated: boolean;
  rerendered: boolean;
}

export interface Delivery {
  t: TestCore;
  engine: TestEngine;
  /** @returns its id */
  definition(input: Record<string, unknown>): Promise<string>;
  /** @returns the event's id */
  emit(type: string, more?: Partial<EventInput>): Promise<string>;
  /** Waits until the request of a definition has this state. @returns its id */
  request(definitionId: string, state: string, eventId?: string): Promise<string>;
  attempts(requestId: string): Promise<LoggedAttempt[]>;
  close(): Promise<void>;
}

export async function openDelivery(config: Partial<Config> = {}, options: Partial<EngineOptions> = {}): Promise<Delivery> {
  const t = await testCore({ retryScale: 0.001, ...config });
  const engine = await testEngine(t.core, options);
  const { pool } = t.core.db;
  return {
    t,
    engine,
    async definition(input) {
      const { definition } = await createDefinition(t.core, t.admin, { name: "test", ...input } as never, engine.engine);
      return definition.id;
    },
    async emit(type, more = {}) {
      const { events } = await engine.engine.ingest.emit(t.organizationId, [{ type, payload: "{}", ...more }]);
      return events[0]?.id as string;
    },
    async request(definitionId, state, eventId) {
      let seen: unknown;
      for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(20)) {
        const { rows } = await pool.query<{ id: string; state: string }>(
          "SELECT id, state, error_code, attempt_count FROM webhook_request WHERE definition_id = $1 AND ($2::uuid IS NULL OR event_id = $2) ORDER BY id",
          [definitionId, eventId ?? null],
        );
        seen = rows;
        const found = rows.find((row) => row.state === state);
        if (found) return found.id;
      }
      throw new Error(`no request is ${state}: ${JSON.stringify(seen)}`);
    },
    attempts: async (requestId) =>
      (await pool.query<LoggedAttempt>("SELECT * FROM attempt WHERE request_id = $1 ORDER BY number", [requestId])).rows,
    async close() {
      await engine.close();
      await t.close();
    },
  };
}
