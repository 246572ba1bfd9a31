/** As much of a browser as a sign-in by redirects needs: cookies by host, and one hop at a time. */

export interface Hop {
  status: number;
  /** Absolute; undefined when it leads nowhere. */
  location: string | undefined;
  setCookies: string[];
  text: string;
}

export interface Browser {
  /** One request; its redirect is not followed. */
  get(url: string): Promise<Hop>;
  /** Follows redirects until there is none, or one leads to `until`. @returns the address that it ended at */
  follow(url: string, until?: (url: string) => boolean): Promise<string>;
  cookie(url: string, name: string): string | undefined;
  /** In the order in which they were set. */
  cookies(url: string): ReadonlyMap<string, string>;
  setCookie(url: string, name: string, value: string): void;
}

export function createBrowser(): Browser {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (url: string) => {
    const { host } = new URL(url);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    return jar;
  };
  const get: Browser["get"] = async (url) => {
    const jar = jarOf(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { accept: "text/html", ...(cookie ? { cookie } : {}) } });
    const setCookies = response.headers.getSetCookie();
    for (const each of setCookies) {
      const [pair = "", ...attributes] = each.split(";").map((part) => part.trim());
      const at = pair.indexOf("=");
      const expired = attributes.some((part) => /^max-age=0$/i.test(part) || /^expires=Thu, 01 Jan 1970/i.test(part));
      if (expired) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const location = response.headers.get("location");
    return {
      status: response.status,
      location: location === null ? undefined : new URL(location, url).href,
      setCookies,
      text: await response.text(),
    };
  };
  return {
    get,
    async follow(url, until = () => false) {
      let at = url;
      for (let hops = 0; hops < 20; hops++) {
        if (until(at)) return at;
        const { location, status, text } = await get(at);
        if (location === undefined) {
          if (status >= 400 && !until(at)) throw new Error(`${at} answered ${status}: ${text.slice(0, 300)}`);
          return at;
        }
        at = location;
      }
      throw new Error(`more than 20 redirects, the last to ${at}`);
    },
    cookie: (url, name) => jarOf(url).get(name),
    cookies: (url) => jarOf(url),
    setCookie: (url, name, value) => void jarOf(url).set(name, value),
  };
}
