/** Times as somebody types them: `36` would be the year 2036, and one without a zone another moment on another machine. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Whether it is written as a time with its zone; there may be no such time. */
export const isMoment = (text: string): boolean => MOMENT.test(text);

/** A day begins at midnight UTC. */
export const isMomentOrDay = (text: string): boolean => isMoment(text) || DAY.test(text);
