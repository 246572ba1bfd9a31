import { Button, Menu, Select, TextInput } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconChevronDown, IconSearch } from "@tabler/icons-react";
import { memo, useState } from "react";
import { type Chip, Chips } from "../components/chips.tsx";
import classes from "../components/filter-bar.module.css";
import { FilterField } from "../components/filter-field.tsx";
import { LOOKS, Tag } from "../components/tag.tsx";
import { rangeText, TimeRange } from "../components/time-range.tsx";
import { useDefinitionNames } from "../webhooks/names.ts";
import { type LogFilter, NO_FILTER, STATES } from "./filter.ts";

interface FiltersProps {
  filter: LogFilter;
  change: (filter: LogFilter) => void;
}

/** Each clause that is given, as it is said. */
function chipsOf(filter: LogFilter, webhooks: readonly { id: string; name: string }[], set: (part: Partial<LogFilter>) => void): Chip[] {
  const chips: Chip[] = [];
  const say = (name: string, value: string, part: Partial<LogFilter>) => {
    if (value !== "") chips.push({ name, value, remove: () => set(part) });
  };
  say("State", filter.states.map((state) => LOOKS.request[state].word).join(", "), { states: [] });
  say("Webhook", filter.definition && (webhooks.find(({ id }) => id === filter.definition)?.name ?? filter.definition), { definition: "" });
  say("Event type", filter.type, { type: "" });
  say("Entity", filter.entity, { entity: "" });
  say("Entity id", filter.entityId, { entityId: "" });
  say("Error code", filter.error, { error: "" });
  say("Rule", filter.rule, { rule: "" });
  say("Target URL", filter.url, { url: "" });
  say("Created", filter.from || filter.to ? rangeText(filter) : "", { from: "", to: "" });
  return chips;
}

/** Apart from the rows, which come in many times a second. */
export const LogFilters = memo(function LogFilters({ filter, change }: FiltersProps) {
  const definitions = useDefinitionNames();
  const [more, setMore] = useState(filter.url !== "" || filter.error !== "" || filter.entity !== "");
  const set = (part: Partial<LogFilter>) => change({ ...filter, ...part });

  return (
    <search className={classes["search"]}>
      <div className={classes["bar"]}>
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
        <FilterField label="Event type" placeholder="Event type" value={filter.type} change={(type) => set({ type })} />
        <FilterField label="Entity id" placeholder="Entity id" value={filter.entityId} change={(entityId) => set({ entityId })} />
        <TimeRange from={filter.from} to={filter.to} change={set} />
        {more && (
          <>
            <FilterField label="Entity" placeholder="Entity" value={filter.entity} change={(entity) => set({ entity })} />
            <FilterField
              label="Error code"
              placeholder="Error code"
              value={filter.error}
              change={(error) => set({ error: error.toUpperCase() })}
            />
            <FilterField label="Target URL" placeholder="Target URL" value={filter.url} change={(url) => set({ url })} />
          </>
        )}
        {!more && (
          <Button
            size="xs"
            variant="subtle"
            color="gray"
            leftSection={<IconAdjustmentsHorizontal size={14} />}
            onClick={() => setMore(true)}
          >
            More filters
          </Button>
        )}
      </div>
      <Chips chips={chipsOf(filter, definitions, set)} clear={() => change(NO_FILTER)} />
    </search>
  );
});

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
