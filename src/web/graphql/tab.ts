/**
 * Whose session the calls of this tab go out under. Cookies are the browser's: a sign-in in another tab changes them here, too,
 * and what was typed for one organization must not be saved in another. So a tab belongs to the session that it was rendered for,
 * and sends that session's name, which the server compares with the cookie.
 *
 *   good  → over   the server says that the session has ended, while something unsaved stands on the page
 *   good  → other  the cookie is another person's session now: nothing goes out; without unsaved work the page is loaded anew
 *   over, other → good   the same person has signed in again, in another tab
 *
 * Without unsaved work a session that is over is answered at once, by `signedOut`.
 */
import { useSyncExternalStore } from "react";
import { hasUnsaved } from "../components/unsaved-work.ts";

export interface Door {
  url: string;
  /** Names the session, for scripts: what stood in it when the page was rendered goes out with each call. None: its calls need no session. */
  cookie: string | undefined;
  /** Asks who is signed in. */
  whose: string;
}
export const OURS: Door = { url: "/graphql", cookie: "HOOKLINE-SESSION", whose: "{ viewer { user { id } organization { id } } }" };
export const PORTAL: Door = { url: "/portal/graphql", cookie: "PORTAL-XSRF-TOKEN", whose: "{ viewer { application { id } } }" };
/** Of the sign-in page. */
export const OUTSIDE: Door = { url: "/graphql", cookie: undefined, whose: "" };

type State = "good" | "over" | "other";

interface Tab {
  door: Door;
  /** Of the session that it belongs to; empty: none. */
  token: string;
  /** Who that is; undefined until the page has asked. */
  whose: string | undefined;
  signedOut: () => void;
  state: State;
}

/** What nobody answers: the page is another session's. */
export class OtherSessionError extends Error {
  constructor() {
    super("Somebody else is signed in in this browser now. Nothing was sent.");
  }
}

/** Milliseconds until a tab that cannot go on looks at the cookie again. */
const LOOK_MS = 500;
const NOTE = "hookline.other-session";

let tab: Tab = { door: OUTSIDE, token: "", whose: undefined, signedOut: () => undefined, state: "good" };
let looking: ReturnType<typeof setInterval> | undefined;
/** The page is being loaded anew: a second time would begin it again. */
let leaving = false;
/**
 * Queries that go on once the session is good again: a page that holds unsaved work is not replaced by their failure. Of those
 * that are asked again and again the last goes on, whose answer is the answer of all.
 */
const waiting = new Map<string, () => void>();
/** Times that something was tried in vain: the person is told again. */
let tries = 0;
const listeners = new Set<() => void>();
const changed = () => {
  for (const listener of [...listeners]) listener();
};

/** The last of a name: the server takes the last of the session's, too. */
function tokenNow({ cookie }: Door): string {
  if (cookie === undefined) return "";
  const found = document.cookie.split("; ").findLast((each) => each.startsWith(`${cookie}=`));
  return found?.slice(cookie.length + 1) ?? "";
}

/** From now on the tab belongs to the session that the cookie is of. */
export function belongTo(door: Door, signedOut: () => void): void {
  clearInterval(looking);
  looking = undefined;
  waiting.clear();
  tab = { door, token: tokenNow(door), whose: undefined, signedOut, state: "good" };
}

/** Who that is, in the order of the door's question. */
export function isOf(...ids: (string | undefined)[]): void {
  tab.whose ??= ids.join();
}

export const sessionToken = (): string => tab.token;

function set(state: State): void {
  if (tab.state === state) return;
  tab.state = state;
  if (state === "good") {
    clearInterval(looking);
    looking = undefined;
    const due = [...waiting.values()];
    waiting.clear();
    for (const go of due) go();
  } else looking ??= setInterval(look, LOOK_MS);
  changed();
}

/** Also asked when nothing is called: somebody signs in in another tab, or discards what they typed. */
function look(): void {
  if (leaving) return;
  if (isForeign(tab)) void check().catch(() => undefined);
  if (hasUnsaved()) return;
  if (tab.state === "over") tab.signedOut();
  if (tab.state === "other") loadAnew();
}

const isForeign = (mine: Tab): boolean => ![mine.token, ""].includes(tokenNow(mine.door));

export function loadAnew(): void {
  if (leaving) return;
  leaving = true;
  clearInterval(looking);
  try {
    sessionStorage.setItem(NOTE, "1");
  } catch {
    // In a frame of a browser that keeps nothing there.
  }
  location.reload();
}

/** Whether the page was loaded because somebody else had signed in: said once. */
export function takeNote(): boolean {
  try {
    const noted = sessionStorage.getItem(NOTE) !== null;
    sessionStorage.removeItem(NOTE);
    return noted;
  } catch {
    return false;
  }
}

function headersOf(token: string, given?: HeadersInit): Headers {
  const headers = new Headers(given);
  // The second is what the portal's server demands of what writes.
  if (token !== "") for (const name of ["x-hookline-session", "x-xsrf-token"]) headers.set(name, token);
  return headers;
}

const post = (mine: Tab, query: string, token: string): Promise<Response> =>
  fetch(mine.door.url, {
    method: "POST",
    credentials: "same-origin",
    headers: headersOf(token, { "content-type": "application/json" }),
    body: JSON.stringify({ query }),
  });

/** Of the newest token: whose a session is never changes. */
let asked: { token: string; answer: Promise<string | undefined> } | undefined;

/** Who the session of this token is; undefined when it has ended. @throws when the server does not say */
function ask(mine: Tab, token: string): Promise<string | undefined> {
  if (asked?.token === token) return asked.answer;
  const answer = (async () => {
    const response = await post(mine, mine.door.whose, token);
    if (response.status === 401) return undefined;
    const { data } = (await response.json()) as { data?: { viewer?: Record<string, { id: string } | null> | null } };
    if (!response.ok || !data?.viewer) throw new TypeError("the server does not say who is signed in");
    return Object.values(data.viewer)
      .map((each) => each?.id)
      .join();
  })();
  const mineAsked = { token, answer };
  asked = mineAsked;
  answer.catch(() => {
    // Asked again.
    if (asked === mineAsked) asked = undefined;
  });
  return answer;
}

/**
 * Whether the tab's calls may go out.
 * @throws when the server cannot be reached, where only it knows
 */
export async function check(): Promise<boolean> {
  const mine = tab;
  if (!isForeign(mine)) return mine.state !== "other";
  const token = tokenNow(mine.door);
  const whose = mine.whose === undefined ? "" : await ask(mine, token);
  if (mine !== tab || tokenNow(mine.door) !== token) return check();
  if (mine.whose !== undefined && whose === mine.whose) {
    mine.token = token;
    set("good");
    return true;
  }
  // The cookie names a session that is none, as another program's of this host: this one is over.
  if (whose === undefined) {
    if (hasUnsaved()) set("over");
    else mine.signedOut();
    return false;
  }
  // Before it is known whose the page is, nothing was typed on it.
  set("other");
  if (!hasUnsaved()) loadAnew();
  return false;
}

/** The server says that there is no session (any more). */
export function over(): void {
  if (leaving) return;
  if (isForeign(tab)) void check().catch(() => undefined);
  else if (hasUnsaved()) set("over");
  else tab.signedOut();
}

/** Asks over HTTP whether the session is over: a refused upgrade and a refused stream do not tell a browser why. */
export async function askSession(): Promise<void> {
  const mine = tab;
  if (!(await check().catch(() => false))) return;
  const response = await post(mine, "{ viewer { role } }", mine.token).catch(() => undefined);
  if (response?.status === 401 && mine === tab) over();
}

const MUTATION = /^\s*mutation\b/;

/** The document of a call that urql sends. */
function documentOf({ body }: RequestInit): string {
  try {
    return String((JSON.parse(String(body)) as { query?: unknown }).query);
  } catch {
    return "";
  }
}

/** As fetch: under the tab's own session, or not at all. */
export async function tabFetch(url: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const mine = tab;
  const document = documentOf(init);
  const isQuery = !MUTATION.test(document);
  const later = async () => {
    await new Promise<void>((resolve) => waiting.set(document, resolve));
    return tabFetch(url, init);
  };
  if (!(await check())) {
    if (isQuery) return later();
    tries += 1;
    changed();
    throw new OtherSessionError();
  }
  const response = await fetch(url, { ...init, credentials: "same-origin", headers: headersOf(mine.token, init.headers) });
  if (response.ok && mine === tab && !isForeign(mine)) set("good");
  if (mine !== tab || (response.status !== 401 && response.status !== 403)) return response;
  // Refused, as the cookie was changed on the way: it is asked whose it is.
  if (isForeign(mine)) return tabFetch(url, init);
  if (response.status === 403) return response;
  over();
  if (mine.state === "good") return response;
  if (isQuery) return later();
  tries += 1;
  changed();
  return response;
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** How the tab stands, and how often something was tried in vain. */
export function useTab(): { state: State; tries: number } {
  const state = useSyncExternalStore(subscribe, () => tab.state);
  return { state, tries: useSyncExternalStore(subscribe, () => tries) };
}

/** A download that the browser itself asks for: it goes out once the tab may. */
export function download(event: { preventDefault: () => void; currentTarget: { href: string } }): void {
  if (!isForeign(tab) && tab.state !== "other") return;
  event.preventDefault();
  const { href } = event.currentTarget;
  void check()
    .catch(() => false)
    .then((may) => {
      if (may) return location.assign(href);
      tries += 1;
      changed();
    });
}
