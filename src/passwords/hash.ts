/**
 * Passwords as they are stored: `scrypt$N=32768,r=8,p=3$<salt>$<hash>`, salt and hash in base64url. The numbers are OWASP's
 * for 32 MiB; a hash without numbers is of 0.1, which had p=1.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { type ScryptNumbers, scrypt } from "./pool.ts";

const NUMBERS: ScryptNumbers = { N: 2 ** 15, r: 8, p: 3 };
const FIRST_NUMBERS: ScryptNumbers = { N: 2 ** 15, r: 8, p: 1 };
const LENGTH = 32;

const textOf = ({ N, r, p }: ScryptNumbers) => `N=${N},r=${r},p=${p}`;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await scrypt(password, salt, LENGTH, NUMBERS);
  return `scrypt$${textOf(NUMBERS)}$${salt.toString("base64url")}$${Buffer.from(hash).toString("base64url")}`;
}

interface Stored {
  numbers: ScryptNumbers;
  salt: Buffer;
  hash: Buffer;
}

/** Powers of two up to 2^20, and p up to 16: what a stored text may cost. */
const FORM = /^scrypt\$N=(\d{4,7}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9_-]{8,64})\$([A-Za-z0-9_-]{43})$/;
const FIRST_FORM = /^scrypt\$([A-Za-z0-9_-]{8,64})\$([A-Za-z0-9_-]{43})$/;

function read(stored: string): Stored | undefined {
  const bytes = (text: string | undefined) => Buffer.from(text ?? "", "base64url");
  const found = FORM.exec(stored);
  if (found)
    return { numbers: { N: Number(found[1]), r: Number(found[2]), p: Number(found[3]) }, salt: bytes(found[4]), hash: bytes(found[5]) };
  const first = FIRST_FORM.exec(stored);
  return first ? { numbers: FIRST_NUMBERS, salt: bytes(first[1]), hash: bytes(first[2]) } : undefined;
}

const NOBODY: Stored = { numbers: NUMBERS, salt: randomBytes(16), hash: randomBytes(LENGTH) };

/** Takes the same time for an unknown user (`stored` null) as for a wrong password. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const { numbers, salt, hash } = (stored === null ? undefined : read(stored)) ?? NOBODY;
  const actual = await scrypt(password, salt, LENGTH, numbers);
  return timingSafeEqual(actual, hash) && stored !== null;
}

/** Whether it was made with weaker numbers than today's: to be made anew when its password is at hand. */
export const isOutdated = (stored: string): boolean => !stored.startsWith(`scrypt$${textOf(NUMBERS)}$`);
