import { Select } from "@mantine/core";
import { type Chip, Chips } from "../components/chips.tsx";
import classes from "../components/filter-bar.module.css";
import { FilterField } from "../components/filter-field.tsx";
import { rangeText, TimeRange } from "../components/time-range.tsx";
import { type EventsFilter, isTooShort, NO_FILTER, SHORTEST_TEXT } from "./filter.ts";

const TAKEN = { yes: "taken by a webhook", no: "wanted by none" } as const;

function chipsOf(filter: EventsFilter, set: (part: Partial<EventsFilter>) => void): Chip[] {
  const chips: Chip[] = [];
  const say = (name: string, value: string, part: Partial<EventsFilter>) => {
    if (value !== "") chips.push({ name, value, remove: () => set(part) });
  };
  say("Type", filter.type, { type: "" });
  say("Entity", filter.entity, { entity: "" });
  say("Entity id", filter.entityId, { entityId: "" });
  say(
    "Payload contains",
    isTooShort(filter.payload) && filter.payload ? `${filter.payload} (give ${SHORTEST_TEXT} characters)` : filter.payload,
    {
      payload: "",
    },
  );
  say("Application", filter.application, { application: "" });
  say("Went", filter.matched && TAKEN[filter.matched], { matched: "" });
  say("Accepted", filter.from || filter.to ? rangeText(filter) : "", { from: "", to: "" });
  return chips;
}

export function EventFilters({ filter, change }: { filter: EventsFilter; change: (filter: EventsFilter) => void }) {
  const set = (part: Partial<EventsFilter>) => change({ ...filter, ...part });
  return (
    <search className={classes["search"]}>
      <div className={classes["bar"]}>
        <FilterField label="Event type" placeholder="order.*, contact.created" value={filter.type} change={(type) => set({ type })} />
        <FilterField label="Entity" value={filter.entity} change={(entity) => set({ entity })} />
        <FilterField label="Entity id" value={filter.entityId} change={(entityId) => set({ entityId })} />
        <FilterField label="Payload contains" value={filter.payload} change={(payload) => set({ payload })} />
        <FilterField label="Application" value={filter.application} change={(application) => set({ application })} />
        <Select
          aria-label="Where it went"
          placeholder="Wanted or not"
          size="xs"
          className={classes["field"] ?? ""}
          clearable
          data={[
            { value: "yes", label: "Taken by a webhook" },
            { value: "no", label: "Wanted by none" },
          ]}
          value={filter.matched || null}
          onChange={(value) => set({ matched: (value ?? "") as EventsFilter["matched"] })}
        />
        <TimeRange from={filter.from} to={filter.to} change={set} />
      </div>
      <Chips chips={chipsOf(filter, set)} clear={() => change(NO_FILTER)} />
    </search>
  );
}
