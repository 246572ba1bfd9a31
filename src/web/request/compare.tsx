/** Two attempts of a request against each other: what was sent, what came back, and how long it took. */
import { Button, Select } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useMemo } from "react";
import { formatDuration, formatShort, plural } from "../components/format.ts";
import { pretty } from "../components/pretty.ts";
import classes from "./compare.module.css";
import { type Headers, headersThatDiffer, type Line, linesOf, type Pair } from "./differences.ts";
import type { AttemptDetail } from "./documents.ts";
import { causeOf } from "./sentence.ts";

/** Lines of a body that are the same are shown this near to one that differs. */
const AROUND = 3;

/** A value that differs is marked by a word for those who see no colours. */
function Values({ left, right, names }: { left: string; right: string; names: readonly [string, string] }) {
  if (left === right) return <dd className={`quiet ${classes["both"]}`}>{left}, both</dd>;
  return (
    <>
      <dd data-side="left">
        <span className={classes["whose"]}>{names[0]}</span> {left}
      </dd>
      <dd data-side="right">
        <span className={classes["whose"]}>{names[1]}</span> {right}
      </dd>
    </>
  );
}

function Heads({ left, right, names }: { left: unknown; right: unknown; names: readonly [string, string] }) {
  const { different, same } = headersThatDiffer((left ?? {}) as Headers, (right ?? {}) as Headers);
  const text = (value: Pair["left"]) => value ?? "not there";
  return (
    <>
      {different.length > 0 && (
        <dl className={classes["values"]}>
          {different.map((pair) => (
            <div key={pair.name} className="mono">
              <dt>{pair.name}</dt>
              <Values left={text(pair.left)} right={text(pair.right)} names={names} />
            </div>
          ))}
        </dl>
      )}
      <p className="quiet">
        {different.length + same === 0
          ? "No headers"
          : different.length === 0
            ? `The same ${plural(same, "header")}`
            : same > 0 && `${plural(same, "header")} more, the same in both`}
      </p>
    </>
  );
}

const MARK = { same: " ", left: "−", right: "+" } as const;

/** Runs of equal lines are shortened to what stands next to a difference. */
function shortened(lines: readonly Line[]): (Line | { kind: "gap"; text: string })[] {
  const near = (index: number) => lines.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((line) => line.kind !== "same");
  const shown: (Line | { kind: "gap"; text: string })[] = [];
  let left = 0;
  for (const [index, line] of lines.entries()) {
    if (near(index)) {
      if (left > 0) shown.push({ kind: "gap", text: `${plural(left, "line")}, the same` });
      left = 0;
      shown.push(line);
    } else left++;
  }
  if (left > 0) shown.push({ kind: "gap", text: `${plural(left, "line")}, the same` });
  return shown;
}

function Bodies({
  left,
  right,
  names,
  label,
}: {
  left: string | null;
  right: string | null;
  names: readonly [string, string];
  label: string;
}) {
  const lines = useMemo(
    () => shortened(linesOf((left && pretty(left)) ?? left ?? "", (right && pretty(right)) ?? right ?? "")),
    [left, right],
  );
  if (left === right) return <p className="quiet">{left === null || left === "" ? "No body" : "The same body, byte for byte"}</p>;
  if (lines.every((line) => line.kind === "same" || line.kind === "gap")) return <p className="quiet">The same but for white space</p>;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no block of code
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <pre className={classes["lines"]} tabIndex={0} role="group" aria-label={`Differences of the ${label}`}>
      {lines.map((line, index) =>
        line.kind === "gap" ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines do not move
          <span key={index} className={classes["gap"]}>
            {line.text}
          </span>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines do not move
          <span key={index} data-side={line.kind} title={line.kind === "same" ? undefined : `Only ${names[line.kind === "left" ? 0 : 1]}`}>
            <span className={classes["mark"]}>{MARK[line.kind]}</span>
            {line.text}
          </span>
        ),
      )}
    </pre>
  );
}

interface CompareProps {
  attempts: AttemptDetail[];
  /** Numbers of the two. */
  chosen: readonly [number, number];
  choose: (left: number, right: number) => void;
  close: () => void;
}

export function Compare({ attempts, chosen, choose, close }: CompareProps) {
  const now = Date.now();
  const firstBody = attempts[0]?.requestBody ?? null;
  const [left, right] = chosen.map((number) => attempts.find((attempt) => attempt.number === number));
  if (!left || !right) return null;
  const names = [`Attempt ${left.number}`, `Attempt ${right.number}`] as const;
  const ended = (attempt: AttemptDetail) =>
    attempt.outcome === "DELIVERED" && attempt.statusCode !== null ? `Delivered, HTTP ${attempt.statusCode}` : causeOf(attempt);
  const data = attempts.map((attempt) => ({
    value: String(attempt.number),
    label: `Attempt ${attempt.number}, ${formatShort(attempt.startedAt, now)}`,
  }));
  const pick = (label: string, value: number, put: (number: number) => void) => (
    <Select
      size="xs"
      label={label}
      data={data}
      value={String(value)}
      allowDeselect={false}
      onChange={(next) => next !== null && put(Number(next))}
    />
  );
  return (
    <section className={classes["compare"]} aria-label="Comparison">
      <div className={classes["head"]}>
        {pick("Compare", left.number, (number) => choose(number, right.number))}
        {pick("with", right.number, (number) => choose(left.number, number))}
        <Button size="xs" variant="subtle" color="gray" leftSection={<IconX size={14} />} onClick={close}>
          End comparison
        </Button>
      </div>
      <dl className={classes["values"]}>
        <div>
          <dt>Outcome</dt>
          <Values left={ended(left)} right={ended(right)} names={names} />
        </div>
        <div>
          <dt>Took</dt>
          <Values left={formatDuration(left.durationMs)} right={formatDuration(right.durationMs)} names={names} />
        </div>
        <div>
          <dt>Target</dt>
          <Values left={left.requestUrl} right={right.requestUrl} names={names} />
        </div>
      </dl>
      <h3 className={classes["title"]}>Request headers</h3>
      <Heads left={left.requestHeaders} right={right.requestHeaders} names={names} />
      <h3 className={classes["title"]}>Request body</h3>
      <Bodies left={left.requestBody ?? firstBody} right={right.requestBody ?? firstBody} names={names} label="request body" />
      <h3 className={classes["title"]}>Reply headers</h3>
      <Heads left={left.responseHeaders} right={right.responseHeaders} names={names} />
      <h3 className={classes["title"]}>Reply body</h3>
      <Bodies left={left.responseBody} right={right.responseBody} names={names} label="reply body" />
    </section>
  );
}
