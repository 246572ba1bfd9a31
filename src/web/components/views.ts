/** Saved views: a list's filter under a name, kept for each person in this browser. A view is a link. */
import { useSyncExternalStore } from "react";
import { keep, onKept } from "./kept.ts";

export interface View {
  name: string;
  /** Of the address, without `?`. */
  query: string;
}
export type Place = "/log" | "/events";

const NONE: View[] = [];
const MOST = 50;
const MOST_CHARACTERS = 60;
const keyOf = (person: string, place: Place) => `hookline.views.${person}${place}`;

const isView = (each: unknown): each is View =>
  typeof each === "object" && each !== null && typeof (each as View).name === "string" && typeof (each as View).query === "string";

let read = new Map<string, [text: string | null, views: View[]]>();
/** The same array as long as nothing changed. */
function viewsOf(key: string): View[] {
  const text = localStorage.getItem(key);
  const known = read.get(key);
  if (known?.[0] === text) return known[1];
  let views = NONE;
  try {
    const parsed: unknown = JSON.parse(text ?? "[]");
    if (Array.isArray(parsed)) views = parsed.filter(isView);
  } catch {
    // Somebody else's text: there are none.
  }
  read = new Map(read).set(key, [text, views]);
  return views;
}

const write = (key: string, views: View[]): void => keep(key, JSON.stringify(views.slice(0, MOST)));

export function useViews(person: string, place: Place) {
  const key = keyOf(person, place);
  const views = useSyncExternalStore(onKept, () => viewsOf(key));
  return {
    views,
    /** One of the same name is replaced; the newest comes first. */
    save: (name: string, query: string) => {
      const view = { name: name.trim().slice(0, MOST_CHARACTERS), query };
      if (view.name !== "") write(key, [view, ...viewsOf(key).filter((each) => each.name !== view.name)]);
    },
    remove: (name: string) =>
      write(
        key,
        viewsOf(key).filter((each) => each.name !== name),
      ),
  };
}
