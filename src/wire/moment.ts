/** Moments that ISO 8601 writes with a year of four digits, as every answer shows them: a zone may carry one beyond. Postgres has no year 0. */
export const isShowable = (moment: Date): boolean => moment.getUTCFullYear() >= 1 && moment.getUTCFullYear() <= 9_999;

export const UNSHOWABLE = "must lie in the years 0001 to 9999 in UTC";
