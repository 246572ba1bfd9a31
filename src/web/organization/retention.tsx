/** How long requests and events are kept: the field, and what is said before less is kept than now. */
import { NumberInput } from "@mantine/core";
import { useState } from "react";
import { useQuery } from "urql";
import { formatCapped, plural } from "../components/format.ts";
import { SettledBefore } from "./documents.ts";

const DAY_MS = 86_400_000;

interface RetentionProps {
  /** Null: the installation's days. */
  days: number | null;
  change: (days: number | null) => void;
  error: string | undefined;
  disabled: boolean;
}

export function RetentionField({ days, change, error, disabled }: RetentionProps) {
  return (
    <NumberInput
      label="Keep requests and events for"
      description="Empty: as long as this installation keeps them. Fewer days delete what is older, for good."
      inputWrapperOrder={["label", "input", "description", "error"]}
      placeholder="the installation's days"
      suffix={days === 1 ? " day" : " days"}
      min={1}
      allowDecimal={false}
      value={days ?? ""}
      error={error}
      disabled={disabled}
      onChange={(value) => change(value === "" ? null : Number(value))}
    />
  );
}

/** Whether so many days may delete what would have stayed. The installation's own are not known here, and count as more. */
export const keepsLess = (days: number | null, before: number | null): boolean => days !== null && (before === null || days < before);

export function WhatGoes({ days }: { days: number }) {
  const [before] = useState(() => new Date(Date.now() - days * DAY_MS).toISOString());
  const [{ data, error }] = useQuery({ query: SettledBefore, variables: { before }, requestPolicy: "network-only" });
  const found = data?.webhookRequests;
  return (
    <>
      <p style={{ marginTop: 0 }}>
        Requests that are settled and older than {plural(days, "day")} are deleted with their attempts, and so are events that no other
        request needs, and finished recoveries. It begins within ten minutes. <strong>Nothing of it comes back</strong>, also when you keep
        more again later.
      </p>
      <p style={{ marginBottom: 0 }} role="status">
        {found === undefined
          ? error
            ? "How many these are cannot be said now."
            : "Counting …"
          : found.totalCount === 0
            ? "At the moment there are none."
            : `At the moment these are up to ${formatCapped(found.totalCount, found.totalCountCapped)} ${found.totalCount === 1 ? "request" : "requests"}.`}{" "}
        What waits, or blocks a lane, stays whatever its age. So do figures, goals and the audit log.
      </p>
    </>
  );
}
