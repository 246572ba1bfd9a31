/** What the log has of a definition's attempts, in the order they began. */
import { type RowTest, type Target, uuid } from "./row.ts";

export interface AttemptRow {
  outcome: string;
  error_code: string | null;
  status_code: number | null;
  duration_ms: number;
  /** Stored bytes. */
  body: number;
  location: string | null;
  /** Milliseconds since 1970. */
  started: number;
}

export function attemptsOf({ platform }: Pick<RowTest, "platform">, target: Target): Promise<AttemptRow[]> {
  return platform.postgres.query<AttemptRow>(
    `SELECT a.outcome, a.error_code, a.status_code, a.duration_ms, COALESCE(octet_length(a.response_body), 0) AS body,
       a.response_headers->>'location' AS location, extract(epoch FROM a.started_at)::float8 * 1000 AS started
     FROM attempt a JOIN webhook_request r ON r.id = a.request_id WHERE r.definition_id = $1 ORDER BY a.started_at`,
    [uuid(target.id)],
  );
}
