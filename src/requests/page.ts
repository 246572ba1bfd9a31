/**
 * Relay paging by a key that never changes (a number, an id): stable however many rows come in between.
 * Pure; shared by every list of the log.
 */
import { BadInputError } from "../errors.ts";

export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

/** As GraphQL gives them. */
export interface PageArguments {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}

/** A parsed page: `limit` rows after / before a key, counted from the front or from the back of the list. */
export interface PageOf<Key> {
  limit: number;
  fromBack: boolean;
  after: Key | undefined;
  before: Key | undefined;
}

export interface Slice<Row> {
  rows: Row[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  /** Where the reading stopped before the page was full: the next page goes on from this key. */
  stoppedAt?: string | undefined;
  /** It was read from the back: the next page is the one before it. */
  fromBack?: boolean | undefined;
}

/** A list and whose it is, such as `lanes:<organization>`: no cursor of one counts in another, nor another organization's. */
export type ListKind = `${string}:${string}`;

export const listKind = (list: string, owner: string): ListKind => `${list}:${owner}`;

/** Opaque to clients, URL-safe. */
export function pageCursor(kind: ListKind, key: string | number): string {
  return Buffer.from(`${kind}:${key}`).toString("base64url");
}

function keyOf(kind: ListKind, cursor: string, argument: string): string {
  const text = Buffer.from(cursor, "base64url").toString();
  if (!text.startsWith(`${kind}:`) || pageCursor(kind, text.slice(kind.length + 1)) !== cursor) {
    throw new BadInputError(`${argument} is no cursor of this list`);
  }
  return text.slice(kind.length + 1);
}

/**
 * @param parse undefined for a key that cannot be one
 * @throws BadInputError on a page over 100, on first with last, and on a foreign cursor
 */
export function pageOf<Key>(args: PageArguments, kind: ListKind, parse: (text: string) => Key | undefined): PageOf<Key> {
  const { first, last, after, before } = args;
  if (first != null && last != null) throw new BadInputError("give first or last, not both");
  for (const [name, value] of [
    ["first", first],
    ["last", last],
  ] as const) {
    if (value != null && (value < 0 || value > MAX_PAGE)) throw new BadInputError(`${name} must be 0 to ${MAX_PAGE}`);
  }
  const key = (argument: "after" | "before", cursor: string | null | undefined) => {
    if (cursor == null) return undefined;
    const parsed = parse(keyOf(kind, cursor, argument));
    if (parsed === undefined) throw new BadInputError(`${argument} is no cursor of this list`);
    return parsed;
  };
  return { limit: first ?? last ?? DEFAULT_PAGE, fromBack: last != null, after: key("after", after), before: key("before", before) };
}

/** Of a column that is int4. */
const HIGHEST = 2 ** 31 - 1;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Cursors are anybody's text: what the column cannot hold is no key of it. */
export const numberKey = (text: string): number | undefined =>
  /^\d{1,10}$/.test(text) && Number(text) <= HIGHEST ? Number(text) : undefined;
export const uuidKey = (text: string): string | undefined => (UUID.test(text) ? text : undefined);

/**
 * Cuts the one row too many that was read to learn whether more follow, and puts rows read from the back into list order.
 * As Relay allows, the side that was not walked is answered from the cursor given.
 * @param stoppedAt where the reading stopped before the page was full: there may be more behind it
 */
export function sliceOf<Row>({ limit, fromBack, after, before }: PageOf<unknown>, read: Row[], stoppedAt?: string): Slice<Row> {
  const rows = read.slice(0, limit);
  if (fromBack) rows.reverse();
  const more = read.length > limit || stoppedAt !== undefined;
  const sides = fromBack
    ? { hasNextPage: before !== undefined, hasPreviousPage: more }
    : { hasNextPage: more, hasPreviousPage: after !== undefined };
  return { rows, ...sides, ...(stoppedAt === undefined ? {} : { stoppedAt, fromBack }) };
}
