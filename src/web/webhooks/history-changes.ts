/** What an entry of the audit log says that was changed: field by field, old and new. Pure. */
import { same } from "../components/merge.ts";

export interface FieldChange {
  /** Such as `Target url`, or `Headers: X-Region`. */
  field: string;
  /** As text; null: nothing. */
  before: string | null;
  after: string | null;
}

/** Not settings: what goes with others, and what nobody sets. */
const LEFT_OUT = /^(id|number|deletedAt|createdAt|updatedAt|warning|application|dropped|retryScheduleSet|maxConsecutiveErrorsSet)$/;
/** Settings that stand in the log also where the dialect's own hold: their `…Set` says whether they do. */
const OWN = ["retrySchedule", "maxConsecutiveErrors"] as const;
/** Shown member by member: one header that was changed is one line. */
const BY_MEMBER = ["headers", "properties"];

type Row = Record<string, unknown>;
const isRow = (value: unknown): value is Row => typeof value === "object" && value !== null && !Array.isArray(value);

const wordsOf = (name: string): string =>
  name
    .replace(/Id$/, "")
    .replace(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`)
    .replace(/^./, (first) => first.toUpperCase());

function textOf(value: unknown): string | null {
  if (value === null || value === undefined || value === "") return null;
  if (Array.isArray(value) && value.every((each) => typeof each !== "object")) return value.length === 0 ? "none" : value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value, null, typeof value === "object" ? 2 : undefined);
}

function settingsOf(row: unknown): Row {
  if (!isRow(row)) return {};
  const settings = Object.fromEntries(Object.entries(row).filter(([name]) => !LEFT_OUT.test(name)));
  for (const name of OWN) {
    if (row[`${name}Set`] === false) settings[name] = null;
    if (row[`${name}Set`] === true) settings[name] ??= "never";
  }
  return settings;
}

/** Fields of either side that are not the same, in the order of the new side. Hidden values are `***` on both, and never differ. */
export function changesOf(before: unknown, after: unknown): FieldChange[] {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  const compare = (field: string, was: unknown, is: unknown): FieldChange[] =>
    same(was, is) ? [] : [{ field, before: textOf(was), after: textOf(is) }];
  return [...new Set([...Object.keys(now), ...Object.keys(old)])].flatMap((name) => {
    const [was, is] = [old[name], now[name]];
    const field = wordsOf(name);
    if (!BY_MEMBER.includes(name) || !(isRow(was) || isRow(is))) return compare(field, was, is);
    const [members, others] = [isRow(was) ? was : {}, isRow(is) ? is : {}];
    return [...new Set([...Object.keys(others), ...Object.keys(members)])].flatMap((member) =>
      compare(`${field}: ${member}`, members[member], others[member]),
    );
  });
}

/** Hidden headers and properties that were dropped with a change of the target, by name. */
export function droppedOf(after: unknown): string[] {
  const dropped = isRow(after) ? after["dropped"] : undefined;
  return Array.isArray(dropped) ? dropped.map(String) : [];
}
