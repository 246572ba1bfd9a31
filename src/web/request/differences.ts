/** What differs between two attempts. Pure. */

export type Headers = Record<string, string | string[]>;

export interface Pair {
  name: string;
  left: string | undefined;
  right: string | undefined;
}

const textOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(", ") : value);

/** The headers of both by name; those that differ, and how many are the same. */
export function headersThatDiffer(left: Headers, right: Headers): { different: Pair[]; same: number } {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  const pairs = names.map((name) => ({ name, left: textOf(left[name]), right: textOf(right[name]) }));
  const different = pairs.filter((pair) => pair.left !== pair.right);
  return { different, same: pairs.length - different.length };
}

export interface Line {
  kind: "same" | "left" | "right";
  text: string;
}

/** Comparing every line with every other: beyond this product the middle is shown as replaced. */
const MOST_CELLS = 250_000;

/** The lines of both, in order: those that only one of them has are marked. */
export function linesOf(left: string, right: string): Line[] {
  const [a, b] = [left.split("\n"), right.split("\n")];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const same = (lines: string[]): Line[] => lines.map((text) => ({ kind: "same", text }));
  return [
    ...same(a.slice(0, head)),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(a.slice(a.length - tail)),
  ];
}

/** By the longest common subsequence. */
function middle(a: string[], b: string[]): Line[] {
  const only = (kind: "left" | "right", lines: string[]): Line[] => lines.map((text) => ({ kind, text }));
  if (a.length * b.length > MOST_CELLS) return [...only("left", a), ...only("right", b)];
  const width = b.length + 1;
  // At [i, j]: how many lines the rests from i and j have in common.
  const common = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i] ?? "" });
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push({ kind: "left", text: a[i++] ?? "" });
    else lines.push({ kind: "right", text: b[j++] ?? "" });
  }
  return [...lines, ...only("left", a.slice(i)), ...only("right", b.slice(j))];
}
