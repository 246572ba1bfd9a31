/** Text of others, always as text: never as HTML. JSON gets colours by cutting it into spans. */
import { SegmentedControl } from "@mantine/core";
import { useMemo, useState } from "react";
import classes from "./code.module.css";
import { CopyButton } from "./copy.tsx";
import { pretty } from "./pretty.ts";

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Beyond this, colours cost more than they give. */
const MOST_COLOURED = 40_000;

/** Marks of one piece of text: more are a page that nobody can scroll. */
const MOST_MARKED = 200;

/** The text with what was searched for marked in it, in any case. */
function marked(text: string, mark: string): React.ReactNode {
  const [low, wanted] = [text.toLowerCase(), mark.toLowerCase()];
  // A few letters change their length with their case: then places would not be the same.
  if (wanted === "" || low.length !== text.length || !low.includes(wanted)) return text;
  const parts: React.ReactNode[] = [];
  let end = 0;
  for (let at = low.indexOf(wanted); at >= 0 && parts.length < 2 * MOST_MARKED; at = low.indexOf(wanted, end)) {
    parts.push(text.slice(end, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    end = at + wanted.length;
  }
  parts.push(text.slice(end));
  return parts;
}

function colour(text: string, mark: string): React.ReactNode {
  if (text.length > MOST_COLOURED) return marked(text, mark);
  const parts: React.ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    const kind = match[1] === undefined ? (/^[tfn]/.test(match[0]) ? "word" : "number") : match[2] === undefined ? "string" : "name";
    parts.push(
      <span key={match.index} className={classes[kind]}>
        {marked(match[1] ?? match[0], mark)}
      </span>,
    );
    if (match[2] !== undefined) parts.push(match[2]);
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** @param mark what is marked, where it stands within a name or a value */
export function Code({ text, json, label, mark = "" }: { text: string; json?: boolean; label: string; mark?: string }) {
  const shown = useMemo(() => (json ? colour(text, mark) : marked(text, mark)), [text, json, mark]);
  return (
    <div className={classes["frame"]}>
      <span className={classes["copy"]}>
        <CopyButton text={text} label={`Copy ${label}`} />
      </span>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is no block of code */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre className={classes["code"]} tabIndex={0} role="group" aria-label={label}>
        {shown}
      </pre>
    </div>
  );
}

/** A body that was sent or received. */
export function Body({ text, label, empty = "No body" }: { text: string | null; label: string; empty?: string }) {
  const nice = useMemo(() => (text === null ? undefined : pretty(text)), [text]);
  const [form, setForm] = useState<"pretty" | "raw">("pretty");
  if (text === null || text === "") return <p className={classes["none"]}>{empty}</p>;
  return (
    <div>
      {nice !== undefined && nice !== text && (
        <SegmentedControl
          size="xs"
          mb={6}
          value={form}
          onChange={(value) => setForm(value as "pretty" | "raw")}
          aria-label={`Form of the ${label}`}
          data={[
            { value: "pretty", label: "Pretty" },
            { value: "raw", label: "Raw" },
          ]}
        />
      )}
      <Code text={form === "pretty" ? (nice ?? text) : text} json={form === "pretty" && nice !== undefined} label={label} />
    </div>
  );
}

export const jsonText = (value: unknown): string => (value === undefined ? "" : JSON.stringify(value, null, 2));
