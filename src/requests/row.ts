/** A webhook request as the log holds it; read by raw SQL, so that a page costs one statement. */
import type { DialectName, NotificationStatus } from "../wire/dialect.ts";

export const REQUEST_STATES = ["PENDING", "SENDING", "WAITING", "DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

export const LIFE_CYCLE_STATES = ["PENDING", "SUCCESSFUL", "REJECTED"] as const;
export type LifeCycleState = (typeof LIFE_CYCLE_STATES)[number];

/** The states behind each life cycle state: every state stands in exactly one. */
export const STATES_OF: Record<LifeCycleState, readonly RequestState[]> = {
  PENDING: ["PENDING", "SENDING", "WAITING"],
  SUCCESSFUL: ["DELIVERED"],
  REJECTED: ["REJECTED", "SKIPPED", "CANCELLED"],
};

export function lifeCycleStateOf(state: RequestState): LifeCycleState {
  return LIFE_CYCLE_STATES.find((lifeCycle) => STATES_OF[lifeCycle].includes(state)) as LifeCycleState;
}

export const isSettled = (state: RequestState): boolean => !STATES_OF.PENDING.includes(state);

export interface RequestRow {
  /** UUID, as all ids here. */
  id: string;
  organizationId: string;
  /** Per organization from 1; there may be gaps. */
  number: number;
  definitionId: string;
  eventId: string;
  workflowRuleId: string | null;
  /** Null for a test. */
  laneId: string | null;
  laneNumber: number;
  position: number;
  state: RequestState;
  /** The number of the latest attempt; 0 before the first. */
  attemptCount: number;
  nextAttemptAt: Date | null;
  isTest: boolean;
  dialect: DialectName;
  eventType: string;
  entity: string | null;
  entityId: string | null;
  url: string | null;
  fieldsSet: string[];
  authenticationCode: string | null;
  errorCode: string | null;
  errorDescription: string | null;
  notificationStatus: NotificationStatus | null;
  notificationMessage: string | null;
  updatedById: string | null;
  updatedUnit: string | null;
  createdAt: Date;
  updatedAt: Date;
  settledAt: Date | null;
}

/** Column by field. */
export const REQUEST_FIELDS = {
  id: "id",
  organizationId: "organization_id",
  number: "number",
  definitionId: "definition_id",
  eventId: "event_id",
  workflowRuleId: "workflow_rule_id",
  laneId: "lane_id",
  laneNumber: "lane_number",
  position: "position",
  state: "state",
  attemptCount: "attempt_count",
  nextAttemptAt: "next_attempt_at",
  isTest: "is_test",
  dialect: "dialect",
  eventType: "event_type",
  entity: "entity",
  entityId: "entity_id",
  url: "url",
  fieldsSet: "fields_set",
  authenticationCode: "authentication_code",
  errorCode: "error_code",
  errorDescription: "error_description",
  notificationStatus: "notification_status",
  notificationMessage: "notification_message",
  updatedById: "updated_by_id",
  updatedUnit: "updated_unit",
  createdAt: "created_at",
  updatedAt: "updated_at",
  settledAt: "settled_at",
} as const satisfies Record<keyof RequestRow, string>;

/** The same as text: the select list of `webhook_request r`. */
export const REQUEST_COLUMNS = Object.entries(REQUEST_FIELDS)
  .map(([field, column]) => `r.${column} AS "${field}"`)
  .join(", ");
