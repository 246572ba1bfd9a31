/** The time zone in which the dashboard shows and takes every absolute time. */
import { useSyncExternalStore } from "react";

export const browserZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

let zone = browserZone();
const listeners = new Set<() => void>();

/** An unknown zone changes nothing. */
export function setZone(next: string): void {
  if (next === zone) return;
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: next });
  } catch {
    return;
  }
  zone = next;
}

/** To all that show times: once the zone is another. */
export function announceZone(): void {
  for (const listener of listeners) listener();
}

export const currentZone = (): string => zone;

export function useZone(): string {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentZone);
}

/** A formatter whose zone is the chosen one, whenever it is asked. */
export function zoned(options: Intl.DateTimeFormatOptions): (at: Date) => string {
  let made: [string, Intl.DateTimeFormat] | undefined;
  return (at) => {
    if (made?.[0] !== zone) made = [zone, new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone })];
    return made[1].format(at);
  };
}

const named = new Map<string, Intl.DateTimeFormat>();
let last = { zone: "", quarter: Number.NaN, name: "" };
/** `UTC`, `CET`, `GMT+5:30`: the zone as it is called at that moment. */
export function zoneName(at: Date): string {
  // A zone's name changes on a quarter of an hour at most; a list of times asks for the same one over and over.
  const quarter = Math.floor(at.getTime() / 900_000);
  if (last.zone !== zone || last.quarter !== quarter) {
    const format = named.get(zone) ?? new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "short" });
    named.set(zone, format);
    last = { zone, quarter, name: format.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? zone };
  }
  return last.name;
}

const two = "2-digit";
const clock = zoned({ year: "numeric", month: two, day: two, hour: two, minute: two, second: two, hourCycle: "h23" });

/** The clock of the zone, as a field of the browser's takes it: `2026-11-28T06:53:00`. "" for no time. */
export function wallText(at: string): string {
  const date = new Date(at);
  if (at === "" || Number.isNaN(date.getTime())) return "";
  const [day, month, year, ...time] = clock(date).match(/\d+/g) ?? [];
  return `${year?.padStart(4, "0")}-${month}-${day}T${time.join(":")}`;
}

/** When the zone's clock shows that; "" where the text is no time. One that a change of summer time leaves out is the hour after. */
export function instantOf(wall: string): string {
  const asked = Date.parse(`${wall}Z`);
  if (Number.isNaN(asked)) return "";
  const shownAt = (at: number) => Date.parse(`${wallText(new Date(at).toISOString())}Z`);
  let at = asked;
  // The offset there may be another than the one it was found with.
  for (let tries = 0; tries < 2; tries++) at += asked - shownAt(at);
  return new Date(at).toISOString();
}
