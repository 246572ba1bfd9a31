/**
 * An attempt has no id of its own: it is its request's, the last 16 bits replaced by the attempt's number. Two requests
 * that share the other 112 bits do not exist: 46 of those are random, for each millisecond and step of the counter. Pure.
 */
const NUMBERS = 0x1_0000;

/** @param requestId UUID @param number from 1 @returns UUID */
export function attemptId(requestId: string, number: number): string {
  return requestId.slice(0, -4) + (number % NUMBERS).toString(16).padStart(4, "0");
}

/** Which attempt an id means: the one with this number, of the request whose id is in the range. */
export interface AttemptPlace {
  lowest: string;
  highest: string;
  number: number;
}

export function attemptPlace(id: string): AttemptPlace {
  const stem = id.slice(0, -4);
  return { lowest: `${stem}0000`, highest: `${stem}ffff`, number: Number.parseInt(id.slice(-4), 16) };
}
