/**
 * The types that refer to each other across nouns. Each is implemented in its own noun's file (`builder.node(ref, …)`);
 * here they only have a name and a row, so that those files need not import each other in a circle.
 */
import type { WorkflowRule as RuleRow } from "../../db/generated/prisma/client.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import type { LaneRow } from "../../requests/lanes.ts";
import type { RequestNode } from "../../requests/related.ts";
import { builder } from "./builder.ts";
import { connectionType } from "./page.ts";

/** definitions.ts */
export const WebhookDefinition = builder.objectRef<DefinitionRow>("WebhookDefinition");
/** rules.ts */
export const WorkflowRule = builder.objectRef<RuleRow>("WorkflowRule");
/** requests.ts; a row for it comes from `showRequest(core.db, organizationId, { id })` in requests/show.ts */
export const WebhookRequest = builder.objectRef<RequestNode>("WebhookRequest");
export const WebhookRequestConnection = connectionType("WebhookRequest", WebhookRequest);
/** lanes.ts */
export const Lane = builder.objectRef<LaneRow>("Lane");
