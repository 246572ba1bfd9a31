/** The JSON of an event as it was taken in, to the last digit and in its order. */
import { useEffect, useState } from "react";
import { askExactly } from "../graphql/exact.ts";
import { textAt } from "../graphql/json-text.ts";
import { graphql } from "../graphql/tada.ts";

const EventText = graphql(`
  query EventText($id: ID!) {
    event(id: $id) {
      payload
      previous
      scope
    }
  }
`);
const FIELDS = ["payload", "previous", "scope"] as const;
export type EventTexts = Record<(typeof FIELDS)[number], string>;

/** Undefined until the server has answered. */
export function useEventText(id: string): EventTexts | undefined {
  const [answer, setAnswer] = useState<{ id: string; texts: EventTexts }>();
  useEffect(() => {
    let left = false;
    void askExactly(EventText, { id }).then((json) => {
      const [payload, previous, scope] = FIELDS.map((field) => (json === undefined ? undefined : textAt(json, ["data", "event", field])));
      if (left || payload === undefined || previous === undefined || scope === undefined) return;
      setAnswer({ id, texts: { payload, previous, scope } });
    });
    return () => {
      left = true;
    };
  }, [id]);
  return answer?.id === id ? answer.texts : undefined;
}
