/** One call to a target that belongs to no stored definition (yet): the save test and the test button of a face. */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { TEST_EVENT_TYPE } from "../wire/dialect.ts";
import type { Attempted } from "./attempted.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import type { Sender } from "./sender.ts";

/**
 * Sends the dialect's test event by this plan, through the same guard and renderer as every delivery. Nothing is logged.
 * @param actor who asks, as the event's actor
 */
export function probe(core: Core, sender: Sender, plan: Plan, actor: string | null): Promise<Attempted> {
  const now = core.clock.now();
  const { definition } = plan;
  const { organizationId } = definition;
  const request: QueuedRequest = {
    id: newId(core.clock),
    organizationId,
    definitionId: definition.id,
    dialect: definition.dialect,
    ...{ number: 0, laneId: "", laneNumber: 0, position: 0, attemptCount: 0, tries: 0 },
    manual: true,
    isTest: true,
    dueAt: null,
    createdAt: now,
    sentBody: null,
    event: {
      id: newId(core.clock),
      organizationId,
      type: TEST_EVENT_TYPE,
      entity: TEST_EVENT_TYPE,
      entityId: null,
      payload: "{}",
      previous: null,
      changes: [],
      scope: null,
      actor,
      occurredAt: now,
      acceptedAt: now,
    },
  };
  return sender.attempt(request, plan);
}
