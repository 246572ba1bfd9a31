/**
 * The way past a password, whichever door it is: tries are counted per account and per address, over all processes, before
 * anything is computed; a try that was right is given back. Pairs that were right a moment ago cost no scrypt.
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

export interface PasswordTry {
  /** What was typed as the account, whether or not there is one: both count alike. */
  account: string;
  /** Of the caller; undefined counts with nobody. */
  address: string | undefined;
  /** Whose password it is to be; null: nobody's. */
  subject: { id: string; hash: string | null } | null;
  password: string;
}

/** Known to this process alone, so that a dump of its memory is what it takes to try passwords against the pairs. */
const secret = randomBytes(32);
/** When each right pair is forgotten, by its HMAC. */
const right = new Map<string, number>();

const pairOf = (subject: { id: string; hash: string }, password: string) =>
  createHmac("sha256", secret)
    .update(JSON.stringify([subject.id, subject.hash, password]))
    .digest("base64");

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

/**
 * @returns whether the password is the subject's
 * @throws RateLimitedError too many tries, or too many at once
 */
export async function checkAtDoor(core: Core, { account, address, subject, password }: PasswordTry): Promise<boolean> {
  const known = subject?.hash ? { id: subject.id, hash: subject.hash } : undefined;
  const pair = known && pairOf(known, password);
  const now = core.clock.monotonic();
  if (pair !== undefined && (right.get(pair) ?? 0) > now) return true;

  const buckets: [key: string, limit: Limit][] = [
    [`password-account:${createHash("sha256").update(account.toLowerCase()).digest("base64url")}`, PER_ACCOUNT],
    ...(address === undefined ? [] : [[`password-address:${networkOf(address)}`, PER_ADDRESS] as [string, Limit]]),
  ];
  const rates = await Promise.all(buckets.map(([key, limit]) => rateStatements.hit(core, key, limit)));
  if (rates.some((rate) => rate.exceeded)) throw new RateLimitedError(waitOf(rates));
  if (!(await verifyPassword(password, known?.hash ?? null))) {
    core.metrics.signInFailed();
    return false;
  }
  await Promise.all(buckets.map(([key]) => rateStatements.giveBack(core, key)));
  if (pair !== undefined) {
    right.delete(pair);
    right.set(pair, now + KEPT_MS);
    const oldest = right.keys().next().value;
    if (right.size > KEPT && oldest !== undefined) right.delete(oldest);
  }
  return true;
}
