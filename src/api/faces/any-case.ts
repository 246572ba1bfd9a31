/** For products whose routes ignore case: a URL in the case in which the router knows it; parameters stay as they are. Pure. */

/**
 * @param prefix what the paths begin with
 * @param paths routes: `/api/v1/Webhook/:id/LastError`
 */
export function inAnyCase(prefix: string, paths: readonly string[]): (url: string) => string {
  const known = paths.map((path) => path.split("/"));
  return (url) => {
    if (!url.toLowerCase().startsWith(prefix.toLowerCase())) return url;
    const end = url.search(/[?#]/);
    const [path, rest] = end < 0 ? [url, ""] : [url.slice(0, end), url.slice(end)];
    if (path.length !== prefix.length && path[prefix.length] !== "/") return url;
    const given = path.split("/", MOST_SEGMENTS + 1);
    // The route with the most fixed segments: `/Webhook/default` before `/Webhook/:id`.
    const best = known
      .filter((segments) => segments.length === given.length && segments.every((segment, i) => fits(segment, given[i] ?? "")))
      .sort((a, b) => fixed(b) - fixed(a))[0];
    if (!best) return prefix + path.slice(prefix.length) + rest;
    return best.map((segment, i) => (segment.startsWith(":") ? given[i] : segment)).join("/") + rest;
  };
}

/** No route has so many. */
const MOST_SEGMENTS = 20;

const fixed = (segments: readonly string[]) => segments.filter((segment) => !segment.startsWith(":")).length;

function fits(segment: string, given: string): boolean {
  return segment.startsWith(":") ? given !== "" : segment.toLowerCase() === decoded(given).toLowerCase();
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
