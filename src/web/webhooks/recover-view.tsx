/** Recover, of what a view of the log shows. */
import { useMemo } from "react";
import { type LogFilter, liveFilter } from "../log/filter.ts";
import { useDefinitionNames } from "./names.ts";
import { RecoverButton } from "./recover.tsx";

const GIVEN_UP = ["REJECTED", "SKIPPED", "CANCELLED"] as const;

export function RecoverViewButton({ filter }: { filter: LogFilter }) {
  const names = useDefinitionNames();
  const scope = useMemo(() => {
    const { webhookDefinitionId: _, createdAfter: __, createdBefore: ___, ...rest } = liveFilter(filter);
    // A view of what was delivered has nothing to recover; its other parts still say whose.
    const states = GIVEN_UP.filter((state) => filter.states.includes(state));
    const name = names.find((each) => each.id === filter.definition)?.name ?? "this webhook";
    return {
      webhooks: filter.definition === "" ? [] : [{ id: filter.definition, name }],
      filter: { ...rest, ...(states.length === 0 ? {} : { state: [...states] }) },
      since: filter.from || undefined,
      until: filter.to || undefined,
    };
  }, [filter, names]);
  return <RecoverButton scope={scope} size="xs" />;
}
