/** Views for wire tests, every field given, to be changed where a test cares. */
import type { DefinitionView, EventView, Reply, RequestView } from "../../src/wire/dialect.ts";
import { dialects } from "../../src/wire/dialects.ts";

export const EVENT: EventView = {
  id: "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
  organizationId: "0199a000-0000-7000-8000-0000000000aa",
  type: "contact.created",
  entity: "contact",
  entityId: "18",
  payload: '{"name":"Åse 😀","total":1.0}',
  previous: null,
  changes: [],
  scope: null,
  actor: null,
  occurredAt: new Date("2026-11-21T20:40:01.500Z"),
  acceptedAt: new Date("2026-11-21T20:40:02Z"),
};

export const DEFINITION: DefinitionView = {
  id: "0199a000-0000-7000-8000-0000000000bb",
  organizationId: EVENT.organizationId,
  number: 3,
  name: "Tonys Contact Handler",
  code: "tonys_contact_handler",
  dialect: "STANDARD",
  targetType: "WEBHOOK",
  targetUrl: "https://receiver.example/hooks",
  connection: null,
  headers: {},
  properties: null,
  fieldsSet: [],
  signingKeys: [],
  secretKey: null,
  webServiceId: null,
  policy: dialects.STANDARD.defaults,
};

export const REQUEST: RequestView = {
  id: "0199a000-0000-7000-8000-0000000000cc",
  number: 14,
  retries: 0,
  isTest: false,
  createdAt: new Date("2026-11-21T20:40:02.130Z"),
};

export function reply(status: number, body = "", headers: Reply["headers"] = {}): Reply {
  return { kind: "REPLY", status, headers, body, truncated: false };
}
