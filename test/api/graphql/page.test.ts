/** Pages of a list whose reading stops on the way, from either end. */
import { expect, test } from "vitest";
import { pageOfRows } from "../../../src/api/graphql/page.ts";
import { type PageArguments, pageOf, sliceOf } from "../../../src/requests/page.ts";

/** Newest first. */
const LIST = Array.from({ length: 100 }, (_, i) => String(100 - i));
const [LIMIT, WALK] = [3, 10];
const KIND = "numbers:somebody";
const cursorOf = (key: string) => Buffer.from(`${KIND}:${key}`).toString("base64url");

/** One page of those that match, of the first ten on the way. */
function read(matches: (key: string) => boolean, args: PageArguments) {
  const page = pageOf(args, KIND, (text) => text);
  const way = LIST.filter(
    (key) =>
      (page.after === undefined || Number(key) < Number(page.after)) && (page.before === undefined || Number(key) > Number(page.before)),
  );
  if (page.fromBack) way.reverse();
  const walked = way.slice(0, WALK);
  const found = walked.filter(matches).slice(0, page.limit + 1);
  const stoppedAt = found.length <= page.limit && way.length > WALK ? walked.at(-1) : undefined;
  return pageOfRows(sliceOf(page, found, stoppedAt), cursorOf, async () => 0, cursorOf);
}

test.each([
  ["only the newest", ["100"]],
  ["only the oldest", ["1"]],
  ["a few, far from each other", ["97", "96", "50", "31", "4"]],
  ["none", []],
])("each row once, both ways, where %s matches", (_, wanted) => {
  const matches = (key: string) => wanted.includes(key);
  const rows = (page: ReturnType<typeof read>) => page.edges.map(({ node }) => node);

  const forwards: string[] = [];
  let after: string | null | undefined;
  for (let more = true; more; ) {
    const page = read(matches, { first: LIMIT, after });
    forwards.push(...rows(page));
    more = page.pageInfo.hasNextPage;
    after = page.pageInfo.endCursor;
    if (more) expect(after).not.toBeNull();
  }
  expect(forwards).toEqual(wanted);

  const backwards: string[] = [];
  let before: string | null | undefined;
  for (let more = true; more; ) {
    const page = read(matches, { last: LIMIT, before });
    backwards.unshift(...rows(page));
    more = page.pageInfo.hasPreviousPage;
    before = page.pageInfo.startCursor;
    if (more) expect(before).not.toBeNull();
    // What is behind this page was given before.
    const { endCursor } = page.pageInfo;
    if (endCursor !== null)
      expect(rows(read(matches, { first: LIMIT, after: endCursor })).filter((key) => rows(page).includes(key))).toEqual([]);
  }
  expect(backwards).toEqual(wanted);
});
