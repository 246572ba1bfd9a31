/** @param text of an address; undefined: no request has such a number, which then is not asked for. */
export function requestNumber(text: string | undefined): number | undefined {
  // Number() takes more than a number's digits: "", " 1", 1e3, 0x10.
  const number = /^[1-9]\d{0,15}$/.test(text ?? "") ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
