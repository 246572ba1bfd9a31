/** The Authorization header, read in one pass: no pattern is tried from every place of it. Pure. */

/** Characters; a longer one is nobody's. */
export const LONGEST_AUTHORIZATION = 1_024;

export interface Credentials {
  /** In lower case. */
  scheme: string;
  /** Without blanks at its ends; never empty. */
  text: string;
}

/** @returns undefined for a missing header, one that is too long, and one without credentials */
export function readAuthorization(header: string | undefined): Credentials | undefined {
  if (header === undefined || header.length > LONGEST_AUTHORIZATION) return undefined;
  const space = header.indexOf(" ");
  if (space <= 0) return undefined;
  const text = header.slice(space + 1).trim();
  return text === "" ? undefined : { scheme: header.slice(0, space).toLowerCase(), text };
}

/** The credentials of one scheme; undefined for others. */
export function credentialsOf(header: string | undefined, scheme: string): string | undefined {
  const read = readAuthorization(header);
  return read?.scheme === scheme ? read.text : undefined;
}
