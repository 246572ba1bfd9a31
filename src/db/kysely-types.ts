/** Made by `npm run schema` from prisma/schema.prisma: the tables as queries read them. */

export interface OrganizationTable {
  id: string;
  name: string;
  time_zone: string;
  features: ("INBOUND_WEBHOOKS")[];
  enforce_event_types: boolean;
  enforce_schemas: boolean;
  alert_email: string | null;
  retention_days: number | null;
  created_at: Date;
  deliveries_paused_at: Date | null;
  deliveries_go_on_since: Date | null;
}

export interface AlertTable {
  organization_id: string;
  kind: string;
  subject_id: string;
  cause: string;
  began_at: Date;
  seen_at: Date;
}

export interface OrganizationCounterTable {
  organization_id: string;
  request_number: number;
  definition_number: number;
}

export interface OrganizationCatalogTable {
  organization_id: string;
  version: number;
}

export interface OrganizationQuotaTable {
  organization_id: string;
  events_per_second: number | null;
  definitions: number | null;
  queued_requests: number | null;
  stored_bytes: number | null;
  subscriptions: number | null;
}

export interface EventBucketTable {
  organization_id: string;
  id: string;
  rate: number;
  level: number;
  told_at: Date;
}

export interface StoredDayTable {
  organization_id: string;
  day: Date;
  bytes: number;
}

export interface SubscriptionCountTable {
  organization_id: string;
  process_id: string;
  subscriptions: number;
  told_at: Date;
}

export interface UserTable {
  id: string;
  organization_id: string;
  number: number;
  email: string;
  username: string | null;
  name: string | null;
  password_hash: string | null;
  role: "ADMIN" | "MEMBER" | "VIEWER";
  disabled_at: Date | null;
  oidc_issuer: string | null;
  oidc_subject: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface ApiTokenTable {
  id: string;
  organization_id: string;
  user_id: string;
  name: string;
  prefix: string;
  hash: Buffer;
  role: "ADMIN" | "MEMBER" | "VIEWER";
  scopes: string[];
  application: string | null;
  operator: boolean;
  expires_at: Date | null;
  last_used_at: Date | null;
  revoked_at: Date | null;
  created_at: Date;
  events_per_second: number | null;
}

export interface SessionTable {
  id: string;
  organization_id: string;
  kind: "BROWSER" | "COTALKER" | "CRMCOM" | "DOFORMS" | "SIGN_IN_LINK" | "PORTAL_LINK" | "PORTAL";
  hash: Buffer;
  user_id: string | null;
  api_token_id: string | null;
  web_service_id: string | null;
  unit: string | null;
  address: string | null;
  application_id: string | null;
  read_only: boolean;
  expires_at: Date;
  revoked_at: Date | null;
  created_at: Date;
}

export interface AuditEntryTable {
  id: string;
  organization_id: string;
  user_id: string | null;
  token_prefix: string | null;
  address: string | null;
  action: string;
  subject_type: string | null;
  subject_id: string | null;
  before: unknown;
  after: unknown;
  created_at: Date;
}

export interface EventTypeTable {
  id: string;
  organization_id: string;
  name: string;
  description: string | null;
  schema: unknown;
  examples: unknown;
  version: number;
  deprecated: boolean;
  created_at: Date;
}

export interface WebhookDefinitionTable {
  id: string;
  organization_id: string;
  number: number;
  name: string;
  code: string;
  description: string | null;
  dialect: "STANDARD" | "CRMCOM" | "DOFORMS" | "COTALKER" | "SUPEROFFICE";
  state: "ACTIVE" | "STOPPED" | "TOO_MANY_ERRORS";
  state_reason: string | null;
  event_types: string[];
  filter: unknown;
  target_type: "WEBHOOK" | "CRMSCRIPT";
  target_url: string | null;
  connection_id: string | null;
  script_id: string | null;
  headers: string | null;
  public_headers: string[];
  properties: unknown;
  hidden_properties: string | null;
  public_properties: string[];
  warning: string | null;
  ordering: "DEFINITION" | "KEY" | "NONE" | null;
  ordering_epoch: number;
  concurrency: number | null;
  on_exhausted: "SKIP" | "BLOCK" | "REQUEUE" | null;
  retry_schedule: number[];
  retry_schedule_set: boolean;
  max_consecutive_errors: number | null;
  max_consecutive_errors_set: boolean;
  timeout_ms: number | null;
  signature_versions: ("V1" | "V1A")[];
  fields_set: string[];
  secret_key_id: string | null;
  hmac_algorithm: "SHA256" | "SHA1";
  hmac_encoding: "HEX" | "BASE64";
  transformation: string | null;
  payload_query: string | null;
  errors_email: string | null;
  application: string | null;
  application_id: string | null;
  created_by_id: string | null;
  updated_by_id: string | null;
  created_unit: string | null;
  updated_unit: string | null;
  created_at: Date;
  updated_at: Date;
  stopped_at: Date | null;
  deleted_at: Date | null;
}

export interface DefinitionCounterTable {
  definition_id: string;
  organization_id: string;
  consecutive_errors: number;
  total_calls: number;
  total_errors: number;
  last_error: string | null;
  last_attempt_at: Date | null;
  open_epoch: number;
  draining_since: Date | null;
  go_on_since: Date | null;
  cancel_since: Date | null;
  lane_floor: number;
  lane_floor_at: Date | null;
  lane_floor_xid: number | null;
}

export interface SigningSecretTable {
  id: string;
  organization_id: string;
  definition_id: string;
  version: number;
  kind: "STANDARD" | "TEXT" | "ED25519";
  ciphertext: string;
  last_four: string;
  public_key: string | null;
  expires_at: Date | null;
  created_at: Date;
}

export interface ApplicationTable {
  id: string;
  organization_id: string;
  uid: string;
  name: string;
  created_at: Date;
  deleted_at: Date | null;
}

export interface SecretKeyTable {
  id: string;
  organization_id: string;
  name: string;
  ciphertext: string;
  last_four: string;
  created_at: Date;
}

export interface ConnectionTable {
  id: string;
  organization_id: string;
  name: string;
  url_added: string | null;
  url_edited: string | null;
  url_deleted: string | null;
  url_status: string | null;
  headers: string | null;
  public_headers: string[];
  warning: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface WebServiceTable {
  id: string;
  organization_id: string;
  external_id: string;
  form: string;
  project: string;
  password_hash: string;
  connection_id: string | null;
  events: string[];
  definition_id: string | null;
  created_at: Date;
}

export interface WorkflowRuleTable {
  id: string;
  organization_id: string;
  name: string;
  code: string;
  description: string | null;
  entity: string;
  condition: unknown;
  actions: unknown;
  priority: "LOW" | "MEDIUM" | "HIGH";
  state: "ACTIVE" | "STOPPED";
  created_by_id: string | null;
  updated_by_id: string | null;
  created_unit: string | null;
  updated_unit: string | null;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}

export interface WorkflowRuleDefinitionTable {
  rule_id: string;
  definition_id: string;
  position: number;
  organization_id: string;
}

export interface ScriptTable {
  id: string;
  organization_id: string;
  name: string;
  source: string;
  created_at: Date;
  updated_at: Date;
}

export interface EventTable {
  id: string;
  organization_id: string;
  type: string;
  entity: string | null;
  entity_id: string | null;
  payload: string;
  previous: string | null;
  changes: string[];
  scope: unknown;
  actor: string | null;
  caller_number: number | null;
  source: string | null;
  application_id: string | null;
  occurred_at: Date;
  created_at: Date;
  traceparent: string | null;
  tracestate: string | null;
  erased_at: Date | null;
}

export interface IdempotencyKeyTable {
  organization_id: string;
  space: string;
  key: string;
  body_hash: Buffer;
  status: number;
  answer: string;
  created_at: Date;
}

export interface LaneTable {
  id: string;
  organization_id: string;
  definition_id: string;
  key: string;
  last_number: number;
  last_position: number;
  settled_number: number;
  revision: number;
  lease_token: string | null;
  leased_until: Date | null;
  retry_at: Date | null;
  blocked_reason: string | null;
  blocked_request_id: string | null;
  paused_at: Date | null;
  created_at: Date;
  epoch: number;
  free: boolean;
  read_from: number;
  idle_since: Date | null;
}

export interface LaneEntryTable {
  lane_id: string;
  position: number;
  request_id: string;
  due_at: Date | null;
  organization_id: string;
}

export interface LaneDueTable {
  organization_id: string;
  lane_id: string;
  definition_id: string;
  due_at: Date;
}

export interface WebhookRequestTable {
  id: string;
  organization_id: string;
  number: number;
  definition_id: string;
  event_id: string;
  workflow_rule_id: string | null;
  lane_id: string | null;
  lane_number: number;
  position: number;
  state: "PENDING" | "SENDING" | "WAITING" | "DELIVERED" | "REJECTED" | "SKIPPED" | "CANCELLED";
  attempt_count: number;
  tries: number;
  manual: boolean;
  next_attempt_at: Date | null;
  rerender: boolean;
  sending_at: Date | null;
  is_test: boolean;
  failed: boolean;
  dialect: "STANDARD" | "CRMCOM" | "DOFORMS" | "COTALKER" | "SUPEROFFICE";
  event_type: string;
  entity: string | null;
  entity_id: string | null;
  url: string | null;
  fields_set: string[];
  authentication_code: string | null;
  error_code: string | null;
  error_description: string | null;
  notification_status: "NEW" | "RECEIVED" | "COMPLETED" | "FAILED" | null;
  notification_message: string | null;
  updated_by_id: string | null;
  updated_unit: string | null;
  created_at: Date;
  updated_at: Date;
  settled_at: Date | null;
}

export interface AttemptTable {
  organization_id: string;
  request_id: string;
  number: number;
  outcome: "DELIVERED" | "REJECTED" | "TIMED_OUT" | "REFUSED" | "BLOCKED" | "INTERRUPTED";
  manual: boolean;
  status_code: number | null;
  duration_ms: number;
  error_code: string | null;
  error_description: string | null;
  warning: string | null;
  request_url: string;
  request_headers: unknown;
  request_body: string | null;
  request_tail: string | null;
  rendering: string | null;
  rerendered: boolean;
  response_headers: unknown;
  response_body: string | null;
  response_truncated: boolean;
  started_at: Date;
}

export interface FeedEntryTable {
  organization_id: string;
  sequence: number;
  changes: number;
  body: string;
  created_at: Date;
}

export interface FeedUnsequencedTable {
  organization_id: string;
  draw: number;
  changes: number;
  body: string;
  created_at: Date;
}

export interface FeedHeadTable {
  organization_id: string;
  sequence: number;
}

export interface EpochTable {
  id: string;
  fingerprint: string;
  made_at: Date;
}

export interface NumberBlockTable {
  organization_id: string;
  from_number: number;
  to_number: number;
  first_id: string;
  last_id: string;
  taken_at: Date;
}

export interface DeliveryMinuteTable {
  organization_id: string;
  definition_id: string;
  minute: Date;
  process: string;
  delivered: number;
  retried: number;
  rejected: number;
  durations: number[];
  last_attempt_at: Date;
}

export interface ReplayTable {
  id: string;
  organization_id: string;
  filter: unknown;
  kind: "REJECTED" | "MISSED";
  definition_id: string | null;
  since: Date | null;
  until: Date | null;
  rate_per_second: number | null;
  total: number;
  done: number;
  failed: number;
  state: "RUNNING" | "DONE" | "FAILED" | "CANCELLED";
  last_id: string;
  until_id: string;
  created_by_id: string | null;
  created_at: Date;
  updated_at: Date;
  finished_at: Date | null;
}

export interface RecoveredEventTable {
  organization_id: string;
  event_id: string;
  definition_id: string;
  request_id: string | null;
  is_test: boolean;
}

export interface SendingTestTable {
  organization_id: string;
  request_id: string;
  gives_up_at: Date;
}

export interface ErasureTable {
  id: string;
  organization_id: string;
  filter: unknown;
  cancel_queued: boolean;
  total: number;
  erased: number;
  left_out: number;
  state: "RUNNING" | "DONE" | "FAILED";
  last_id: string;
  until_id: string;
  events_after: string | null;
  created_by_id: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface OrganizationErasureTable {
  organization_id: string;
  total: number;
  done: number;
  started_at: Date;
  updated_at: Date;
  finished_at: Date | null;
}

export interface GoalTable {
  id: string;
  organization_id: string;
  name: string;
  unit: string | null;
  direction: "MAXIMIZE" | "MINIMIZE";
  good_threshold: string | null;
  bad_threshold: string | null;
  status: "RED" | "AMBER" | "GREEN" | null;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}

export interface GoalValueTable {
  id: string;
  organization_id: string;
  goal_id: string;
  date: Date;
  value: string;
  good_threshold: string | null;
  bad_threshold: string | null;
  status: "RED" | "AMBER" | "GREEN" | null;
  created_at: Date;
  updated_at: Date;
}

export interface InboundWebhookTable {
  id: string;
  organization_id: string;
  target_type: "GOAL" | "EVENT";
  goal_id: string | null;
  name: string;
  description: string | null;
  enabled: boolean;
  key_hash: Buffer;
  last_received_at: Date | null;
  last_errors: unknown;
  created_at: Date;
  updated_at: Date;
  event_type: string | null;
  verification: "NONE" | "STANDARD_WEBHOOKS" | "GITHUB" | "STRIPE" | "SHOPIFY" | "SLACK" | "HMAC";
  secret_ciphertext: string | null;
  secret_last_four: string | null;
  signature_header: string | null;
  signature_encoding: "HEX" | "BASE64";
  transformation: string | null;
  dedupe_header: string | null;
  dedupe_path: string | null;
  accepted_count: number;
  duplicate_count: number;
  refused_count: number;
}

export interface InboundPostTable {
  organization_id: string;
  id: string;
  inbound_webhook_id: string;
  received_at: Date;
  outcome: "ACCEPTED" | "DUPLICATE" | "SKIPPED" | "CHALLENGE" | "REFUSED";
  status: number;
  reason: string | null;
  event_id: string | null;
}

export interface RateBucketTable {
  key: string;
  count: number;
  window_ends_at: Date;
}

export interface Tables {
  organization: OrganizationTable;
  alert: AlertTable;
  organization_counter: OrganizationCounterTable;
  organization_catalog: OrganizationCatalogTable;
  organization_quota: OrganizationQuotaTable;
  event_bucket: EventBucketTable;
  stored_day: StoredDayTable;
  subscription_count: SubscriptionCountTable;
  users: UserTable;
  api_token: ApiTokenTable;
  session: SessionTable;
  audit_entry: AuditEntryTable;
  event_type: EventTypeTable;
  webhook_definition: WebhookDefinitionTable;
  definition_counter: DefinitionCounterTable;
  signing_secret: SigningSecretTable;
  application: ApplicationTable;
  secret_key: SecretKeyTable;
  connection: ConnectionTable;
  web_service: WebServiceTable;
  workflow_rule: WorkflowRuleTable;
  workflow_rule_definition: WorkflowRuleDefinitionTable;
  script: ScriptTable;
  event: EventTable;
  idempotency_key: IdempotencyKeyTable;
  lane: LaneTable;
  lane_entry: LaneEntryTable;
  lane_due: LaneDueTable;
  webhook_request: WebhookRequestTable;
  attempt: AttemptTable;
  feed_entry: FeedEntryTable;
  feed_unsequenced: FeedUnsequencedTable;
  feed_head: FeedHeadTable;
  epoch: EpochTable;
  number_block: NumberBlockTable;
  delivery_minute: DeliveryMinuteTable;
  replay: ReplayTable;
  recovered_event: RecoveredEventTable;
  sending_test: SendingTestTable;
  erasure: ErasureTable;
  organization_erasure: OrganizationErasureTable;
  goal: GoalTable;
  goal_value: GoalValueTable;
  inbound_webhook: InboundWebhookTable;
  inbound_post: InboundPostTable;
  rate_bucket: RateBucketTable;
}
