/** The keyboard's place on a page survives what it stood on: a button that its own deed takes away, a page that is left. */

import { menuButtonOf } from "./opener.ts";

/** Milliseconds: a window that closes gives the focus back itself, a little later. */
const GIVEN_BACK_MS = 80;

/** For as long as the page is there. @param frame id of the element within which the focus is kept */
export function keepFocus(frame: string): void {
  /** What had the focus last, wherever: a window over the page too. */
  let last: Element | undefined;
  /** What of the page had it last, and what that stands in, outwards. */
  let path: HTMLElement[] = [];
  let waits = false;
  const remember = ({ target }: { target: EventTarget | null }) => {
    const outermost = document.getElementById(frame);
    if (target instanceof Element) last = target;
    // This is loaded with the first key, which may be pressed in a menu that stands over the page.
    const place = target instanceof Element ? (menuButtonOf(target) ?? target) : target;
    if (!(place instanceof HTMLElement) || !outermost?.contains(place)) return;
    path = [];
    for (let at: HTMLElement | null = place; at && at !== outermost; at = at.parentElement) path.push(at);
    path.push(outermost);
  };
  const keep = () => {
    waits = false;
    if (document.activeElement !== document.body || !last || last.isConnected) return;
    const left = path.find((each) => each.isConnected);
    last = undefined;
    if (left && left.tabIndex < 0) left.tabIndex = -1;
    left?.focus({ preventScroll: true });
  };
  const observer = new MutationObserver(() => {
    if (waits || document.activeElement !== document.body || !last || last.isConnected) return;
    waits = true;
    setTimeout(keep, GIVEN_BACK_MS);
  });
  remember({ target: document.activeElement });
  document.addEventListener("focusin", remember);
  observer.observe(document.body, { childList: true, subtree: true });
}
