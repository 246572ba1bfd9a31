/** Variables that look like ours and are none: most often a slip of the pen, which would otherwise act by doing nothing. */

/** What Kubernetes sets in every pod for a Service named `hookline…`. */
const OF_KUBERNETES = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?$/;

/** Levenshtein distance; both are short. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return row[b.length] as number;
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const bare = name.replace(/^HOOKLINE_/, "");
  if (known.includes(bare)) return bare;
  const ranked = known.map((each) => ({ each, far: distance(name, each) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best && best.far <= Math.max(3, Math.floor(name.length / 4)) ? best.each : undefined;
}

/** @returns one sentence for each */
export function unknownVariables(env: Record<string, string | undefined>, known: readonly string[]): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!name.startsWith("HOOKLINE_") || value === undefined || known.includes(name)) return [];
    if (OF_KUBERNETES.test(name) && (name !== "HOOKLINE_PORT" || /^\w+:\/\//.test(value))) return [];
    const meant = nearest(name, known);
    return [`${name} is no variable of Hookline and does nothing${meant === undefined ? "" : `: do you mean ${meant}?`}`];
  });
}
