/** What went wrong, beside the button that was pressed: in the words of the fields, each a way to the field. */
import { Alert } from "@mantine/core";
import { type RefObject, useEffect, useRef, useState } from "react";
import type { Failure } from "../graphql/act.ts";
import { plural } from "./format.ts";
import classes from "./refusal.module.css";

/** What shows an error: Mantine's fields, its groups, and our own that say so. */
const WRONG = '[aria-invalid="true"], .mantine-InputWrapper-error, [data-field-error]';
const FOCUSABLE = "input:not([disabled]), textarea:not([disabled]), select:not([disabled]), button:not([disabled])";

interface Place {
  field: HTMLElement;
  label: string;
  text: string;
}

/** `targetUrl` → `Target url`, where no field shows it. */
export const inWords = (path: string): string =>
  path
    .replace(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`)
    .replace(/^./, (first) => first.toUpperCase());

function labelOf(field: HTMLElement, group: Element | null): string {
  const own = (field as HTMLInputElement).labels?.[0]?.textContent ?? field.getAttribute("aria-label");
  const label = group?.querySelector(":scope > .mantine-InputWrapper-label, :scope > [data-field-label]")?.textContent ?? own;
  return (label ?? "").trim();
}

/** The fields that show an error, from the top. */
function wrongPlaces(frame: HTMLElement): Place[] {
  const places = new Map<Element, Place>();
  for (const shown of frame.querySelectorAll<HTMLElement>(WRONG)) {
    const group = shown.closest(".mantine-InputWrapper-root, [data-field]");
    const field = shown.matches(FOCUSABLE) ? shown : (group ?? shown.parentElement)?.querySelector<HTMLElement>(FOCUSABLE);
    const key = group ?? field;
    if (!field || !key || places.has(key)) continue;
    places.set(key, { field, label: labelOf(field, group), text: group?.textContent ?? "" });
  }
  return [...places.values()];
}

interface RefusalProps {
  failure: Failure | undefined;
  /** Where the fields are. */
  frame?: RefObject<HTMLElement | null>;
}

/** Says the failure, and takes the focus to the first bad field, or to what it says where no field is bad. */
export function Refusal({ failure, frame }: RefusalProps) {
  const [places, setPlaces] = useState<Place[]>([]);
  const [told, setTold] = useState<string>();
  const says = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const found = failure && frame?.current ? wrongPlaces(frame.current) : [];
    setPlaces(found);
    // A field that was mended leaves its failure, and must not send the focus to the next while somebody types.
    if (failure && told !== failure.message) {
      setTold(failure.message);
      (found[0]?.field ?? says.current)?.focus();
    } else if (!failure) setTold(undefined);
  }, [failure, frame, told]);
  if (!failure) return null;
  const issues = Object.entries(failure.issues);
  const title = issues.length === 0 ? failure.message : `Not saved: look at ${plural(issues.length, "field")} again`;
  return (
    <Alert ref={says} tabIndex={-1} color="red" variant="light" title={title} role="alert" className={classes["refusal"] ?? ""}>
      {issues.map(([path, message]) => {
        const place = places.find((each) => each.text.includes(message));
        return (
          <div key={path}>
            {place ? (
              <button type="button" className={classes["place"]} onClick={() => place.field.focus()}>
                {place.label || inWords(path)}
              </button>
            ) : (
              path !== "" && inWords(path)
            )}
            {path === "" ? message : `: ${message}`}
          </div>
        );
      })}
    </Alert>
  );
}
