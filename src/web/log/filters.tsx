import { Button, Menu, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconChevronDown, IconSearch, IconX } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { LOOKS, Tag } from "../components/tag.tsx";
import { useDefinitionNames } from "../webhooks/names.ts";
import { isFiltered, type LogFilter, NO_FILTER, STATES } from "./filter.ts";
import classes from "./filters.module.css";

interface FiltersProps {
  filter: LogFilter;
  change: (filter: LogFilter) => void;
}

const SINCE: { label: string; minutes: number }[] = [
  { label: "Last 15 minutes", minutes: 15 },
  { label: "Last hour", minutes: 60 },
  { label: "Last 24 hours", minutes: 1_440 },
  { label: "Last 7 days", minutes: 10_080 },
];

/** A text field that asks the server once the typing pauses. */
function Field({
  value,
  change,
  placeholder,
  label,
}: {
  value: string;
  change: (value: string) => void;
  placeholder: string;
  label: string;
}) {
  const [text, setText] = useState(value);
  const typed = useRef(value);
  const send = useDebouncedCallback((next: string) => change(next.trim()), 350);
  useEffect(() => {
    if (value !== typed.current.trim()) setText(value);
    typed.current = value;
  }, [value]);
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={text}
      size="xs"
      className={classes["field"] ?? ""}
      onChange={(event) => {
        typed.current = event.currentTarget.value;
        setText(event.currentTarget.value);
        send(event.currentTarget.value);
      }}
    />
  );
}

const moment = (at: string) => new Date(at).toLocaleString("en-GB", { dateStyle: "short", timeStyle: "medium" });
/** The time that a link carries, to the second. */
function span({ from, to }: LogFilter): string {
  if (!to) return `Since ${moment(from)}`;
  return from ? `${moment(from)} – ${moment(to)}` : `Before ${moment(to)}`;
}

export function LogFilters({ filter, change }: FiltersProps) {
  const definitions = useDefinitionNames();
  const [more, setMore] = useState(
    filter.url !== "" || filter.rule !== "" || filter.error !== "" || filter.entity !== "" || filter.to !== "",
  );
  const set = (part: Partial<LogFilter>) => change({ ...filter, ...part });

  return (
    <search className={classes["bar"]}>
      <Menu closeOnItemClick={false} width={190} position="bottom-start">
        <Menu.Target>
          <Button size="xs" variant="default" rightSection={<IconChevronDown size={13} />}>
            {filter.states.length === 0 ? "Any state" : filter.states.map((state) => LOOKS.request[state].word).join(", ")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {STATES.map((state) => {
            const on = filter.states.includes(state);
            return (
              <Menu.Item
                key={state}
                role="menuitemcheckbox"
                aria-checked={on}
                rightSection={on ? "✓" : null}
                onClick={() => set({ states: on ? filter.states.filter((each) => each !== state) : [...filter.states, state] })}
              >
                <Tag kind="request" state={state} bare />
              </Menu.Item>
            );
          })}
        </Menu.Dropdown>
      </Menu>
      <Select
        aria-label="Webhook"
        placeholder="Any webhook"
        size="xs"
        className={classes["field"] ?? ""}
        searchable
        clearable
        data={definitions.map((each) => ({ value: each.id, label: each.name }))}
        value={filter.definition || null}
        onChange={(value) => set({ definition: value ?? "" })}
      />
      <Field label="Event type" placeholder="Event type" value={filter.type} change={(type) => set({ type })} />
      <Field label="Entity id" placeholder="Entity id" value={filter.entityId} change={(entityId) => set({ entityId })} />
      <Select
        aria-label="Created"
        placeholder="Any time"
        size="xs"
        className={classes["field"] ?? ""}
        clearable
        data={SINCE.map((each) => ({ value: String(each.minutes), label: each.label }))}
        value={null}
        {...(filter.from || filter.to ? { placeholder: span(filter) } : {})}
        onChange={(minutes) => set({ to: "", from: minutes === null ? "" : new Date(Date.now() - Number(minutes) * 60_000).toISOString() })}
      />
      {more && (
        <>
          <Field label="Entity" placeholder="Entity" value={filter.entity} change={(entity) => set({ entity })} />
          <Field label="Error code" placeholder="Error code" value={filter.error} change={(error) => set({ error: error.toUpperCase() })} />
          <Field label="Target URL" placeholder="Target URL" value={filter.url} change={(url) => set({ url })} />
        </>
      )}
      {!more && (
        <Button size="xs" variant="subtle" color="gray" leftSection={<IconAdjustmentsHorizontal size={14} />} onClick={() => setMore(true)}>
          More filters
        </Button>
      )}
      {isFiltered(filter) && (
        <Button size="xs" variant="subtle" color="gray" leftSection={<IconX size={14} />} onClick={() => change(NO_FILTER)}>
          Clear
        </Button>
      )}
    </search>
  );
}

/** Quoted numbers are how people talk about requests: typing one opens it. */
export function NumberSearch({ open }: { open: (number: string) => void }) {
  const [text, setText] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const number = /^#?(\d+)$/.exec(text.trim())?.[1];
        if (number) open(number);
      }}
    >
      <TextInput
        id="search"
        size="xs"
        w={150}
        aria-label="Open a request by its number"
        placeholder="Request number"
        leftSection={<IconSearch size={14} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        inputMode="numeric"
      />
    </form>
  );
}
