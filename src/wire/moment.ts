/** Moments that ISO 8601 writes with a year of four digits, as every answer shows them: a zone may carry one beyond. */
export const isShowable = (moment: Date): boolean => moment.getUTCFullYear() >= 0 && moment.getUTCFullYear() <= 9_999;

export const UNSHOWABLE = "must lie in the years 0000 to 9999 in UTC";
