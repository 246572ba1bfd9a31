/**
 * An attempt's body. One that holds its event's payload as it came is kept as what stands before it and behind it, so that
 * the log does not store every payload again (`cutPayload` in sent-text.ts). @param attempt @param event aliases of the tables
 */
export const sentBody = (attempt: string, event: string): string =>
  `CASE WHEN ${attempt}.request_tail IS NULL THEN ${attempt}.request_body
     ELSE ${attempt}.request_body || ${event}.payload || ${attempt}.request_tail END`;
