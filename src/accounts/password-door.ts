/**
 * The way past a password, whichever door it is: tries are counted per account and per address, over all processes, before
 * anything is computed; a try that was right is given back. Pairs that were right a moment ago cost no scrypt; wrong ones are
 * never kept.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Core } from "../core.ts";
import { RateLimitedError } from "../errors.ts";
import { verifyPassword } from "../passwords/hash.ts";
import { type Limit, type Rate, rateStatements } from "./rate-limit.ts";

const PER_ACCOUNT: Limit = { count: 10, seconds: 60 };
const PER_ADDRESS: Limit = { count: 30, seconds: 60 };
const KEPT = 1_000;
const KEPT_MS = 60_000;

export interface Subject {
  id: string;
  /** As stored; null: no password is theirs. */
  hash: string | null;
}

export interface PasswordTry {
  /** What was typed as the account: counted where there is no such account, so that both are limited alike. */
  account: string;
  /** Of the caller; undefined counts with nobody. */
  address: string | undefined;
  /** Whose password it may be: of several accounts, every one that it fits is found. */
  subjects: readonly Subject[];
  password: string;
}

/** Known to this process alone, so that a dump of its memory is what it takes to try passwords against the pairs. */
const secret = randomBytes(32);
/** When each right pair is forgotten, by its HMAC. */
const right = new Map<string, number>();

const pairOf = (subject: Subject, password: string) =>
  createHmac("sha256", secret)
    .update(JSON.stringify([subject.id, subject.hash, password]))
    .digest("base64");

function remember(pair: string, until: number): void {
  right.delete(pair);
  right.set(pair, until);
  const oldest = right.keys().next().value;
  if (right.size > KEPT && oldest !== undefined) right.delete(oldest);
}

/** An IPv6 network hands out a /64 to each of its customers: one address more costs nothing. */
export function networkOf(address: string): string {
  const plain = address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%")[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  while (tail !== undefined && groups.length + after.length < 8) groups.push("0");
  return `${[...groups, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

const waitOf = (rates: readonly Rate[]) => Math.max(...rates.filter((rate) => rate.exceeded).map((rate) => rate.resetSeconds));

/** What a try is counted by: each account that it is about, under whatever name, and the address. */
function bucketsOf({ account, address, subjects }: PasswordTry): [key: string, limit: Limit][] {
  const accounts = subjects.length > 0 ? subjects.map(({ id }) => id) : [account.toLowerCase()];
  const hashed = (text: string) => createHash("sha256").update(text).digest("base64url");
  return [
    ...accounts.map((each): [string, Limit] => [`password-account:${hashed(each)}`, PER_ACCOUNT]),
    ...(address === undefined ? [] : [[`password-address:${networkOf(address)}`, PER_ADDRESS] as [string, Limit]]),
  ];
}

/**
 * @returns the ids of the subjects whose password it is
 * @throws RateLimitedError too many tries, or too many at once
 */
export async function fittingAtDoor(core: Core, tried: PasswordTry): Promise<string[]> {
  const { subjects, password } = tried;
  const known = subjects.filter(({ hash }) => hash !== null).map((subject) => ({ subject, pair: pairOf(subject, password) }));
  const now = core.clock.monotonic();
  const fits = known.filter(({ pair }) => (right.get(pair) ?? 0) > now);
  if (fits.length > 0 && fits.length === known.length) return fits.map(({ subject }) => subject.id);

  const buckets = bucketsOf(tried);
  const rates = await Promise.all(buckets.map(([key, limit]) => rateStatements.hit(core, key, limit)));
  if (rates.some((rate) => rate.exceeded)) throw new RateLimitedError(waitOf(rates));
  // As long for nobody as for somebody.
  if (known.length === 0) await verifyPassword(password, null);
  for (const each of known.filter((one) => !fits.includes(one))) {
    if (!(await verifyPassword(password, each.subject.hash))) continue;
    fits.push(each);
    remember(each.pair, core.clock.monotonic() + KEPT_MS);
  }
  if (fits.length > 0) await Promise.all(buckets.map(([key]) => rateStatements.giveBack(core, key)));
  else core.metrics.signInFailed();
  return fits.map(({ subject }) => subject.id);
}

/** The same for one subject, or for nobody. @throws RateLimitedError */
export async function checkAtDoor(
  core: Core,
  { subject, ...tried }: Omit<PasswordTry, "subjects"> & { subject: Subject | null },
): Promise<boolean> {
  return (await fittingAtDoor(core, { ...tried, subjects: subject ? [subject] : [] })).length > 0;
}
