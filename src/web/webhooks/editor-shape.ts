/** What stands in the fields of the webhook's editor. */
import type { Dialect, OnExhausted, Ordering } from "./dialects.ts";

export interface EditorValues {
  name: string;
  code: string;
  codeTouched: boolean;
  description: string;
  dialect: Dialect;
  target: "url" | "connection" | "script";
  targetUrl: string;
  connectionId: string | null;
  scriptId: string | null;
  eventTypes: string[];
  filter: unknown;
  /** Why what stands in the filter is none yet. */
  filterMistake: string | null;
  /** Null: as the dialect says. */
  ordering: Ordering | null;
  concurrency: number | null;
  onExhausted: OnExhausted | null;
  /** Seconds; null: as the dialect says. */
  retrySchedule: string[] | null;
  timeoutMs: number | null;
  maxConsecutiveErrors: number | null;
  headers: { name: string; value: string }[];
  headersTouched: boolean;
  properties: string;
  signatureVersions: ("V1" | "V1A")[];
  secretKeyId: string | null;
  hmacAlgorithm: "SHA256" | "SHA1";
  hmacEncoding: "HEX" | "BASE64";
  fieldsSet: string[];
  transformation: string;
  payloadQuery: string;
  errorsEmail: string;
}
