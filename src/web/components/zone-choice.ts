/** Whose time zone somebody wants to see: kept for each person, in this browser. */
import { useSyncExternalStore } from "react";
import { browserZone } from "./zone.ts";

export const CHOICES = ["organization", "browser", "utc"] as const;
export type ZoneChoice = (typeof CHOICES)[number];

const listeners = new Set<() => void>();
const keyOf = (person: string) => `hookline.zone.${person}`;

export function chooseZone(person: string, choice: ZoneChoice): void {
  localStorage.setItem(keyOf(person), choice);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  // Another tab chose.
  addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", listener);
  };
}

export function useZoneChoice(person: string): ZoneChoice {
  const kept = useSyncExternalStore(subscribe, () => localStorage.getItem(keyOf(person)));
  return CHOICES.find((choice) => choice === kept) ?? "browser";
}

export const zoneOf = (choice: ZoneChoice, organizationZone: string): string =>
  choice === "organization" ? organizationZone : choice === "utc" ? "UTC" : browserZone();
