/** What stands in each folded part of the editor, in a line. Pure. */
import { formatDuration, formatSeconds, plural } from "../components/format.ts";
import { DIALECTS, EXHAUSTIONS } from "./dialects.ts";
import type { EditorValues } from "./editor-shape.ts";
import { fromFilter } from "./filter-model.ts";

export function filterLine({ filter, filterMistake }: EditorValues): string {
  if (filterMistake !== null) return "Not complete yet";
  if (filter === null || filter === undefined) return "None: every event of these types";
  const rows = fromFilter(filter);
  if (rows === undefined) return "As JSON";
  const [first] = rows.conditions;
  if (first && rows.conditions.length === 1) return `One condition, on ${first.path}`;
  return `${plural(rows.conditions.length, "condition")}: ${rows.join === "$or" ? "any may hold" : "all must hold"}`;
}

export function headersLine({ headers }: EditorValues): string {
  const names = headers.map(({ name }) => name.trim()).filter((name) => name !== "");
  return names.length === 0 ? "None of its own" : names.join(", ");
}

/** What is no number is left out, as the field itself does. */
export const waitsOf = ({ retrySchedule, dialect }: EditorValues): number[] =>
  retrySchedule?.map(Number).filter((wait) => Number.isFinite(wait) && wait >= 0) ?? DIALECTS[dialect].waits;

export function retriesLine(values: EditorValues): string {
  const waits = waitsOf(values);
  const total = waits.reduce((sum, wait) => sum + wait, 0);
  const attempts = waits.length === 0 ? "One attempt, no retries" : `${waits.length + 1} attempts over ${formatSeconds(total)}`;
  return `${attempts}; then: ${EXHAUSTIONS[values.onExhausted ?? DIALECTS[values.dialect].onExhausted].label.toLowerCase()}`;
}

/** Of SUPEROFFICE, unless it is set: errors in a row after which it stops. */
export const SUPEROFFICE_ERRORS = 9;

export function limitsLine({ dialect, timeoutMs, maxConsecutiveErrors }: EditorValues): string {
  const most = maxConsecutiveErrors ?? (dialect === "SUPEROFFICE" ? SUPEROFFICE_ERRORS : null);
  return `${formatDuration(timeoutMs ?? DIALECTS[dialect].timeoutMs)} to answer; ${most === null ? "never stops by itself" : `stops after ${plural(most, "error")} in a row`}`;
}

export function dialectLine({ dialect, signatureVersions, secretKeyId }: EditorValues): string {
  const { label } = DIALECTS[dialect];
  if (dialect === "CRMCOM") return `${label}, ${secretKeyId === null ? "without a secret key" : "with a secret key"}`;
  if (dialect !== "STANDARD") return label;
  return signatureVersions.length === 0 ? `${label}, not signed` : `${label}, signed with ${signatureVersions.join(" and ").toLowerCase()}`;
}

export function payloadLine({ fieldsSet, properties, payloadQuery, transformation }: EditorValues): string {
  const parts = [
    fieldsSet.length > 0 && plural(fieldsSet.length, "field"),
    payloadQuery.trim() !== "" && "what a query asks for",
    transformation.trim() !== "" && "what a transformation makes of it",
    properties.trim() !== "" && "properties",
  ].filter((part) => part !== false);
  if (parts.length === 0) return "The whole payload";
  const line =
    fieldsSet.length === 0 && payloadQuery.trim() === "" && transformation.trim() === "" ? ["the whole payload", ...parts] : parts;
  return line.join(", ").replace(/^./, (first) => first.toUpperCase());
}
