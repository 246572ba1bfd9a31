/**
 * An attempt's body. One that holds its event's payload as it came is kept as what stands before it and behind it, with signs
 * for what else the event says (sent-text.ts), so that the log does not store every event again.
 * @param attempt @param event aliases of the tables
 */
export const sentBody = (attempt: string, event: string): string =>
  `CASE WHEN ${attempt}.request_tail IS NULL THEN ${attempt}.request_body
     ELSE replace(replace(replace(${attempt}.request_body,
         chr(1), '{"specversion":"1.0","id":"evt_' || replace(${event}.id::text, '-', '') || '","source":'),
         chr(2), '"type":"' || ${event}.type || '",'),
         chr(3), '"time":"' || to_char(${event}.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '",')
       || ${event}.payload || ${attempt}.request_tail END`;

/** An attempt's headers, the event's id among them. @param eventId an expression */
export const sentHeaders = (attempt: string, eventId: string): string =>
  `CASE WHEN ${attempt}.request_headers->>'webhook-id' = chr(1)
     THEN jsonb_set(${attempt}.request_headers, '{webhook-id}', to_jsonb('evt_' || replace((${eventId})::text, '-', ''))) ELSE ${attempt}.request_headers END`;
