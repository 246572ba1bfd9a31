/** Where an event goes: the definition's own URL, or the one its connection has for that kind of change. */
import type { DefinitionView, EventView } from "./dialect.ts";

type Action = keyof NonNullable<DefinitionView["connection"]>;

const ACTIONS: Readonly<Record<string, Action>> = {
  created: "added",
  added: "added",
  updated: "edited",
  changed: "edited",
  edited: "edited",
  deleted: "deleted",
  removed: "deleted",
  status_changed: "status",
};

/** What kind of change a type such as `record.status_changed` tells of; undefined: none that a connection knows. */
export function actionOf(type: string): Action | undefined {
  const verb = type.slice(type.lastIndexOf(".") + 1);
  return Object.hasOwn(ACTIONS, verb) ? ACTIONS[verb] : undefined;
}

/** A fragment is never sent, and shown nowhere. */
export function withoutFragment(url: string): string {
  const at = url.indexOf("#");
  return at < 0 ? url : url.slice(0, at);
}

/** Null: nothing is sent for this event. */
export function targetOf(event: EventView, definition: DefinitionView): string | null {
  const url = chosen(event, definition);
  return url === null ? null : withoutFragment(url);
}

function chosen(event: EventView, definition: DefinitionView): string | null {
  const { connection, targetUrl } = definition;
  if (connection === null) return targetUrl;
  const action = actionOf(event.type);
  // Types that are no change (a test, order.paid) go to the definition's own URL, or to the first there is.
  return action ? connection[action] : (targetUrl ?? connection.added ?? connection.edited ?? connection.deleted ?? connection.status);
}
