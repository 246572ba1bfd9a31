/** Whose time zone somebody wants to see: kept for each person, in this browser. */
import { useSyncExternalStore } from "react";
import { keep, onKept } from "./kept.ts";
import { browserZone } from "./zone.ts";

export const CHOICES = ["organization", "browser", "utc"] as const;
export type ZoneChoice = (typeof CHOICES)[number];

const keyOf = (person: string) => `hookline.zone.${person}`;

export const chooseZone = (person: string, choice: ZoneChoice): void => keep(keyOf(person), choice);

export function useZoneChoice(person: string): ZoneChoice {
  const kept = useSyncExternalStore(onKept, () => localStorage.getItem(keyOf(person)));
  return CHOICES.find((choice) => choice === kept) ?? "browser";
}

export const zoneOf = (choice: ZoneChoice, organizationZone: string): string =>
  choice === "organization" ? organizationZone : choice === "utc" ? "UTC" : browserZone();
